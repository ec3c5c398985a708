#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "signaling/core/errors.hpp"

namespace turnpike::signaling {

// What clients may ask, one struct per method, valid once it exists. docs/protocol.md has the rules.

enum class Visibility : std::uint8_t { Public, Unlisted };
enum class PeerKind : std::uint8_t { Human, Bot };
enum class Link : std::uint8_t { Unknown, Direct, Relay, Mixed };

std::string_view to_string(Visibility v) noexcept;
std::string_view to_string(PeerKind k) noexcept;
std::string_view to_string(Link l) noexcept;

struct Hello {
    std::int64_t version = 0;
    std::string client;
    bool token_given = false;
};
struct Resume {};
struct Ping {
    std::string t;  // JSON text of the number that comes back
};
struct Bye {};
struct CreateRoom {
    std::optional<std::string> room;
    std::string name;
    Visibility visibility = Visibility::Unlisted;
    std::vector<std::string> tags;
    std::optional<unsigned> max;
    std::string region;  // of its members, for the choice of a relay; empty: by the creator's address
};
/// Proof of having been this participant: the resume token of the session that held it.
struct Rejoin {
    std::string peer_id, token;
};
struct JoinRoom {
    std::string room;
    std::string name;
    PeerKind kind = PeerKind::Human;
    std::optional<std::string> host_key;
    bool create = false;
    std::string region;  // of a room that is thereby created
    std::optional<Rejoin> rejoin;
};
struct LeaveRoom {
    std::string room;
};
struct KickPeer {
    std::string room, peer, reason;
};
struct SetPresence {
    std::string room;
    std::optional<bool> muted, hand;
    std::optional<Link> link;
};
struct Signal {
    std::string room, to;
    std::uint64_t e = 0, n = 0;
    std::string payload;  // JSON text, written anew from what was checked: "description":{…} or "candidates":[…]
};
struct SendChat {
    std::string room, mid, body;
};
struct GetIce {
    std::string room;
};

using Call = std::variant<Hello, Resume, Ping, Bye, CreateRoom, JoinRoom, LeaveRoom, KickPeer,
                          SetPresence, Signal, SendChat, GetIce>;

/// The method's name on the wire.
std::string_view method_of(const Call& call) noexcept;

/// A JSON-RPC 2.0 request. Without an id it is a notification: done, but not answered.
struct Request {
    std::string id;  // JSON text, empty without one
    Call call;
};

/// Why a text is no request that we take. `id` is "null" when it could not be read, and empty when
/// the text was a notification, which is never answered.
struct Refusal {
    std::string id;
    ErrorCode code{};
    std::string message;
};

struct MessageLimits {
    std::size_t message_bytes = 65536;
    std::size_t sdp_bytes = 32768;
    std::size_t candidates = 16;
    std::size_t candidate_bytes = 1024;
    std::size_t name_characters = 32;
    std::size_t room_name_characters = 64;
    std::size_t chat_bytes = 4096;
    std::size_t tags = 5;
    std::size_t tag_characters = 24;
    std::size_t depth = 16;
};

/// Errors  a stranger's mistakes are Refusals; never throws for any text.
/// Source  JSON-RPC 2.0, without batches and with parameters by name only; RFC 8259, nested at most
///         16 deep, member names unique, numbers within a double, no NUL.
std::expected<Request, Refusal> parse_request(std::string_view text, const MessageLimits& limits = {});

}  // namespace turnpike::signaling
