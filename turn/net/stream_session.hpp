#pragma once

#include <cstdint>

#include "common/base/clock.hpp"
#include "turn/core/path.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/handshake_limits.hpp"
#include "turn/net/outgoing.hpp"
#include "turn/net/stream_census.hpp"
#include "turn/net/tls_context.hpp"

namespace turnpike::net {

struct Listener;

/// What a client's connection owes to the listener it came by.
///
/// Lifetime  borrows the pool's
struct StreamListener {
    std::uint16_t index = 0;
    const Listener* settings = nullptr;
    const TlsContext* tls = nullptr;  // null: TCP only
};

/// One TCP or TLS client: its connection, what was read and is not a whole frame yet, and what waits to be
/// written. It knows no frames; StreamSessions cuts them.
///
/// It belongs to no loop by itself, so that a live connection can move to another worker: socket,
/// TLS state and buffered bytes are all in here.
///
/// Threading  the worker that has it
class StreamSession {
public:
    enum class Stage : std::uint8_t { ProxyHeader, FirstByte, Handshake, FirstFrame, Open, Closing };

    StreamSession(FileDescriptor fd, core::Path path, const StreamListener& listener, Stage stage, Instant now);

    struct Peek {
        std::optional<std::uint8_t> first;  // nothing: not there yet
        bool ended = false;
    };
    /// The first byte, which stays to be read.
    Peek peek() const noexcept;
    /// From here on it is a TLS connection. False when OpenSSL has no memory for it.
    bool begin_tls(Ssl ssl, HandshakeLimits::Ticket ticket) noexcept;

    struct Read {
        std::size_t size = 0;
        bool dry = false;    // nothing more now
        bool ended = false;  // the client closed, or the connection is broken
        bool broken = false;
    };
    /// What there is, at most `space`. Does the TLS handshake on the way.
    Read read(ByteSpan space) noexcept;

    /// Appends one frame; false when more than `queue_max` would wait.
    bool enqueue(const Outgoing& frame, std::size_t queue_max);
    enum class Flush : std::uint8_t { Done, Blocked, Broken };
    /// Writes what waits, all frames in as few calls as the connection takes.
    Flush flush() noexcept;
    bool has_queued() const noexcept { return output_.size() > written_; }
    std::size_t queued() const noexcept { return output_.size() - written_; }

    bool tls() const noexcept { return ssl_ != nullptr; }
    bool handshaken() const noexcept;
    /// Nothing more to count among those under way.
    void end_handshake() noexcept { ticket_.end(); }
    /// What TLS agreed to speak (ALPN); empty when the client did not ask.
    std::string_view protocol() const noexcept { return ssl_ ? application_protocol(ssl_.get()) : std::string_view{}; }
    /// The handshake waits for room to write.
    bool handshake_wants_write() const noexcept;
    /// TLS bytes that were read from the socket already: no event will tell of them.
    bool has_pending() const noexcept;
    /// Says goodbye (close_notify, FIN). Whether the client hears it is not waited for.
    void say_goodbye() noexcept;

    core::Path path;
    StreamListener listener;
    StreamCensus::Place place;
    Stage stage;
    Instant stage_since;     // when the stage began
    Instant received_at;     // last byte from the client
    Instant partial_since;   // when `input` began to hold the front of a frame
    Bytes input;             // the front of a frame
    bool held = false;       // its bytes are nobody's until it has left or is resumed
    bool dirty = false;      // in StreamSessions' list of sessions to flush
    bool write_blocked = false;
    void* owner = nullptr;   // the StreamSessions whose events these are
    Event readable, writable;

    int fd() const noexcept { return fd_.get(); }

private:
    Read read_tls(ByteSpan space) noexcept;
    Flush blocked_or_broken(int result) noexcept;
    void take_written(std::size_t size) noexcept;

    FileDescriptor fd_;
    Ssl ssl_;  // after fd_: freed first
    HandshakeLimits::Ticket ticket_;
    Bytes output_;
    std::size_t written_ = 0;  // of output_
    bool broken_ = false;      // after a fatal TLS error nothing more may be called
};

}  // namespace turnpike::net
