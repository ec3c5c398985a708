#include "signaling/core/hub.hpp"

#include <algorithm>
#include <utility>

#include "signaling/core/frames.hpp"

namespace turnpike::signaling {
namespace {

constexpr Seconds kSweepEvery{60};
// How much longer than the credential a revocation lasts: clocks of two machines differ.
constexpr Seconds kClockSkew{60};
// A new secret makes every credential stale; spread, so that not all pages ask at once.
constexpr std::uint32_t kRotationSpreadMs = 3000;

}  // namespace

Hub::Hub(HubConfig config, Random& random)
    : config_(std::move(config)),
      random_(random),
      hash_{HashKey{random.public_u64(), random.public_u64()}},
      issuer_(config_.ice),
      sources_(config_.limits),
      rooms_(0, hash_) {
    config_.members_max = std::clamp(config_.members_max, 2U, kMembersHardCap);
}

bool Hub::may_open(const IpAddress& source) const noexcept {
    return sessions_.size() < config_.limits.sessions && sources_.may_open(source);
}

void Hub::on_open(SessionId id, const IpAddress& source, Moment at, Outbox& out) {
    if (sessions_.size() >= config_.limits.sessions || !sources_.open(source, at.now)) {
        ++counters_.sessions_refused;
        out.push_back(CloseSession{id, CloseCode::Overloaded});
        return;
    }
    ++counters_.sessions_opened;
    auto session = std::make_unique<Session>(id, source, config_.limits);
    session->hello_deadline = timers_.arm(at.now + config_.limits.hello, {Timer::Kind::Hello, id.value});
    if (!sweep_armed_) {
        timers_.arm(at.now + kSweepEvery, {Timer::Kind::Sweep, 0});
        sweep_armed_ = true;
    }
    sessions_.emplace(id, std::move(session));
}

void Hub::on_message(SessionId id, std::string_view text, Moment at, Outbox& out) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;  // closed by us; what was still under way does not count
    Session& session = *found->second;
    const Turn turn{at, out};

    // Before parsing: a flood costs as little as possible.
    if (!session.messages.take(1, at.now)) {
        ++counters_.refused_rate;
        refuse(session, "null", {ErrorCode::RateLimited, "too many messages", 1000}, turn);
        return;
    }
    const auto request = parse_request(text, config_.limits.message);
    if (!request) {
        const bool unknown = request.error().code == ErrorCode::InvalidParams ||
                             request.error().code == ErrorCode::MethodNotFound;
        ++(unknown ? counters_.refused_params : counters_.refused_parse);
        refuse(session, request.error().id, {request.error().code, request.error().message}, turn);
        return;
    }
    const Call& asked = request->call;
    const bool first = std::holds_alternative<Hello>(asked) || std::holds_alternative<Resume>(asked) ||
                       std::holds_alternative<Bye>(asked);
    if (!session.greeted && !first) {
        ++counters_.refused_other;
        refuse(session, request->id, {ErrorCode::HelloRequired, "session.hello comes first"}, turn);
        return;
    }
    const Answer answer = std::visit([&](const auto& each) { return call(session, each, turn); }, asked);
    if (!answer) {
        ++(answer.error().code == ErrorCode::RateLimited ? counters_.refused_rate : counters_.refused_other);
        refuse(session, request->id, answer.error(), turn);
        return;
    }
    ++counters_.calls[asked.index()];
    if (!request->id.empty()) send_result(session, request->id, *answer, out);
    if (session.leaving) close(session, CloseCode::Normal, {}, turn);
}

void Hub::on_close(SessionId id, Moment at, Outbox& out) {
    const auto found = sessions_.find(id);
    if (found != sessions_.end()) forget(*found->second, {at, out});
}

void Hub::advance(Moment at, Outbox& out) {
    const Turn turn{at, out};
    timers_.advance(at.now, [&](Timer timer) {
        switch (timer.kind) {
            case Timer::Kind::None: break;
            case Timer::Kind::Hello:
                if (const auto found = sessions_.find(SessionId{timer.id}); found != sessions_.end()) {
                    close(*found->second, CloseCode::HelloTimeout, ErrorCode::HelloRequired, turn);
                }
                break;
            case Timer::Kind::Grace:
                if (const auto found = participants_.find(timer.id); found != participants_.end()) {
                    ++counters_.timed_out;
                    remove(*found->second, "timeout", turn);
                }
                break;
            case Timer::Kind::Renew:
                if (const auto found = participants_.find(timer.id); found != participants_.end()) {
                    renew(*found->second, turn);
                }
                break;
            case Timer::Kind::RoomEmpty:
                if (const auto found = rooms_by_number_.find(timer.id); found != rooms_by_number_.end()) {
                    close_room(*found->second, turn);
                }
                break;
            case Timer::Kind::Sweep:
                sources_.sweep(at.now);
                sweep_armed_ = sources_.size() > 0 || !sessions_.empty();
                if (sweep_armed_) timers_.arm(at.now + kSweepEvery, {Timer::Kind::Sweep, 0});
                break;
        }
    });
}

