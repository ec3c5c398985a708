#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"

namespace turnpike::crypto {

/// A shared secret of TURN REST credentials (draft-uberti-behave-turn-rest-00).
struct RestSecret {
    enum class Algorithm : std::uint8_t { HmacSha1, HmacSha256 };

    std::string kid;  // [a-zA-Z0-9_-]{1,16}; empty: the username names none
    Secret value;
    Algorithm algorithm = Algorithm::HmacSha1;
    bool issued_by_turnpike = false;  // only then the username's limits are read
};

/// What a credential may do. Absent limits mean the server's defaults.
struct Capability {
    std::optional<std::uint32_t> allocations;         // a=, live allocations of the subject
    std::optional<std::uint32_t> bandwidth_kbit_s;    // b=, of each allocation, both directions together
    bool relay_peers_only = false;                    // p=relay: peers are relayed addresses only

    friend bool operator==(const Capability&, const Capability&) noexcept = default;
};

/// A TURN REST username, taken apart: expiry ':' subject [';k=' kid] [';a=' n] [';b=' n] [';p=' policy].
///
/// Lifetime  borrows the text.
struct RestUsername {
    WallTime expires_at{};
    std::string_view rest;     // all after the first colon
    std::string_view subject;  // `rest` up to the first ';': what quota and revocation count by

    /// Nothing when the text is no such username: expiry is 1 to 10 digits, the whole at most 508
    /// bytes without control characters. "expiry" alone has an empty subject.
    static std::optional<RestUsername> parse(std::string_view username);

    /// kid of `;k=`, empty when there is none.
    std::string_view kid() const noexcept;
    /// The signed limits; nothing when one is malformed, unknown or twice there. Only for secrets
    /// that are issued_by_turnpike.
    std::optional<Capability> capability() const;
};

/// base64(HMAC(secret, username)): what the holder of `username` uses as password.
std::string rest_password(const RestSecret& secret, std::string_view username);

struct MintedCredential {
    std::string username, password;
    WallTime expires_at{};
};

/// Mints "expiry:subject;k=kid;a=..;b=..;p=relay"; "expiry:subject" alone, without the limits, when
/// the secret is not issued_by_turnpike. What it mints, RestUsername::parse takes apart again.
///
/// Errors  nothing when `subject` has a ';' or a control character, when the kid or the expiry is
///         not of its form, and when the username would exceed 200 bytes
std::optional<MintedCredential> mint(const RestSecret& secret, std::string_view subject,
                                     const Capability& limits, WallTime expires_at);

/// The 12 characters that stand for a room in usernames, which cross the wire in clear:
/// base64url(HMAC-SHA256(key, room)) cut short.
std::string room_tag(const Secret& room_tag_key, std::string_view room);

}  // namespace turnpike::crypto
