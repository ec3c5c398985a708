// One function per method of the protocol, in the order of docs/protocol.md.

#include <algorithm>
#include <cmath>

#include "signaling/core/frames.hpp"
#include "signaling/core/hub.hpp"

namespace turnpike::signaling {
namespace {

std::uint64_t wait_ms(const Rate& rate) {
    return rate.per_second > 0 ? static_cast<std::uint64_t>(std::ceil(1000.0 / rate.per_second)) : 0;
}

std::int64_t unix_ms(WallTime t) { return t.time_since_epoch().count(); }

}  // namespace

Hub::Answer Hub::call(Session& session, const Hello& hello, Turn turn) {
    if (session.greeted) return std::unexpected(Failure{ErrorCode::InvalidRequest, "session.hello was said"});
    if (hello.version != 1) return std::unexpected(Failure{ErrorCode::Version, "this server speaks v 1"});
    // A credential that nobody checks must not look accepted.
    if (hello.token_given) return std::unexpected(Failure{ErrorCode::Unauthorized, "this server takes no tokens"});
    session.greeted = true;
    timers_.cancel(session.hello_deadline);
    session.name = new_public_id(random_, "s_");
    const std::string token = new_key(random_);
    session.resume_token = Secret{token};
    return hello_members(session, token, config_.limits, config_.rejoin_grace, config_.members_max, turn.at.wall);
}

// The seam for resuming a session with nothing lost: it needs an outbox of unacknowledged messages
// per session, which this version does not keep. Clients greet anew and rejoin their rooms.
Hub::Answer Hub::call(Session&, const Resume&, Turn) {
    return std::unexpected(Failure{ErrorCode::ResumeGone, "say session.hello and rejoin the rooms"});
}

Hub::Answer Hub::call(Session&, const Ping& ping, Turn turn) {
    return "\"t\":" + ping.t + ",\"server_time\":" + std::to_string(unix_ms(turn.at.wall));
}

Hub::Answer Hub::call(Session& session, const Bye&, Turn turn) {
    while (!session.participants.empty()) remove(*session.participants.back(), "left", turn);
    session.leaving = true;
    return std::string{};
}

Hub::Answer Hub::call(Session& session, const CreateRoom& create, Turn turn) {
    const auto room = open_room(session, create, turn);
    if (!room) return std::unexpected(room.error());
    return "\"room\":" + quoted((*room)->id) + ",\"host_key\":" + quoted(as_text((*room)->host_key.reveal()));
}

std::expected<Room*, Hub::Failure> Hub::open_room(const Session& session, const CreateRoom& wanted, Turn turn) {
    if (wanted.room && find_room(*wanted.room) != nullptr) {
        return std::unexpected(Failure{ErrorCode::RoomExists, "there is such a room"});
    }
    if (wanted.max && (*wanted.max < 2 || *wanted.max > config_.members_max)) {
        return std::unexpected(
            Failure{ErrorCode::InvalidParams, "max must be 2 to " + std::to_string(config_.members_max)});
    }
    if (rooms_.size() >= config_.limits.rooms) {
        return std::unexpected(Failure{ErrorCode::Degraded, "no more rooms can be opened now", 10'000});
    }
    if (!sources_.take_create(session.source, turn.at.now)) {
        return std::unexpected(
            Failure{ErrorCode::RateLimited, "too many rooms created", wait_ms(config_.limits.create)});
    }
    auto room = std::make_unique<Room>();
    room->number = ++last_number_;
    room->id = wanted.room ? *wanted.room : new_room_id(random_);
    while (find_room(room->id) != nullptr) room->id = new_room_id(random_);
    room->name = wanted.name;
    room->visibility = wanted.visibility;
    room->tags = wanted.tags;
    room->max = wanted.max.value_or(config_.members_max);
    room->epoch = new_epoch(random_);
    room->host_key = Secret{new_key(random_)};
    room->created_at = turn.at.wall;
    room->region = wanted.region.empty() ? config_.regions.find(session.source) : std::string_view{wanted.region};
    seat(*room);
    room->empty_deadline =
        timers_.arm(turn.at.now + config_.empty_ttl, {Timer::Kind::RoomEmpty, room->number});
    ++counters_.rooms_opened;
    turn.out.push_back(Occurrence{Occurrence::Kind::RoomOpened, room->id, {}, {}});

    Room* opened = room.get();
    rooms_by_number_.emplace(opened->number, opened);
    rooms_.emplace(opened->id, std::move(room));
    return opened;
}

Hub::Answer Hub::call(Session& session, const JoinRoom& join, Turn turn) {
    // Joining where one is already is asking for the state again: a client that saw a gap does that.
    if (const auto already = member(session, join.room)) {
        if (!sources_.take_join(session.source, turn.at.now)) {
            return std::unexpected(Failure{ErrorCode::RateLimited, "too many joins", wait_ms(config_.limits.join)});
        }
        return joined_members(**already, nullptr, turn);
    }
    if (session.participants.size() >= config_.limits.rooms_per_session) {
        return std::unexpected(Failure{
            ErrorCode::Forbidden, "a session is in at most " + std::to_string(config_.limits.rooms_per_session) + " rooms"});
    }
    Room* room = find_room(join.room);
    if (room != nullptr && join.rejoin) {
        // Not throttled: whoever holds the token was let in before.
        if (Participant* who = reclaim(session, *room, join, turn)) return joined_members(*who, nullptr, turn);
    }
    if (!sources_.take_join(session.source, turn.at.now)) {
        return std::unexpected(Failure{ErrorCode::RateLimited, "too many joins", wait_ms(config_.limits.join)});
    }
    bool created = false;
    if (room == nullptr) {
        if (!join.create) return std::unexpected(Failure{ErrorCode::RoomNotFound, "there is no such room"});
        CreateRoom wanted;
        wanted.room = join.room;
        wanted.region = join.region;
        const auto opened = open_room(session, wanted, turn);
        if (!opened) return std::unexpected(opened.error());
        room = *opened;
        created = true;
    }
    if (room->members.size() >= room->max) return std::unexpected(Failure{ErrorCode::RoomFull, "the room is full", 5000});

    const bool host = created || (join.host_key && Secret{*join.host_key} == room->host_key);
    Participant& who = admit(session, *room, join, host, turn);
    const std::string key{as_text(room->host_key.reveal())};
    return joined_members(who, created ? &key : nullptr, turn);
}

Participant* Hub::reclaim(Session& session, Room& room, const JoinRoom& join, Turn turn) {
    Participant* who = room.find(join.rejoin->peer_id);
    if (who == nullptr || !(who->rejoin_token == Secret{join.rejoin->token})) return nullptr;

    const SessionId before = who->session;
    let_go(*who);
    timers_.cancel(who->grace);
    hold(session, *who);
    if (const auto old = sessions_.find(before); old != sessions_.end()) {
        // The newest connection wins: the old one is usually a dead TCP connection that we have not noticed yet.
        close(*old->second, CloseCode::Superseded, ErrorCode::Superseded, turn);
    }
    who->name = join.name;
    ++counters_.rejoined;
    turn.out.push_back(Occurrence{Occurrence::Kind::Rejoined, room.id, who->id, {}});
    tell(room, "peer.updated", "\"peer\":" + peer_json(*who), who, turn.out);
    return who;
}

Participant& Hub::admit(Session& session, Room& room, const JoinRoom& join, bool host, Turn turn) {
    auto fresh = std::make_unique<Participant>();
    Participant& who = *fresh;
    who.number = ++last_number_;
    who.room = &room;
    who.id = new_public_id(random_, "p_");
    who.name = join.name;
    who.kind = join.kind;
    who.host = host;
    who.joined_seq = room.seq + 1;  // of the event below
    who.joined_at = turn.at.wall;
    who.subject = issuer_.subject(room.id, who.id);
    hold(session, who);
    room.members.push_back(std::move(fresh));
    participants_.emplace(who.number, &who);
    timers_.cancel(room.empty_deadline);
    ++counters_.joined;
    turn.out.push_back(Occurrence{Occurrence::Kind::Joined, room.id, who.id, {}});
    tell(room, "peer.joined", "\"peer\":" + peer_json(who), &who, turn.out);
    return who;
}

std::string Hub::joined_members(Participant& who, const std::string* host_key, Turn turn) {
    Room& room = *who.room;
    const IceServers ice = issue(who, turn);
    std::string members = "\"peer_id\":" + quoted(who.id) + ",\"room\":" + quoted(room.id);
    members += ",\"epoch\":" + quoted(room.epoch) + ",\"seq\":" + std::to_string(room.seq);
    members += ",\"snapshot\":" + snapshot_json(room);
    members += ",\"ice\":{" + ice_members(ice, turn.at.wall) + ",\"policy\":\"all\"}";
    members += who.host ? ",\"host\":true" : ",\"host\":false";
    if (host_key != nullptr) members += ",\"host_key\":" + quoted(*host_key);
    return members;
}

std::expected<Participant*, Hub::Failure> Hub::member(const Session& session, std::string_view room) const {
    for (Participant* who : session.participants) {
        if (who->room->id == room) return who;
    }
    return std::unexpected(Failure{ErrorCode::NotMember, "not in that room"});
}

Hub::Answer Hub::call(Session& session, const LeaveRoom& leave, Turn turn) {
    const auto who = member(session, leave.room);
    if (!who) return std::unexpected(who.error());
    remove(**who, "left", turn);
    return std::string{};
}

Hub::Answer Hub::call(Session& session, const KickPeer& kick, Turn turn) {
    const auto who = member(session, kick.room);
    if (!who) return std::unexpected(who.error());
    if (!(*who)->host) return std::unexpected(Failure{ErrorCode::Forbidden, "only the room's host may"});
    Participant* peer = (*who)->room->find(kick.peer);
    if (peer == nullptr) return std::unexpected(Failure{ErrorCode::PeerGone, "no such member"});
    if (peer == *who) return std::unexpected(Failure{ErrorCode::InvalidParams, "peer is yourself: leave instead"});
    expel(*peer, kick.reason, turn);
    return std::string{};
}

Hub::Answer Hub::call(Session& session, const SetPresence& presence, Turn turn) {
    const auto found = member(session, presence.room);
    if (!found) return std::unexpected(found.error());
    if (!session.presence.take(1, turn.at.now)) {
        return std::unexpected(
            Failure{ErrorCode::RateLimited, "too many changes", wait_ms(config_.limits.presence)});
    }
    Participant& who = **found;
    const bool muted = presence.muted.value_or(who.muted);
    const bool hand = presence.hand.value_or(who.hand);
    const Link link = presence.link.value_or(who.link);
    if (muted != who.muted || hand != who.hand || link != who.link) {
        who.muted = muted;
        who.hand = hand;
        who.link = link;
        tell(*who.room, "peer.updated", "\"peer\":" + peer_json(who), nullptr, turn.out);
    }
    return "\"seq\":" + std::to_string(who.room->seq);
}

// First in, first out for each pair: the outbox keeps the order, and one thread fills it.
Hub::Answer Hub::call(Session& session, const Signal& signal, Turn turn) {
    const auto who = member(session, signal.room);
    if (!who) return std::unexpected(who.error());
    if (!session.signal.take(1, turn.at.now)) {
        return std::unexpected(Failure{ErrorCode::RateLimited, "too many signals", wait_ms(config_.limits.signal)});
    }
    Room& room = *(*who)->room;
    const Participant* to = room.find(signal.to);
    if (to == nullptr || to == *who) return std::unexpected(Failure{ErrorCode::PeerGone, "no such member"});
    const auto receiver = sessions_.find(to->session);
    if (receiver == sessions_.end()) {
        return std::unexpected(Failure{ErrorCode::PeerUnreachable, "it is reconnecting", 1000});
    }
    std::string members = "\"room\":" + quoted(room.id) + ",\"from\":" + quoted((*who)->id);
    members += ",\"e\":" + std::to_string(signal.e) + ",\"n\":" + std::to_string(signal.n);
    members += ",\"after_seq\":" + std::to_string(room.seq) + "," + signal.payload;
    notify(*receiver->second, "peer.signal", members, turn.out);
    ++counters_.signals;
    return std::string{"\"accepted\":true"};
}

Hub::Answer Hub::call(Session& session, const SendChat& chat, Turn turn) {
    const auto found = member(session, chat.room);
    if (!found) return std::unexpected(found.error());
    Participant& who = **found;
    Room& room = *who.room;
    const auto result = [](std::uint64_t seq, WallTime at) {
        return "\"seq\":" + std::to_string(seq) + ",\"ts\":" + std::to_string(unix_ms(at));
    };
    // Before the rate: a repetition after a lost answer costs nothing.
    if (const Room::Said* said = room.already_said(who, chat.mid)) return result(said->seq, said->at);
    if (!session.chat.take(1, turn.at.now)) {
        return std::unexpected(
            Failure{ErrorCode::RateLimited, "too many chat messages", wait_ms(config_.limits.chat)});
    }
    std::string more = "\"mid\":" + quoted(chat.mid) + ",\"from\":" + quoted(who.id);
    more += ",\"body\":" + quoted(chat.body) + ",\"ts\":" + std::to_string(unix_ms(turn.at.wall));
    tell(room, "chat", more, nullptr, turn.out);
    room.remember_said({who.number, chat.mid, room.seq, turn.at.wall});
    ++counters_.chats;
    return result(room.seq, turn.at.wall);
}

Hub::Answer Hub::call(Session& session, const GetIce& get, Turn turn) {
    const auto who = member(session, get.room);
    if (!who) return std::unexpected(who.error());
    if (!session.ice.take(1, turn.at.now)) {
        return std::unexpected(Failure{ErrorCode::RateLimited, "ice.get too often", wait_ms(config_.limits.ice)});
    }
    const IceServers ice = issue(**who, turn);
    if (ice.urls.empty()) {
        return std::unexpected(Failure{ErrorCode::TurnUnavailable, "no relay is up; ice.update follows", 5000});
    }
    return ice_members(ice, turn.at.wall) + ",\"policy\":\"all\"";
}

}  // namespace turnpike::signaling
