#include "benchmarks/load/target.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <fstream>

#include "benchmarks/load/local_target.hpp"

namespace turnpike::bench {
namespace {

constexpr Seconds kCredentialLife = 24h;
constexpr std::size_t kSecretBytesMin = 16;  // what the relay asks for too

}  // namespace

std::string username_for(const Target& target, unsigned client, WallTime now) {
    if (!target.secret) return target.username;
    return fmt::format("{}:bench-{}", unix_seconds(now + kCredentialLife), client);
}

ClientCredential credential_for(const Target& target, unsigned client, WallTime now) {
    std::string username = username_for(target, client, now);
    std::string password =
        target.secret ? crypto::rest_password(*target.secret, username) : target.password;
    return {std::move(username), std::move(password)};
}

std::expected<Endpoint, std::string> resolve(const std::string& host_port) {
    if (const auto literal = Endpoint::parse(host_port)) return *literal;
    const std::size_t colon = host_port.rfind(':');
    if (colon == std::string::npos || colon == 0) {
        return std::unexpected(
            fmt::format("'{}' is no HOST:PORT, as in 127.0.0.1:3478 or [::1]:3478", host_port));
    }
    const std::string host = host_port.substr(0, colon), port = host_port.substr(colon + 1);
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0) {
        return std::unexpected(fmt::format("'{}': {}", host_port, ::gai_strerror(failed)));
    }
    const Endpoint endpoint = Endpoint::from(*found->ai_addr);
    ::freeaddrinfo(found);
    return endpoint;
}

std::expected<crypto::RestSecret, std::string> read_secret(const std::string& file, bool sha256) {
    std::ifstream in{file};
    std::string line;
    if (!in || !std::getline(in, line)) {
        return std::unexpected(fmt::format("cannot read a secret from '{}'", file));
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.size() < kSecretBytesMin) {
        return std::unexpected(fmt::format("the secret in '{}' has {} bytes; {} are the least",
                                           file, line.size(), kSecretBytesMin));
    }
    return crypto::RestSecret{.kid = {},
                              .value = Secret{line},
                              .algorithm = sha256 ? crypto::RestSecret::Algorithm::HmacSha256
                                                  : crypto::RestSecret::Algorithm::HmacSha1,
                              .issued_by_turnpike = false};
}

std::expected<void, std::string> refuse_strangers(const Endpoint& server, const std::string& netns,
                                                  bool owned) {
    if (owned || stays_here(server.address, netns)) return {};
    return std::unexpected(
        fmt::format("{} is neither on this machine nor behind a veth of it. Load on a server of "
                    "others is an attack; if it is yours, "
                    "say --target-is-mine",
                    server.to_string()));
}

}  // namespace turnpike::bench
