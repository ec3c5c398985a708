#pragma once

#include <string>
#include <vector>

#include "common/base/endpoint.hpp"
#include "common/base/secret.hpp"
#include "common/base/token_bucket.hpp"
#include "signaling/core/limits.hpp"
#include "signaling/core/outbox.hpp"
#include "signaling/core/timers.hpp"

namespace turnpike::signaling {

struct Participant;

/// One WebSocket, from on_open to on_close. A participant may outlive it (rejoin).
struct Session {
    Session(SessionId number, const IpAddress& from, const Limits& limits)
        : id(number), source(from) {
        if (limits.is_exempt(from)) return;  // a bucket without a rate lets everything pass
        const auto bucket = [](const Rate& rate) { return TokenBucket{rate.per_second, rate.burst}; };
        messages = bucket(limits.messages);
        errors = bucket(limits.errors);
        signal = bucket(limits.signal);
        chat = bucket(limits.chat);
        presence = bucket(limits.presence);
        ice = bucket(limits.ice);
    }

    SessionId id;
    IpAddress source;
    bool greeted = false;  // session.hello was accepted
    bool leaving = false;  // session.bye was accepted
    std::string name;      // session_id on the wire
    Secret resume_token;   // what a later session proves itself with
    std::uint64_t s = 0;   // of the last result or notification
    Timers::Handle hello_deadline;
    TokenBucket messages, errors, signal, chat, presence, ice;
    std::vector<Participant*> participants;  // at most Limits::rooms_per_session
};

}  // namespace turnpike::signaling