// ---- relays and credentials -------------------------------------------------------------------

const cluster::NodeInfo* Hub::seat(Room& room) {
    const cluster::NodeInfo* node = relays_.place({room.id, room.max, room.region});
    if (node == nullptr) return nullptr;
    unseat(room);
    room.relay = node->id;
    relays_.sit(room.relay, room.max);
    return node;
}

void Hub::unseat(Room& room) {
    relays_.stand(room.relay, room.max);
    room.relay.clear();
}

// The room keeps its relay while that serves; only then its members meet on one node.
std::vector<std::string> Hub::urls_for(Room& room) {
    const cluster::NodeInfo* node = relays_.find(room.relay);
    if (node == nullptr || !cluster::keeps_rooms(node->state) || node->urls.empty()) node = seat(room);
    return node != nullptr ? pick_urls(node->urls) : std::vector<std::string>{};
}

// The list for one member, from now on its own. The renewal is armed at a random point of 50 to 75 %
// of the life: early enough for a retry, and spread, since rooms fill in one moment.
IceServers Hub::issue(Participant& who, Turn turn) {
    Room& room = *who.room;
    room.urls = urls_for(room);
    std::optional<IceServers> ice;
    if (!room.urls.empty()) {
        ice = issuer_.issue(who.subject, issuer_.capability(room.max), room.urls, issuer_.ttl(), turn.at.wall);
    }
    if (!ice) {
        ice.emplace();
        ice->ttl = issuer_.ttl();
        ice->expires_at = turn.at.wall + ice->ttl;
    } else {
        ++counters_.credentials_issued;
        who.credential_ends = std::max(who.credential_ends, ice->expires_at);
    }
    who.issued_urls = ice->urls;
    const auto life = std::chrono::duration_cast<Milliseconds>(ice->ttl);
    const auto half = static_cast<std::uint32_t>(life.count() / 2);
    const Milliseconds wait{half + random_.below(half / 2 + 1)};
    who.renewal = timers_.rearm(who.renewal, turn.at.now + wait, {Timer::Kind::Renew, who.number});
    return *std::move(ice);
}

void Hub::renew(Participant& who, Turn turn) {
    const auto session = sessions_.find(who.session);
    if (session == sessions_.end()) return;  // reconnecting: its rejoin brings a fresh list
    if (urls_for(*who.room).empty()) {
        // An empty list would take from the page what may work again in a moment. set_relays() sends one.
        who.issued_urls.clear();
        return;
    }
    const IceServers ice = issue(who, turn);
    if (ice.urls.empty()) return;  // no secret to sign with
    ++counters_.credentials_renewed;
    std::string members = R"("room":")" + who.room->id + "\"," + ice_members(ice, turn.at.wall);
    members += R"(,"policy":"all","reason":"renew")";
    notify(*session->second, "ice.update", members, turn.out);
}

void Hub::set_relays(std::vector<cluster::NodeInfo> relays, Moment at, Outbox& out) {
    const bool same = std::ranges::equal(relays, relays_.all(), [](const auto& a, const auto& b) {
        return a.id == b.id && a.state == b.state && a.urls == b.urls;
    });
    relays_.set(std::move(relays));
    if (same) return;  // only loads have moved
    for (const auto& [number, who] : participants_) {
        const std::vector<std::string> urls = urls_for(*who->room);
        if (!urls.empty() && urls != who->issued_urls) renew(*who, {at, out});
    }
}

void Hub::set_secrets(std::vector<crypto::RestSecret> secrets, Moment at, Outbox&) {
    issuer_.set_secrets(std::move(secrets));
    for (const auto& [number, who] : participants_) {
        const Milliseconds wait{random_.below(kRotationSpreadMs)};
        who->renewal = timers_.rearm(who->renewal, at.now + wait, {Timer::Kind::Renew, who->number});
    }
}

std::expected<Hub::IssuedElsewhere, Hub::IssueError> Hub::issue_for(std::string_view subject,
                                                                    const crypto::Capability& capability,
                                                                    std::optional<Seconds> ttl, WallTime wall) {
    const cluster::NodeInfo* node = relays_.place({subject});
    if (node == nullptr) return std::unexpected(IssueError::NoRelay);
    auto ice = issuer_.issue(subject, capability, pick_urls(node->urls), ttl.value_or(issuer_.ttl()), wall);
    if (!ice) return std::unexpected(issuer_.has_secret() ? IssueError::BadSubject : IssueError::NoSecret);
    ++counters_.credentials_issued;
    return IssuedElsewhere{*std::move(ice), node->id};
}

