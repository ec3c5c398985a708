#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/ops/log.hpp"
#include "signaling/server/relay_client.hpp"

namespace turnpike::signaling {

/// How the relays look to an administrator.
struct RelayView {
    cluster::NodeInfo node;
    std::string socket;
    double last_seen_seconds = -1;  // -1: never
    std::string error;              // of the last try; empty when it went well
};

/// All relays of this signaling: what they are is published to the hub, what was revoked is told to
/// each of them, and again to one that was away.
///
/// Lifetime   borrows loop, clock and log; destroy it after the loop has stopped
/// Threading  the loop's thread
class RelayAgent {
public:
    using Publish = std::function<void(std::vector<cluster::NodeInfo>)>;

    RelayAgent(IoLoop& loop, const Clock& clock, ops::Log& log, const std::vector<std::filesystem::path>& sockets,
               std::string realm, RelayClient::Timing timing, Publish publish);

    void start();
    /// `done` gets how many allocations ended, when every reachable relay has acknowledged.
    void revoke(const Revocation& revocation, std::function<void(std::uint64_t ended)> done);
    std::vector<RelayView> views() const;
    std::size_t active() const noexcept;

private:
    void changed(RelayClient& client);
    void tell_again(RelayClient& client);

    const Clock& clock_;
    ops::Log& log_;
    std::string realm_;
    Publish publish_;
    std::vector<std::unique_ptr<RelayClient>> clients_;
    std::unordered_map<const RelayClient*, std::string> boots_;  // as last seen; "" while it is lost
    std::vector<Revocation> revocations_;                        // until they end
};

}  // namespace turnpike::signaling
