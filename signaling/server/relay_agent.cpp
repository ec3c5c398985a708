#include "signaling/server/relay_agent.hpp"

#include <algorithm>
#include <utility>

namespace turnpike::signaling {
namespace {

constexpr std::size_t kRevocationsMax = 10'000;

}  // namespace

RelayAgent::RelayAgent(IoLoop& loop, const Clock& clock, ops::Log& log, const std::vector<std::filesystem::path>& sockets,
                       std::string realm, RelayClient::Timing timing, Publish publish)
    : clock_(clock), log_(log), realm_(std::move(realm)), publish_(std::move(publish)) {
    for (const auto& socket : sockets) {
        clients_.push_back(std::make_unique<RelayClient>(loop, clock, socket, timing, [this](RelayClient& client) { changed(client); }));
    }
}

void RelayAgent::start() {
    for (const auto& client : clients_) client->start();
}

void RelayAgent::changed(RelayClient& client) {
    const cluster::NodeInfo& node = client.node();
    const bool lost = node.state == cluster::NodeState::Lost;
    std::string& boot = boots_[&client];
    const std::string now = lost ? std::string{} : node.boot_id.empty() ? "?" : node.boot_id;
    if (boot != now) {
        if (lost) {
            log_.warning("relay.lost", {{"relay", node.id}, {"socket", client.socket().string()}, {"error", client.last_error()}});
        } else {
            log_.info("relay.found", {{"relay", node.id}, {"socket", client.socket().string()}, {"urls", node.urls.size()}});
            if (node.realm != realm_) log_.warning("relay.realm_differs", {{"relay", node.id}, {"realm", node.realm}, {"ours", realm_}});
            if (node.urls.empty()) log_.warning("relay.no_urls", {{"relay", node.id}});
            tell_again(client);
        }
        boot = now;
    }
    std::vector<cluster::NodeInfo> nodes;
    for (const auto& each : clients_) {
        if (each->node().id.empty()) continue;  // never seen
        const bool twice = std::ranges::any_of(nodes, [&](const auto& node_of) { return node_of.id == each->node().id; });
        if (twice) log_.limited(ops::Level::Warning, Seconds{60}, "relay.same_id", {{"relay", each->node().id}});
        else nodes.push_back(each->node());
    }
    publish_(std::move(nodes));
}

// A relay that was away, or was started anew, may not know what happened meanwhile.
void RelayAgent::tell_again(RelayClient& client) {
    const WallTime now = clock_.wall();
    std::erase_if(revocations_, [&](const Revocation& each) { return each.until <= now; });
    for (const Revocation& each : revocations_) client.revoke(each, [](std::optional<std::uint64_t>) {});
}

void RelayAgent::revoke(const Revocation& revocation, std::function<void(std::uint64_t)> done) {
    const WallTime now = clock_.wall();
    if (revocations_.size() >= kRevocationsMax) {
        std::erase_if(revocations_, [&](const Revocation& each) { return each.until <= now; });
        if (revocations_.size() >= kRevocationsMax) revocations_.erase(revocations_.begin());
    }
    revocations_.push_back(revocation);

    struct Count {
        std::size_t waiting;
        std::uint64_t ended = 0, acknowledged = 0;
        std::function<void(std::uint64_t)> done;
    };
    auto count = std::make_shared<Count>(Count{clients_.size() + 1, 0, 0, std::move(done)});
    const auto one_less = [this, count, subject = revocation.subject] {
        if (--count->waiting > 0) return;
        log_.info("credential.revoked", {{"subject", subject}, {"relays", count->acknowledged}, {"allocations_ended", count->ended}});
        if (count->done) count->done(count->ended);
    };
    for (const auto& client : clients_) {
        client->revoke(revocation, [count, one_less](std::optional<std::uint64_t> ended) {
            if (ended) {
                count->ended += *ended;
                ++count->acknowledged;
            }
            one_less();
        });
    }
    one_less();
}

std::vector<RelayView> RelayAgent::views() const {
    std::vector<RelayView> all;
    for (const auto& client : clients_) {
        RelayView& view = all.emplace_back();
        view.node = client->node();
        view.socket = client->socket().string();
        if (const auto seen = client->last_seen()) {
            view.last_seen_seconds = std::chrono::duration<double>(clock_.now() - *seen).count();
        }
        view.error = client->last_error();
    }
    return all;
}

std::size_t RelayAgent::active() const noexcept {
    return static_cast<std::size_t>(std::ranges::count_if(clients_, [](const auto& client) {
        return client->node().state == cluster::NodeState::Active;
    }));
}

}  // namespace turnpike::signaling