std::expected<Hub::IssuedElsewhere, Hub::IssueError> Hub::issue_for_room(std::string_view room_id,
                                                                         std::string_view participant,
                                                                         const crypto::Capability& capability,
                                                                         std::optional<Seconds> ttl, WallTime wall) {
    const Room* existing = find_room(room_id);
    const cluster::NodeInfo* node = existing != nullptr ? relays_.find(existing->relay) : nullptr;
    if (node == nullptr || !cluster::keeps_rooms(node->state) || node->urls.empty()) {
        node = relays_.place({room_id, 1, existing != nullptr ? std::string_view{existing->region} : std::string_view{}});
    }
    if (node == nullptr) return std::unexpected(IssueError::NoRelay);
    const std::string subject = issuer_.subject(room_id, participant);
    auto ice = issuer_.issue(subject, capability, pick_urls(node->urls), ttl.value_or(issuer_.ttl()), wall);
    if (!ice) return std::unexpected(issuer_.has_secret() ? IssueError::BadSubject : IssueError::NoSecret);
    ++counters_.credentials_issued;
    if (existing != nullptr) {
        // A later kick must outlast this copy too.
        if (Participant* who = existing->find(participant)) {
            who->credential_ends = std::max(who->credential_ends, ice->expires_at);
        }
    }
    return IssuedElsewhere{*std::move(ice), node->id};
}

crypto::Capability Hub::default_capability(std::string_view room) const {
    const Room* existing = find_room(room);
    return issuer_.capability(existing != nullptr ? existing->max : config_.members_max);
}

// ---- administration ---------------------------------------------------------------------------

bool Hub::kick(std::string_view participant, std::string_view reason, Moment at, Outbox& out) {
    for (const auto& [number, who] : participants_) {
        if (who->id != participant) continue;
        expel(*who, reason, {at, out});
        return true;
    }
    return false;
}

void Hub::say_goaway(Milliseconds in, Outbox& out) {
    for (const auto& [id, session] : sessions_) {
        if (session->greeted) notify(*session, "server.goaway", "\"in_ms\":" + std::to_string(in.count()), out);
    }
}

RoomSummary Hub::summary(const Room& room) const {
    RoomSummary about;
    about.room = room.id;
    about.name = room.name;
    about.relay = room.relay;
    about.region = room.region;
    about.visibility = room.visibility;
    about.tags = room.tags;
    about.max = room.max;
    about.members = room.members.size();
    about.online = static_cast<std::size_t>(
        std::ranges::count_if(room.members, [](const auto& member) { return member->online(); }));
    about.created_at = room.created_at;
    return about;
}

std::vector<RoomSummary> Hub::rooms() const {
    std::vector<RoomSummary> all;
    all.reserve(rooms_.size());
    for (const auto& [id, room] : rooms_) all.push_back(summary(*room));
    std::ranges::sort(all, {}, &RoomSummary::room);
    return all;
}

std::optional<RoomSummary> Hub::room(std::string_view id) const {
    const Room* found = find_room(id);
    if (found == nullptr) return {};
    return summary(*found);
}

std::vector<ParticipantSummary> Hub::participants(std::optional<std::string_view> room) const {
    std::vector<ParticipantSummary> all;
    for (const auto& [number, who] : participants_) {
        if (room && who->room->id != *room) continue;
        ParticipantSummary& one = all.emplace_back();
        one.id = who->id;
        one.room = who->room->id;
        one.name = who->name;
        one.subject = who->subject;
        one.kind = who->kind;
        one.link = who->link;
        one.muted = who->muted;
        one.hand = who->hand;
        one.host = who->host;
        one.online = who->online();
        one.joined_at = who->joined_at;
    }
    std::ranges::sort(all, [](const auto& a, const auto& b) {
        return std::tie(a.room, a.joined_at, a.id) < std::tie(b.room, b.joined_at, b.id);
    });
    return all;
}

// ---- what the methods are made of -------------------------------------------------------------

Room* Hub::find_room(std::string_view id) const noexcept {
    const auto found = rooms_.find(id);
    return found == rooms_.end() ? nullptr : found->second.get();
}

void Hub::send_result(Session& session, std::string_view id, std::string_view members, Outbox& out) {
    out.push_back(SendText{session.id, result_frame(id, ++session.s, members)});
}

