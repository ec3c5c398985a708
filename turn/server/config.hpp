#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/config/document.hpp"
#include "common/ops/settings.hpp"
#include "turn/core/credentials.hpp"
#include "turn/net/worker_pool.hpp"
#include "turn/server/machine.hpp"

namespace turnpike::relay {

/// relay.toml, read and found good: every part in the form in which its owner takes it.
struct Config {
    ops::Settings common;
    std::map<std::string, std::string> labels;
    double capacity = 1;  // what this node can carry, beside the others
    std::vector<std::string> urls;  // node.urls; empty: node_urls() derives them
    bool journal = true;            // node.journal: records of allocations in the runtime directory
    std::string realm = "turnpike";
    std::vector<config::SharedSecret> secrets;
    std::vector<core::StaticUser> users;
    std::optional<core::ThirdParty> third_party;
    crypto::Capability cap;  // what a signed limit may grant at most
    net::Options net;        // but for core.nonce_key, which main draws
    core::PeerPolicy::Rules peers;
    std::map<std::string, WallTime>
        certificates;  // TLS listener's address → when its certificate ends

    bool has_credentials() const noexcept { return !secrets.empty() || !users.empty() || third_party; }
    std::shared_ptr<const core::CredentialSource> credentials() const;
    /// Distinct realms of the listeners, auth.realm first.
    std::vector<std::string> realms() const;
};

struct ReadOptions {
    bool dev = false, lab = false;  // the flags
    WallTime now{};                 // certificates are checked against it
};

/// Reads and validates. Whatever is wrong becomes a problem of the document, which is finished
/// after.
Config read_config(config::Document& document, const Machine& machine, const ReadOptions& options);

/// How many times larger than its request the largest UDP answer to a stranger is: mostly the 401 to an
/// Allocate of 28 bytes.
double worst_amplification(const Config& config);

/// What --check prints.
std::string summary(const Config& config);

}  // namespace turnpike::relay
