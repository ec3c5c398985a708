#include "benchmarks/load/fleet_maker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "turn/stun/attributes.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::bench {
namespace {

constexpr Nanoseconds kFirstTimeout = 500ms;       // RTO
constexpr int kSendsMax = 7;                       // Rc
constexpr int kLastWait = 16;                      // Rm, in RTOs
constexpr Nanoseconds kReliableTimeout = 39500ms;  // Ti
constexpr int kRefusalsMax = 3;                    // 401 and 438 in a row

constexpr std::uint16_t kChannel = 0x4000;
constexpr Nanoseconds kReopenEvery = 240s;  // a permission lives 300 s
constexpr Nanoseconds kRefreshAhead = 60s;
constexpr std::uint32_t kLifetimeUsual = 600;  // seconds, RFC 8656 §3.2

constexpr Nanoseconds kScanEvery = 5ms;
constexpr int kDueBudget = 64;
constexpr std::size_t kRequestBytesMax = 2048;

std::string_view name_of(stun::Method method) {
    switch (method) {
        case stun::Method::Allocate:
            return "Allocate";
        case stun::Method::Refresh:
            return "Refresh";
        case stun::Method::CreatePermission:
            return "CreatePermission";
        case stun::Method::ChannelBind:
            return "ChannelBind";
        default:
            return "request";
    }
}

}  // namespace

FleetMaker::FleetMaker(ClientLink& link, const Target& target, Plan plan, WallTime now,
                       Random& random)
    : link_(link),
      target_(target),
      plan_(std::move(plan)),
      wall_(now),
      random_(random),
      sessions_(plan_.members) {
    fleet_.server = target.server;
    fleet_.transport = target.transport;
    fleet_.relay_to_relay = plan_.relay_to_relay;
    fleet_.members.resize(plan_.members);
}

void FleetMaker::start(std::uint32_t member, Instant now) {
    Session& session = sessions_[member];
    session.began = now;
    session.state = State::Allocating;
    session.refusals = 0;
    session.keyed = false;  // a set-up is a whole one, with its challenge
    if (auto opened = link_.open(member); !opened) return fail(member, 0, opened.error());
    fleet_.members[member].client = link_.local(member);
    request(member, Purpose::Allocate, now);
}

void FleetMaker::close(std::uint32_t member, Instant now) {
    Session& session = sessions_[member];
    if (session.state == State::Ready) --ready_;
    session.state = State::Closing;
    session.began = now;
    request(member, Purpose::Close, now);
}

void FleetMaker::request(std::uint32_t member, Purpose purpose, Instant now) {
    Session& session = sessions_[member];
    session.purpose = purpose;
    session.sends = 0;
    random_.fill_public(session.id);
    store_u32(session.id, 0, member);
    if (session.active_at == kNotActive) {
        session.active_at = static_cast<std::uint32_t>(active_.size());
        active_.push_back(member);
    }
    transmit(member, now);
}

// A retransmission is built anew: its parts have not changed since.
void FleetMaker::transmit(std::uint32_t member, Instant now) {
    Session& session = sessions_[member];
    const bool channels = plan_.framing == Framing::Channels;
    stun::Method method = stun::Method::Refresh;
    if (session.purpose == Purpose::Allocate) method = stun::Method::Allocate;
    if (session.purpose == Purpose::OpenPeer)
        method = channels ? stun::Method::ChannelBind : stun::Method::CreatePermission;

    std::array<std::uint8_t, kRequestBytesMax> space;
    stun::MessageBuilder message{space, stun::Class::Request, method, session.id};
    switch (session.purpose) {
        case Purpose::Allocate:
            message.u8(stun::Attribute::RequestedTransport, stun::kProtocolUdp);
            if (plan_.family)
                message.u8(stun::Attribute::RequestedAddressFamily,
                           static_cast<std::uint8_t>(*plan_.family));
            break;
        case Purpose::OpenPeer:
            if (channels) message.u16(stun::Attribute::ChannelNumber, kChannel);
            message.xor_address(stun::Attribute::XorPeerAddress, fleet_.members[member].peer);
            break;
        case Purpose::Close:
            message.u32(stun::Attribute::Lifetime, 0);
            break;
        case Purpose::Refresh:
            break;
    }
    if (session.keyed) {
        message.text(stun::Attribute::Username, username_for(target_, member + 1, wall_))
            .text(stun::Attribute::Realm, realm_)
            .text(stun::Attribute::Nonce, session.nonce)
            .message_integrity(session.key);
    }
    if (!message.ok())
        return fail(member, 0, "a username or nonce that does not fit into a request");
    link_.send(member, message.bytes());  // no room is as good as lost: it is sent again

    if (session.sends++ > 0) ++retransmissions_;
    Nanoseconds timeout = kFirstTimeout * (1 << (session.sends - 1));
    if (session.sends == kSendsMax) timeout = kFirstTimeout * kLastWait;
    session.next_at = now + (link_.reliable() ? kReliableTimeout : timeout);
}

