#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/hash.hpp"
#include "common/base/random.hpp"
#include "common/cluster/model.hpp"
#include "common/cluster/regions.hpp"
#include "signaling/core/ice_servers.hpp"
#include "signaling/core/limits.hpp"
#include "signaling/core/messages.hpp"
#include "signaling/core/outbox.hpp"
#include "signaling/core/relay_pool.hpp"
#include "signaling/core/room.hpp"
#include "signaling/core/session.hpp"
#include "signaling/core/source_limits.hpp"
#include "signaling/core/timers.hpp"

namespace turnpike::signaling {

struct HubConfig {
    Limits limits;
    unsigned members_max = 8;      // of a room, unless its creator says less
    Seconds empty_ttl{30};         // a room's life after its last member
    Milliseconds rejoin_grace{5000};  // a member's life after its WebSocket dropped without a bye
    IceIssuer::Config ice;
    cluster::RegionTable regions;  // of clients whose room names none
};

/// Hard cap of a voice mesh: beyond it, uplinks and encoders give out.
inline constexpr unsigned kMembersHardCap = 16;

/// What happened since the start, for metrics.
struct HubCounters {
    std::array<std::uint64_t, std::variant_size_v<Call>> calls{};  // accepted requests, by Call's index
    std::uint64_t refused_parse = 0, refused_params = 0, refused_rate = 0, refused_other = 0;
    std::uint64_t sessions_opened = 0, sessions_refused = 0;
    std::uint64_t joined = 0, rejoined = 0, left = 0, timed_out = 0, kicked = 0;
    std::uint64_t rooms_opened = 0;
    std::uint64_t credentials_issued = 0, credentials_renewed = 0;
    std::uint64_t signals = 0, chats = 0;
};

struct RoomSummary {
    std::string room, name, relay, region;
    Visibility visibility{};
    std::vector<std::string> tags;
    unsigned max = 0;
    std::size_t members = 0, online = 0;
    WallTime created_at{};
};
struct ParticipantSummary {
    std::string id, room, name, subject;
    PeerKind kind{};
    Link link{};
    bool muted = false, hand = false, host = false, online = false;
    WallTime joined_at{};
};

/// All of signaling's state and rules: sessions, rooms, credentials. Texts and time come in, actions
/// come out through the outbox; no socket, no clock, no thread. hub_calls.cpp has one function per
/// method of the protocol.
///
/// Errors     nothing a client sends is an error here: refusals go back to it as messages
/// Lifetime   borrows `random`
/// Threading  one thread
class Hub {
public:
    Hub(HubConfig config, Random& random);
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    // WebSockets. `id` is fresh for each on_open; after CloseSession its on_close is expected and harmless.
    bool may_open(const IpAddress& source) const noexcept;
    void on_open(SessionId id, const IpAddress& source, Moment at, Outbox& out);
    void on_message(SessionId id, std::string_view text, Moment at, Outbox& out);
    void on_close(SessionId id, Moment at, Outbox& out);

    // Time. Lifetimes end in advance(), at most one wheel tick late.
    void advance(Moment at, Outbox& out);
    std::optional<Instant> next_deadline(Instant now) const noexcept { return timers_.next_deadline(now); }

    // The relays and the secrets shared with them, as they are now. Members whose list of ICE servers
    // is thereby out of date are sent an `ice.update`.
    void set_relays(std::vector<cluster::NodeInfo> relays, Moment at, Outbox& out);
    void set_secrets(std::vector<crypto::RestSecret> secrets, Moment at, Outbox& out);

    // Administration.
    /// Whether there was such a participant.
    bool kick(std::string_view participant, std::string_view reason, Moment at, Outbox& out);
    /// Tells every session that the server is about to stop.
    void say_goaway(Milliseconds in, Outbox& out);
    std::vector<RoomSummary> rooms() const;
    std::optional<RoomSummary> room(std::string_view id) const;
    /// Of one room, or of all.
    std::vector<ParticipantSummary> participants(std::optional<std::string_view> room = {}) const;
    std::size_t session_count() const noexcept { return sessions_.size(); }
    std::size_t room_count() const noexcept { return rooms_.size(); }
    std::size_t participant_count() const noexcept { return participants_.size(); }
    const HubCounters& counters() const noexcept { return counters_; }
    const IceIssuer& issuer() const noexcept { return issuer_; }
    const Limits& limits() const noexcept { return config_.limits; }

