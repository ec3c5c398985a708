#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/cluster/model.hpp"
#include "signaling/net/io_loop.hpp"

namespace turnpike::signaling {

/// "No allocation of this subject, and no new one until then."
struct Revocation {
    std::string subject;
    WallTime until{};
    std::string reason;
};

/// What a relay answers to GET /v1/node, as far as signaling cares. Untrusted: strict about types,
/// bounded in size; nothing when it is no such answer.
std::optional<cluster::NodeInfo> parse_node(std::string_view json);

/// One relay, watched and told things through its admin socket.
///
/// Lifetime   borrows loop and clock; its timers live in the loop, so destroy it after the loop has stopped
/// Threading  the loop's thread
class RelayClient {
public:
    struct Timing {
        Milliseconds poll{2000};
        Milliseconds poll_lost{500};   // until it is (again) there
        Milliseconds lease{6000};      // without an answer for so long, it is lost
        Milliseconds deadline{1500};   // of one call
        Milliseconds retry{200};       // between two tries of a revocation
    };
    /// How many allocations the relay ended; nothing when it was lost before it acknowledged.
    using Revoked = std::function<void(std::optional<std::uint64_t> ended)>;

    RelayClient(IoLoop& loop, const Clock& clock, std::filesystem::path socket, Timing timing,
                std::function<void(RelayClient&)> changed);

    void start();
    void revoke(Revocation revocation, Revoked done);

    const std::filesystem::path& socket() const noexcept { return socket_; }
    /// State Lost until the first answer, and after the lease.
    const cluster::NodeInfo& node() const noexcept { return node_; }
    std::optional<Instant> last_seen() const noexcept { return last_seen_; }
    const std::string& last_error() const noexcept { return last_error_; }

private:
    struct Pending {
        std::uint64_t ticket = 0;
        Revocation revocation;
        Revoked done;
    };

    void poll();
    void polled(int status, const std::string& body, const std::string& error);
    void mark_lost();
    void send_next();

    IoLoop& loop_;
    const Clock& clock_;
    std::filesystem::path socket_;
    Timing timing_;
    std::function<void(RelayClient&)> changed_;
    cluster::NodeInfo node_;
    std::optional<Instant> last_seen_;
    std::string last_error_;
    std::deque<Pending> pending_;  // in order; the first is on its way while sending_
    std::uint64_t last_ticket_ = 0;
    bool sending_ = false;
};

}  // namespace turnpike::signaling
