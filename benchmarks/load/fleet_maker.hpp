#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/load/client_link.hpp"
#include "benchmarks/load/failure_tally.hpp"
#include "benchmarks/load/fleet.hpp"
#include "benchmarks/load/framing.hpp"
#include "benchmarks/load/target.hpp"
#include "common/base/random.hpp"
#include "common/crypto/digest.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::bench {

/// The TURN clients of a fleet: makes allocations, opens them towards their peers, refreshes and
/// ends them. A state machine; what waits for what is in FleetDriver.
///
///     start(i) → Allocate, 401, Allocate → ChannelBind or CreatePermission → on_ready(i)
///     … refreshed by tick() …  close(i) → Refresh with lifetime 0 → on_closed(i)
///
/// Errors     on_failed(i), and failures() tells all
/// Lifetime   borrows link, target and random
/// Threading  one thread
/// Source     RFC 8656 §6 to §12; retransmissions RFC 8489 §6.2.1
class FleetMaker {
public:
    struct Plan {
        std::uint32_t members = 1;
        Framing framing = Framing::Channels;
        bool relay_to_relay = false;  // member i's peer is the relayed address of member i ^ 1
        std::function<Endpoint(std::uint32_t)> peer;  // else: member i's peer
        std::optional<Family> family;                 // REQUESTED-ADDRESS-FAMILY
    };
    struct Events {
        std::function<void(std::uint32_t member, Nanoseconds since_start)> ready, closed;
        std::function<void(std::uint32_t member)> failed;
    };

    FleetMaker(ClientLink& link, const Target& target, Plan plan, WallTime now, Random& random);

    void on_events(Events events) { events_ = std::move(events); }

    /// Instead of making one: a fleet that needs no set-up, nor an end.
    void stand_for(Fleet fleet) { fleet_ = std::move(fleet); }
    /// Begins the member's set-up. It must be idle: never started, closed or failed.
    void start(std::uint32_t member, Instant now);
    void close(std::uint32_t member, Instant now);
    /// A STUN message that came for the member.
    void on_message(std::uint32_t member, ByteView message, Instant now);
    /// The member's connection is gone.
    void on_broken(std::uint32_t member, const std::string& why);
    /// Retransmissions and refreshes that are due.
    void tick(Instant now);

    const Fleet& fleet() const noexcept { return fleet_; }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(sessions_.size()); }
    /// Members whose request is on its way.
    std::size_t in_flight() const noexcept { return active_.size(); }
    std::size_t ready() const noexcept { return ready_; }
    bool is_ready(std::uint32_t member) const noexcept {
        return sessions_[member].state == State::Ready;
    }
    bool is_open(std::uint32_t member) const noexcept {
        return sessions_[member].state != State::Idle && sessions_[member].state != State::Failed;
    }
    const FailureTally& failures() const noexcept { return failures_; }
    std::uint64_t retransmissions() const noexcept { return retransmissions_; }

private:
    enum class State : std::uint8_t {
        Idle,
        Allocating,
        WaitingForPeer,
        Opening,
        Ready,
        Closing,
        Failed
    };
    enum class Purpose : std::uint8_t { Allocate, OpenPeer, Refresh, Close };
    static constexpr std::uint32_t kNotActive = UINT32_MAX;

    struct Session {
        State state = State::Idle;
        Purpose purpose{};
        bool keyed = false;
        std::uint8_t sends = 0, refusals = 0;
        std::uint32_t active_at =
            kNotActive;  // its place in active_, while a request is on its way
        stun::TransactionId id{};
        Instant began{}, next_at{};
        crypto::Md5 key{};
        std::string nonce;
    };
    struct Due {
        Instant at{};
        Instant began{};  // of the set-up that it belongs to: a member may have had several
        std::uint32_t member = 0;
        Purpose purpose{};
    };

    void request(std::uint32_t member, Purpose purpose, Instant now);
    void transmit(std::uint32_t member, Instant now);
    void open_peer(std::uint32_t member, Instant now);
    void on_success(std::uint32_t member, const stun::MessageView& message, Instant now);
    void on_refusal(std::uint32_t member, const stun::MessageView& message, Instant now);
    void allocated(std::uint32_t member, const stun::MessageView& message, Instant now);
    void refresh_later(std::uint32_t member, const stun::MessageView& message, Instant now);
    void run_due(std::deque<Due>& queue, Instant now);
    void settle(std::uint32_t member);
    void fail(std::uint32_t member, std::uint16_t code, const std::string& why);

    ClientLink& link_;
    const Target& target_;
    Plan plan_;
    WallTime wall_;  // credentials are minted as of the start
    Random& random_;
    Events events_;
    Fleet fleet_;
    std::string realm_;
    std::vector<Session> sessions_;
    std::vector<std::uint32_t> active_;
    // Both in the order of time, since all wait equally long.
    std::deque<Due> refreshes_, reopenings_;
    std::size_t ready_ = 0;
    std::uint64_t retransmissions_ = 0;
    Instant next_scan_{};
    FailureTally failures_;
};

}  // namespace turnpike::bench
