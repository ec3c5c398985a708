#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.hpp"
#include "common/base/secret.hpp"
#include "signaling/core/ice_servers.hpp"
#include "signaling/core/messages.hpp"
#include "signaling/core/outbox.hpp"
#include "signaling/core/timers.hpp"

namespace turnpike::signaling {

struct Room;

/// A member of a room. Without a session it is reconnecting, for a short grace.
struct Participant {
    std::uint64_t number = 0;  // ours, for timers
    Room* room = nullptr;
    std::string id;            // peer_id on the wire
    std::string name;
    PeerKind kind = PeerKind::Human;
    bool host = false;
    bool muted = false, hand = false;
    Link link = Link::Unknown;
    std::uint64_t joined_seq = 0;
    WallTime joined_at{};
    SessionId session;    // 0: reconnecting
    Secret rejoin_token;  // the resume token of the session that holds it, or held it last
    std::string subject;
    WallTime credential_ends{};            // the latest one's
    std::vector<std::string> issued_urls;  // of the latest one; empty: it has none
    Timers::Handle grace, renewal;

    bool online() const noexcept { return static_cast<bool>(session); }
};

/// A call: its members in order of joining and a numbered sequence of events. It lives as long as
/// it has members, and `empty_ttl` longer.
struct Room {
    struct Said {
        std::uint64_t participant;
        std::string mid;
        std::uint64_t seq;
        WallTime at;
    };
    static constexpr std::size_t kSaidMax = 64;

    std::uint64_t number = 0;  // ours, for timers
    std::string id;
    std::string name;
    Visibility visibility = Visibility::Unlisted;
    std::vector<std::string> tags;
    unsigned max = 0;
    std::string region;     // where its members are; empty: anywhere
    std::string epoch;      // of this life of the room
    std::uint64_t seq = 0;  // of the last event
    Secret host_key;
    WallTime created_at{};
    std::string relay;               // node id; empty: none placed yet
    std::vector<std::string> urls;   // that relay's, as handed out; empty: none is up
    std::deque<Said> said;           // recent chat messages, so that a repeated one is not said twice
    std::vector<std::unique_ptr<Participant>> members;
    Timers::Handle empty_deadline;

    Participant* find(std::string_view peer_id) const noexcept {
        for (const auto& member : members) {
            if (member->id == peer_id) return member.get();
        }
        return nullptr;
    }
    const Said* already_said(const Participant& by, std::string_view mid) const noexcept {
        for (const Said& one : said) {
            if (one.participant == by.number && one.mid == mid) return &one;
        }
        return nullptr;
    }
    void remember_said(Said one) {
        if (said.size() == kSaidMax) said.pop_front();
        said.push_back(std::move(one));
    }
};

/// Ids and keys. Random enough that nobody guesses them.
std::string new_room_id(Random& random);        // abcd-efgh-jkmn
std::string new_epoch(Random& random);          // 8 hex digits
std::string new_key(Random& random);            // 128 secret bits
std::string new_public_id(Random& random, std::string_view prefix);

}  // namespace turnpike::signaling
