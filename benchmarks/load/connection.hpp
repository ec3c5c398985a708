#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "benchmarks/load/target.hpp"
#include "benchmarks/load/tls_client.hpp"
#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"

namespace turnpike::bench {

/// One way to the server: messages in, messages out, never blocking after connect().
///
/// Errors     a sentence, once; the connection is of no use after it
/// Threading  one thread
class Connection {
public:
    using OnMessage = std::function<void(ByteView message)>;

    virtual ~Connection() = default;

    virtual int descriptor() const noexcept = 0;
    /// Whether to wait until the descriptor is writable.
    virtual bool wants_write() const noexcept = 0;
    /// A whole STUN message or ChannelData without padding. False when there is no room now: the
    /// message was not taken, try again when writable.
    virtual bool send(ByteView message) = 0;
    /// Reads what is there, and calls `on_message` with each message.
    virtual std::expected<void, std::string> receive(const OnMessage& on_message) = 0;
    virtual std::expected<void, std::string> flush() = 0;
    /// Datagrams that this machine threw away because nobody read them in time.
    virtual std::uint64_t receive_drops() const noexcept { return 0; }
};

/// Connects over TCP, TLS or DTLS and waits for it, `timeout` at most. `tls` is the target's
/// context, null for TCP.
std::expected<std::unique_ptr<Connection>, std::string> connect(const Target& target,
                                                                const TlsContext* tls,
                                                                Milliseconds timeout);

}  // namespace turnpike::bench
