#pragma once

#include <expected>
#include <optional>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "common/crypto/turn_rest.hpp"

namespace turnpike::bench {

/// The server under load, and what opens it.
struct Target {
    Endpoint server;
    Transport transport = Transport::Udp;
    std::string netns;        // network namespace from which clients reach it; empty: this one
    std::string server_name;  // for TLS: the host as it was given
    bool insecure = false;    // take any certificate
    std::string realm;        // refuse another one when not empty
    std::string username, password;
    /// With a shared secret each client has a subject and a credential of its own.
    std::optional<crypto::RestSecret> secret;
};

struct ClientCredential {
    std::string username, password;
};

/// The username of the client with this number, and its credential.
std::string username_for(const Target& target, unsigned client, WallTime now);
ClientCredential credential_for(const Target& target, unsigned client, WallTime now);

/// "HOST:PORT" with a name or an address, or one sentence why not.
std::expected<Endpoint, std::string> resolve(const std::string& host_port);

/// The first line of a secret's file, or one sentence why not.
std::expected<crypto::RestSecret, std::string> read_secret(const std::string& file, bool sha256);

/// A load generator is a weapon: only addresses whose packets stay on this machine pass
/// (stays_here), unless the caller says that the server is theirs.
std::expected<void, std::string> refuse_strangers(const Endpoint& server, const std::string& netns,
                                                  bool owned);

}  // namespace turnpike::bench
