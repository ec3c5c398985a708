#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/secret.hpp"

namespace turnpike::cluster {

/// Where a server of Redis is: a unix socket, or host and port.
struct StoreAddress {
    std::string socket;  // a path; else empty
    std::string host;    // a name, or an address without brackets
    std::uint16_t port = 0;

    /// "unix:/run/redis.sock", "redis.example:6379", "[2001:db8::1]:6379".
    std::string to_string() const;

    friend bool operator==(const StoreAddress&, const StoreAddress&) = default;
    friend auto operator<=>(const StoreAddress&, const StoreAddress&) = default;
};

/// Who we are to a server: a password, or a user of its ACL with one. A file is read at each
/// connect, so that a password may be changed while we run.
struct StoreLogin {
    std::string user;
    Secret password;
    std::filesystem::path password_file;

    bool empty() const noexcept { return password.empty() && password_file.empty(); }
};

/// `store.url`:
///
///     memory://
///     redis://[[USER]:PASSWORD@]HOST[:6379][/DATABASE]     rediss:// the same over TLS
///     redis+unix://[[USER]:PASSWORD@]/PATH[?db=N]
///     redis+sentinel://[...@]HOST[:26379][,HOST...]/MASTER[/DATABASE]
///     redis+cluster://[...@]HOST[:6379][,HOST...]
///
/// rediss+sentinel and rediss+cluster are over TLS. Behind a "?", joined by "&": db=N, user=NAME,
/// password_file=PATH; for TLS ca=PATH, cert=PATH, key=PATH, server_name=NAME; for Sentinel
/// sentinel_user=NAME, sentinel_password_file=PATH. Percent-encoding is undone in user, password,
/// master, path and values.
///
/// Errors  what is wrong, as the end of a sentence about the URL; without its password
struct StoreUrl {
    static constexpr std::size_t kBytesMax = 2048;

    enum class Kind : std::uint8_t { Memory, Single, Sentinel, Cluster };

    Kind kind = Kind::Memory;
    bool tls = false;
    std::vector<StoreAddress> addresses;  // of the server, the sentinels, or nodes of the cluster
    std::string master;                   // Sentinel's name of it
    int database = 0;
    StoreLogin login, sentinel_login;
    std::filesystem::path ca, certificate, key;  // empty: the system's CAs; no certificate of ours
    std::string server_name;                     // in place of the host, to verify and as SNI

    static std::expected<StoreUrl, std::string> parse(std::string_view text);
    /// The URL without its secrets, for logs and `config show`.
    std::string shown() const;
};

}  // namespace turnpike::cluster
