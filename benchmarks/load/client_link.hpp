#pragma once

#include <expected>
#include <functional>
#include <string>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// How the clients of a fleet reach the server: by number, whatever the transport.
///
/// Errors     open() says a sentence; what breaks later is told to OnBroken, once for a client;
/// what
///            concerns all is in failure()
/// Threading  one thread
class ClientLink {
public:
    using OnMessage = std::function<void(std::uint32_t client, ByteView message)>;
    using OnBroken = std::function<void(std::uint32_t client, const std::string& why)>;

    virtual ~ClientLink() = default;

    /// The client's way to the server. Opening one that is open changes nothing.
    virtual std::expected<void, std::string> open(std::uint32_t client) = 0;
    /// Ends it, by the next flush() at the latest.
    virtual void close(std::uint32_t client) = 0;
    /// The client's own transport address.
    virtual Endpoint local(std::uint32_t client) const = 0;
    /// Whether what was sent arrives or the link breaks: no retransmissions.
    virtual bool reliable() const noexcept = 0;

    /// Queues a STUN message or ChannelData. False when there is no room: it was not taken.
    virtual bool send(std::uint32_t client, ByteView message) = 0;
    /// Several messages of `segment` bytes each, one behind the other in `messages`.
    virtual bool send_burst(std::uint32_t client, ByteView messages, std::size_t segment) {
        bool all = true;
        for (; !messages.empty(); messages = messages.subspan(segment))
            all = send(client, messages.first(segment)) && all;
        return all;
    }
    virtual void flush() = 0;
    /// Reads what is there, up to a bound; how many messages it was.
    virtual std::size_t receive(const OnMessage& on_message) = 0;

    /// For poll(2): readable when there may be something to receive.
    virtual int descriptor() const noexcept = 0;
    /// Datagrams that this machine threw away because they were not read in time.
    virtual std::uint64_t drops() const noexcept = 0;
    /// Whether ICMP errors are of interest: during set-up, when nobody may be there.
    virtual void watch_errors(bool) {}
    /// What went wrong with the server as a whole; empty when nothing did.
    virtual std::string failure() { return {}; }

    void on_broken(OnBroken on_broken) { on_broken_ = std::move(on_broken); }

protected:
    OnBroken on_broken_;
};

}  // namespace turnpike::bench
