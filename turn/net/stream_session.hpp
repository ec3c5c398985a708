#pragma once

#include <cstdint>

#include "common/base/bytes.hpp"
#include "common/base/clock.hpp"
#include "turn/core/path.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/stream_census.hpp"
#include "turn/net/tls_context.hpp"

namespace turnpike::net {

/// One TCP or TLS client: its connection, what was read and is not a whole frame yet, and what waits to be
/// written. It knows no frames; StreamSessions cuts them.
///
/// It belongs to no loop by itself, so that a live connection can move to another worker: socket,
/// TLS state and buffered bytes are all in here.
///
/// Threading  the worker that has it
class StreamSession {
public:
    enum class Stage : std::uint8_t { FirstByte, Handshake, FirstFrame, Open, Closing };

    StreamSession(FileDescriptor fd, core::Path path, Ssl ssl, StreamCensus::Place place, Instant now);

    struct Read {
        std::size_t size = 0;
        bool dry = false;    // nothing more now
        bool ended = false;  // the client closed, or the connection is broken
    };
    /// What there is, at most `space`. Does the TLS handshake on the way.
    Read read(ByteSpan space) noexcept;

    /// Appends one frame with `padding` zeroes; false when more than `queue_max` would wait.
    bool enqueue(ByteView frame, std::size_t padding, std::size_t queue_max);
    enum class Flush : std::uint8_t { Done, Blocked, Broken };
    /// Writes what waits, all frames in as few calls as the connection takes.
    Flush flush() noexcept;
    bool has_queued() const noexcept { return output_.size() > written_; }
    std::size_t queued() const noexcept { return output_.size() - written_; }

    bool tls() const noexcept { return ssl_ != nullptr; }
    /// TLS: the client has sent something.
    bool handshake_begun() const noexcept;
    bool handshaken() const noexcept;
    /// The handshake waits for room to write.
    bool handshake_wants_write() const noexcept;
    /// TLS bytes that were read from the socket already: no event will tell of them.
    bool has_pending() const noexcept;
    /// Says goodbye (close_notify, FIN). Whether the client hears it is not waited for.
    void say_goodbye() noexcept;

    core::Path path;
    Stage stage = Stage::FirstByte;
    Instant stage_since;     // when the stage began
    Instant received_at;     // last byte from the client
    Instant partial_since;   // when `input` began to hold the front of a frame
    Bytes input;             // the front of a frame
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
    StreamCensus::Place place_;
    Bytes output_;
    std::size_t written_ = 0;  // of output_
    bool broken_ = false;      // after a fatal TLS error nothing more may be called
};

}  // namespace turnpike::net