void Hub::notify(Session& session, std::string_view method, std::string_view members, Outbox& out) {
    out.push_back(SendText{session.id, notification_frame(method, ++session.s, members)});
}

void Hub::tell(Room& room, std::string_view type, std::string_view more, const Participant* except, Outbox& out) {
    ++room.seq;
    const std::string members = event_members(room, type, more);
    for (const auto& member : room.members) {
        if (member.get() == except) continue;
        if (const auto session = sessions_.find(member->session); session != sessions_.end()) {
            notify(*session->second, "room.event", members, out);
        }
    }
}

void Hub::refuse(Session& session, std::string_view id, const Failure& failure, Turn turn) {
    // Answering is an effort that a stranger must not be able to order without end.
    if (!session.errors.take(1, turn.at.now)) {
        close(session, CloseCode::Protocol, ErrorCode::RateLimited, turn);
        return;
    }
    if (id.empty()) return;
    turn.out.push_back(SendText{session.id, error_frame(id, failure.code, failure.message, failure.retry_after_ms)});
}

// `session` is gone when this returns.
void Hub::close(Session& session, CloseCode code, std::optional<ErrorCode> said, Turn turn) {
    const SessionId id = session.id;
    if (said) notify(session, "session.error", session_error_members(*said, true), turn.out);
    turn.out.push_back(CloseSession{id, code});
    forget(session, turn);
}

void Hub::forget(Session& session, Turn turn) {
    const SessionId id = session.id;
    timers_.cancel(session.hello_deadline);
    if (!config_.limits.is_exempt(session.source)) sources_.close(session.source);
    while (!session.participants.empty()) detach(*session.participants.back(), turn);
    sessions_.erase(id);
}

void Hub::hold(Session& session, Participant& who) {
    who.session = session.id;
    who.rejoin_token = session.resume_token;
    session.participants.push_back(&who);
}

void Hub::let_go(Participant& who) {
    if (const auto session = sessions_.find(who.session); session != sessions_.end()) {
        std::erase(session->second->participants, &who);
    }
    who.session = {};
}

// The WebSocket is gone, the call is not: media flows between the members without us.
void Hub::detach(Participant& who, Turn turn) {
    let_go(who);
    if (config_.rejoin_grace <= Milliseconds{0}) {
        ++counters_.timed_out;
        remove(who, "timeout", turn);
        return;
    }
    timers_.cancel(who.renewal);
    who.grace = timers_.rearm(who.grace, turn.at.now + config_.rejoin_grace, {Timer::Kind::Grace, who.number});
    turn.out.push_back(Occurrence{Occurrence::Kind::Detached, who.room->id, who.id, {}});
    tell(*who.room, "peer.updated", "\"peer\":" + peer_json(who), nullptr, turn.out);
}

// `who` is gone when this returns.
void Hub::remove(Participant& who, std::string_view reason, Turn turn) {
    Room& room = *who.room;
    let_go(who);
    timers_.cancel(who.grace);
    timers_.cancel(who.renewal);
    ++counters_.left;
    turn.out.push_back(Occurrence{Occurrence::Kind::Left, room.id, who.id, reason});
    const std::string more = "\"peer_id\":" + quoted(who.id) + ",\"reason\":" + quoted(reason);
    participants_.erase(who.number);
    std::erase_if(room.members, [&](const auto& member) { return member.get() == &who; });
    tell(room, "peer.left", more, nullptr, turn.out);
    if (room.members.empty()) {
        room.empty_deadline = timers_.rearm(room.empty_deadline, turn.at.now + config_.empty_ttl,
                                            {Timer::Kind::RoomEmpty, room.number});
    }
}

// Out of the room, off the server, and off every relay: what its credentials opened ends as well.
void Hub::expel(Participant& who, std::string_view reason, Turn turn) {
    ++counters_.kicked;
    const SessionId session = who.session;
    if (who.credential_ends != WallTime{}) {
        // Also after the expiry: a live allocation is refreshed beyond it.
        const WallTime until = std::max(who.credential_ends, turn.at.wall) + kClockSkew;
        turn.out.push_back(RevokeCredential{who.subject, until, std::string{reason}});
    }
    remove(who, "kicked", turn);
    if (const auto found = sessions_.find(session); found != sessions_.end()) {
        close(*found->second, CloseCode::Kicked, {}, turn);
    }
}

// `room` is gone when this returns.
void Hub::close_room(Room& room, Turn turn) {
    turn.out.push_back(Occurrence{Occurrence::Kind::RoomClosed, room.id, {}, {}});
    unseat(room);
    rooms_by_number_.erase(room.number);
    const std::string id = room.id;
    rooms_.erase(id);
}

}  // namespace turnpike::signaling
