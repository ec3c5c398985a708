#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"

namespace turnpike::config::coturn {

/// Where coturn's `redis-userdb` and `redis-statsdb` are, as their connection strings say.
///
/// Shape   "ip=10.0.0.7 dbname=2 user=turn password=… port=6379 connect_timeout=3": pairs between
///         blanks, all of them optional, each key under several names
/// Source  coturn's README.turnserver and schema files; its TLS keys are those of 4.14 and later
struct RedisDatabase {
    struct Tls {
        bool on = false;
        std::string ca_file, ca_directory, certificate, key, server_name;
        bool verify = true;
    };
    struct Fault {
        std::size_t at = 0, size = 1;  // bytes of the text
        std::string message;           // never has the password
    };

    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    std::uint32_t database = 0;
    std::string user;
    Secret password;
    Seconds connect_timeout{0};  // 0: none said
    Tls tls;

    static std::expected<RedisDatabase, Fault> parse(std::string_view text);
    /// "rediss://turn@10.0.0.7:6379/2", without the password.
    std::string to_string() const;
};

}  // namespace turnpike::config::coturn
