#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/load/connection.hpp"
#include "benchmarks/load/target.hpp"
#include "common/base/clock.hpp"
#include "common/base/random.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::bench {

/// How payload travels between client and server.
enum class Framing : std::uint8_t { Channels, Send };

/// A TURN client with one allocation and one peer.
///
///     client.allocate(now) → allocated() → client.open_peer(peer, now) → ready()
///     → send(payload) and on_payload, while tick(now) refreshes → client.close(now) → closed()
///
/// Errors     failed(): a sentence in error(); nothing moves after it
/// Lifetime   borrows the Random
/// Threading  one thread; the caller polls descriptor() and calls on_readable(), tick()
/// Source     RFC 8656 §6 to §12; timers and retransmissions RFC 8489 §6.2.1
class TurnClient {
public:
    struct Options {
        std::string username, password;
        std::string realm;  // another one is refused when this is not empty
        Framing framing = Framing::Channels;
        bool reliable = false;  // TCP or TLS: no retransmissions
        std::optional<Family> family;  // REQUESTED-ADDRESS-FAMILY
    };
    using OnPayload = std::function<void(ByteView payload, Instant now)>;

    TurnClient(std::unique_ptr<Connection> connection, Options options, Random& random);

    void allocate(Instant now);
    void open_peer(const Endpoint& peer, Instant now);
    /// Ends the allocation.
    void close(Instant now);

    /// False when there is no room now; nothing was sent.
    bool send(ByteView payload);
    void on_payload(OnPayload on_payload) { on_payload_ = std::move(on_payload); }

    void on_readable(Instant now);
    void on_writable();
    /// Retransmissions and refreshes that are due.
    void tick(Instant now);
    Instant next_deadline() const noexcept;

    bool allocated() const noexcept { return relayed_.has_value(); }
    bool ready() const noexcept { return open_; }
    bool closed() const noexcept { return closed_; }
    bool failed() const noexcept { return !error_.empty(); }
    const std::string& error() const noexcept { return error_; }
    std::optional<Endpoint> relayed() const noexcept { return relayed_; }
    const Connection& connection() const noexcept { return *connection_; }

private:
    enum class Purpose : std::uint8_t { Allocate, Refresh, OpenPeer, Close };
    struct Transaction {
        Purpose purpose{};
        stun::TransactionId id{};
        Bytes message;
        Nanoseconds timeout{};
        Instant next_at{};
        int sent = 0;
    };

    void request(Purpose purpose, Instant now);
    void transmit(Transaction& transaction, Instant now);
    void on_message(ByteView message, Instant now);
    void on_response(const stun::MessageView& message, Instant now);
    void on_success(Purpose purpose, const stun::MessageView& message, Instant now);
    void on_refusal(Purpose purpose, const stun::MessageView& message, Instant now);
    void on_data_indication(const stun::MessageView& message, Instant now);
    void fail(std::string error);

    std::unique_ptr<Connection> connection_;
    Options options_;
    Random& random_;
    OnPayload on_payload_;

    std::string realm_, nonce_;
    Bytes key_;  // of the long-term mechanism, once the realm is known
    int refusals_ = 0;

    std::optional<Endpoint> relayed_, peer_;
    bool open_ = false, closed_ = false;
    std::string error_;
    std::vector<Transaction> transactions_;
    Instant refresh_at_ = Instant::max(), reopen_at_ = Instant::max();
};

}  // namespace turnpike::bench