void FleetMaker::tick(Instant now) {
    run_due(refreshes_, now);
    run_due(reopenings_, now);
    if (now < next_scan_) return;
    next_scan_ = now + kScanEvery;
    // Failing takes a member out of the list, and another one into its place.
    for (std::size_t i = 0; i < active_.size();) {
        const std::uint32_t member = active_[i];
        const Session& session = sessions_[member];
        if (session.next_at > now) {
            ++i;
        } else if (link_.reliable() || session.sends >= kSendsMax) {
            fail(member, 0, fmt::format("no answer after {} tries", session.sends));
        } else {
            transmit(member, now);
            i += i < active_.size() && active_[i] == member ? 1 : 0;
        }
    }
}

void FleetMaker::run_due(std::deque<Due>& queue, Instant now) {
    for (int i = 0; i < kDueBudget && !queue.empty() && queue.front().at <= now; ++i) {
        const Due due = queue.front();
        queue.pop_front();
        Session& session = sessions_[due.member];
        if (session.state != State::Ready || session.began != due.began) continue;  // closed since
        if (session.active_at != kNotActive) {
            queue.push_back({now + 1s, due.began, due.member, due.purpose});
            continue;
        }
        request(due.member, due.purpose, now);
    }
}

void FleetMaker::on_message(std::uint32_t member, ByteView bytes, Instant now) {
    Session& session = sessions_[member];
    if (session.active_at == kNotActive) return;
    const auto message = stun::MessageView::parse(bytes);
    // A late answer to a retransmission has another transaction.
    if (!message || message->transaction() != session.id) return;
    switch (message->message_class()) {
        case stun::Class::Success:
            // RFC 8489 §9.2.5: a success that does not prove the password is not for us.
            if (session.keyed && stun::verify_message_integrity(*message, session.key))
                on_success(member, *message, now);
            return;
        case stun::Class::Error:
            return on_refusal(member, *message, now);
        default:
            return;
    }
}

void FleetMaker::on_success(std::uint32_t member, const stun::MessageView& message, Instant now) {
    Session& session = sessions_[member];
    session.refusals = 0;
    settle(member);
    switch (session.purpose) {
        case Purpose::Allocate:
            return allocated(member, message, now);
        case Purpose::OpenPeer:
            reopenings_.push_back({now + kReopenEvery, session.began, member, Purpose::OpenPeer});
            if (session.state == State::Ready) return;  // opened again
            session.state = State::Ready;
            ++ready_;
            if (events_.ready) events_.ready(member, now - session.began);
            return;
        case Purpose::Refresh:
            return refresh_later(member, message, now);
        case Purpose::Close:
            session.state = State::Idle;
            link_.close(member);
            if (events_.closed) events_.closed(member, now - session.began);
            return;
    }
}

