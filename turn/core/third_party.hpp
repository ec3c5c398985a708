#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"

namespace turnpike::core {

/// A token that its authorization server really made: the session key that its holder signs with, and
/// until when.
struct AccessToken {
    Secret session_key;
    WallTime expires_at{};
};

/// What this server agreed on with an authorization server, RFC 7635 §4.1: the name by which it is
/// told apart, and keys that both know.
///
/// Threading  immutable
class ThirdParty {
public:
    struct Key {
        std::string id;     // kid: comes as USERNAME
        Secret value;       // 16 or 32 bytes: AES-128-GCM or AES-256-GCM
        Seconds lifetime{}; // no token of this key is believed for longer, whatever it says
    };

    ThirdParty(std::string server_name, std::vector<Key> keys)
        : server_name_(std::move(server_name)), keys_(std::move(keys)) {}

    /// THIRD-PARTY-AUTHORIZATION, and what every token is bound to.
    std::string_view server_name() const noexcept { return server_name_; }

    /// The value of ACCESS-TOKEN of a request whose USERNAME is `kid`. Nothing when the key is unknown, when
    /// any byte is not what was sealed, or when the token's time is over or still to come.
    ///
    /// Shape   nonce-length(2)=12 nonce sealed( key-length(2) key timestamp(8) lifetime(4) ); the timestamp in
    ///         seconds(6) and 1/64000 seconds(2) of Unix time; AES-GCM, bound to the server's name
    /// Source  RFC 7635 §6.2 and §4.1.1
    std::optional<AccessToken> open(std::string_view kid, ByteView token, WallTime wall) const;

private:
    std::string server_name_;
    std::vector<Key> keys_;
};

}  // namespace turnpike::core