    /// Credentials for somebody outside the rooms, at the relay placed for `subject`.
    enum class IssueError : std::uint8_t { NoRelay, NoSecret, BadSubject };
    struct IssuedElsewhere {
        IceServers ice;
        std::string relay;
    };
    std::expected<IssuedElsewhere, IssueError> issue_for(std::string_view subject, const crypto::Capability& capability,
                                                         std::optional<Seconds> ttl, WallTime wall);
    /// The same for a member of a room, at the room's relay: an administrator's copy.
    std::expected<IssuedElsewhere, IssueError> issue_for_room(std::string_view room, std::string_view participant,
                                                              const crypto::Capability& capability,
                                                              std::optional<Seconds> ttl, WallTime wall);
    crypto::Capability default_capability(std::string_view room = {}) const;

private:
    struct Failure {
        ErrorCode code{};
        std::string message;
        std::uint64_t retry_after_ms = 0;
    };
    using Answer = std::expected<std::string, Failure>;  // the result's members
    struct KeyedHash {
        using is_transparent = void;
        HashKey key;
        std::size_t operator()(std::string_view text) const noexcept {
            return static_cast<std::size_t>(key(as_bytes(text)));
        }
    };
    struct Turn {  // one call into the hub
        Moment at;
        Outbox& out;
    };

    // hub_calls.cpp: the methods.
    Answer call(Session& session, const Hello& hello, Turn turn);
    Answer call(Session& session, const Resume& resume, Turn turn);
    Answer call(Session& session, const Ping& ping, Turn turn);
    Answer call(Session& session, const Bye& bye, Turn turn);
    Answer call(Session& session, const CreateRoom& create, Turn turn);
    Answer call(Session& session, const JoinRoom& join, Turn turn);
    Answer call(Session& session, const LeaveRoom& leave, Turn turn);
    Answer call(Session& session, const KickPeer& kick, Turn turn);
    Answer call(Session& session, const SetPresence& presence, Turn turn);
    Answer call(Session& session, const Signal& signal, Turn turn);
    Answer call(Session& session, const SendChat& chat, Turn turn);
    Answer call(Session& session, const GetIce& get, Turn turn);

    std::expected<Room*, Failure> open_room(const Session& session, const CreateRoom& wanted, Turn turn);
    Participant* reclaim(Session& session, Room& room, const JoinRoom& join, Turn turn);
    Participant& admit(Session& session, Room& room, const JoinRoom& join, bool host, Turn turn);
    std::string joined_members(Participant& who, const std::string* host_key, Turn turn);
    std::expected<Participant*, Failure> member(const Session& session, std::string_view room) const;

    // hub.cpp: what the methods are made of.
    void refuse(Session& session, std::string_view id, const Failure& failure, Turn turn);
    void close(Session& session, CloseCode code, std::optional<ErrorCode> said, Turn turn);
    void forget(Session& session, Turn turn);
    void hold(Session& session, Participant& who);
    void let_go(Participant& who);
    void detach(Participant& who, Turn turn);
    void remove(Participant& who, std::string_view reason, Turn turn);
    void expel(Participant& who, std::string_view reason, Turn turn);
    void close_room(Room& room, Turn turn);

    void send_result(Session& session, std::string_view id, std::string_view members, Outbox& out);
    void notify(Session& session, std::string_view method, std::string_view members, Outbox& out);
    /// Numbers an event of the room and tells every member but `except`.
    void tell(Room& room, std::string_view type, std::string_view more, const Participant* except, Outbox& out);

    std::vector<std::string> urls_for(Room& room);
    IceServers issue(Participant& who, Turn turn);
    void renew(Participant& who, Turn turn);
    /// Where a new room goes, or one whose relay serves no more; null when no relay takes rooms.
    const cluster::NodeInfo* seat(Room& room);
    void unseat(Room& room);
    Room* find_room(std::string_view id) const noexcept;

    RoomSummary summary(const Room& room) const;

    HubConfig config_;
    Random& random_;
    KeyedHash hash_;
    IceIssuer issuer_;
    SourceLimits sources_;
    Timers timers_;
    HubCounters counters_;
    RelayPool relays_;
    std::unordered_map<SessionId, std::unique_ptr<Session>> sessions_;
    std::unordered_map<std::string, std::unique_ptr<Room>, KeyedHash, std::equal_to<>> rooms_;
    std::unordered_map<std::uint64_t, Room*> rooms_by_number_;
    std::unordered_map<std::uint64_t, Participant*> participants_;
    std::uint64_t last_number_ = 0;
    bool sweep_armed_ = false;
};

}  // namespace turnpike::signaling