void FleetMaker::allocated(std::uint32_t member, const stun::MessageView& message, Instant now) {
    FleetMember& self = fleet_.members[member];
    const auto value = message.find(stun::Attribute::XorRelayedAddress);
    const auto relayed =
        value ? stun::decode_xor_address(*value, message.transaction_id()) : std::nullopt;
    if (!relayed) return fail(member, 0, "Allocate: an answer without XOR-RELAYED-ADDRESS");
    self.relayed = *relayed;
    refresh_later(member, message, now);
    if (!plan_.relay_to_relay) {
        self.peer = plan_.peer(member);
        return open_peer(member, now);
    }
    sessions_[member].state = State::WaitingForPeer;
    const std::uint32_t other = member ^ 1;
    if (other >= size() || sessions_[other].state != State::WaitingForPeer) return;
    self.peer = fleet_.members[other].relayed;
    fleet_.members[other].peer = self.relayed;
    open_peer(member, now);
    open_peer(other, now);
}

void FleetMaker::refresh_later(std::uint32_t member, const stun::MessageView& message,
                               Instant now) {
    const auto value = message.find(stun::Attribute::Lifetime);
    const auto seconds = value ? stun::decode_lifetime(*value) : std::nullopt;
    const Nanoseconds lifetime = Seconds{seconds.value_or(kLifetimeUsual)};
    refreshes_.push_back({now + std::max(lifetime - kRefreshAhead, lifetime / 2),
                          sessions_[member].began, member, Purpose::Refresh});
}

void FleetMaker::open_peer(std::uint32_t member, Instant now) {
    fleet_.members[member].channel = plan_.framing == Framing::Channels ? kChannel : 0;
    sessions_[member].state = State::Opening;
    request(member, Purpose::OpenPeer, now);
}

void FleetMaker::on_refusal(std::uint32_t member, const stun::MessageView& message, Instant now) {
    Session& session = sessions_[member];
    const auto value = message.find(stun::Attribute::ErrorCode);
    const auto error = value ? stun::decode_error(*value) : std::nullopt;
    if (!error) return fail(member, 0, "an error response without ERROR-CODE");
    const bool challenge = error->code == 401 && !session.keyed;
    const bool stale = error->code == 438;
    if ((!challenge && !stale) || ++session.refusals > kRefusalsMax) {
        return fail(
            member, error->code,
            fmt::format("{}: {} {}", name_of(message.method()), error->code, error->reason));
    }
    const auto realm = message.find(stun::Attribute::Realm),
               nonce = message.find(stun::Attribute::Nonce);
    if (!realm || !nonce)
        return fail(member, error->code, fmt::format("{} without REALM and NONCE", error->code));
    if (!target_.realm.empty() && target_.realm != as_text(*realm)) {
        return fail(
            member, 0,
            fmt::format("the server's realm is '{}', not '{}'", as_text(*realm), target_.realm));
    }
    session.nonce = as_text(*nonce);
    if (!session.keyed) {
        realm_ = as_text(*realm);
        const ClientCredential credential = credential_for(target_, member + 1, wall_);
        session.key = stun::long_term_key_md5(credential.username, realm_, credential.password);
        session.keyed = true;
    }
    request(member, session.purpose, now);
}

void FleetMaker::on_broken(std::uint32_t member, const std::string& why) {
    if (sessions_[member].state == State::Idle || sessions_[member].state == State::Failed) return;
    fail(member, 0, why);
}

void FleetMaker::settle(std::uint32_t member) {
    Session& session = sessions_[member];
    if (session.active_at == kNotActive) return;
    const std::uint32_t last = active_.back();
    active_[session.active_at] = last;
    sessions_[last].active_at = session.active_at;
    active_.pop_back();
    session.active_at = kNotActive;
}

void FleetMaker::fail(std::uint32_t member, std::uint16_t code, const std::string& why) {
    Session& session = sessions_[member];
    settle(member);
    if (session.state == State::Ready) --ready_;
    session.state = State::Failed;
    link_.close(member);
    failures_.add(code, why);
    if (events_.failed) events_.failed(member);
}

}  // namespace turnpike::bench
