#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "common/base/deadline_wheel.hpp"
#include "turn/net/client_sink.hpp"
#include "turn/net/datagram_reader.hpp"
#include "turn/net/stream_session.hpp"
#include "turn/net/upstreams.hpp"
#include "turn/net/worker_pool.hpp"

namespace turnpike::net {

/// A worker's TCP and TLS clients: accepts them, cuts their bytes into frames, writes theirs out once
/// per wake, and ends the slow, the silent and the broken.
///
/// A session is named by its link: slot and generation, so that a stale one finds nothing.
///
/// Threading  the owning worker
class StreamSessions {
public:
    StreamSessions(const EventLoop& loop, DatagramReader& memory, StreamCensus& census, HandshakeLimits& handshakes,
                   const Limits& limits, const Clock& clock, ClientSink& sink, Upstreams::Failed upstream_failed);
    ~StreamSessions();
    StreamSessions(const StreamSessions&) = delete;
    StreamSessions& operator=(const StreamSessions&) = delete;

    /// Accepts clients of this listening socket from now on.
    void listen(FileDescriptor fd, const StreamListener& listener);
    void stop_listening();

    /// Queues one message for a client. Media that finds the queue full is dropped; a response may use
    /// a reserve behind it, and a client that fills even that is beyond help and is closed.
    void send_media(std::uint64_t link, Outgoing frame);
    void send_response(std::uint64_t link, ByteView message);
    /// Closes it once what is queued has left.
    void close_after_flush(std::uint64_t link);

    /// Nothing more is read from it or cut off it, until it is released or resumed.
    void hold(std::uint64_t link);
    void resume(std::uint64_t link);

    /// Once per wake: writes what was queued, forgets ended sessions.
    void flush();
    void advance(Instant now);
    bool has_deadlines() const noexcept { return wheel_.armed() > 0 || accept_again_at_ || upstreams_.size() > 0; }

    /// Takes a session out, alive, for another worker; nothing when the link is stale.
    std::unique_ptr<StreamSession> release(std::uint64_t link);
    /// Its link here. Bytes that came before the move are read in the loop's next round.
    std::uint64_t adopt(std::unique_ptr<StreamSession> session);
    /// The link of a 5-tuple's session, 0 when there is none. Looks at all of them: for control only.
    std::uint64_t find_link(const FiveTuple& tuple) const noexcept;

    std::size_t size() const noexcept { return size_; }

    const Upstreams& upstreams() const noexcept { return upstreams_; }

    std::uint64_t handshakes_ok = 0, handshakes_failed = 0, handshakes_refused = 0;
    std::uint64_t media_dropped = 0;  // a slow reader's queue was full
    std::uint64_t refused = 0;        // over a cap

private:
    struct Listening {
        StreamSessions* owner = nullptr;
        FileDescriptor fd;
        StreamListener listener;
        Event event;
    };
    struct Slot {
        std::unique_ptr<StreamSession> session;
        std::uint32_t generation = 0;
        DeadlineWheel<std::uint64_t>::Handle deadline;
    };

    static void on_acceptable(int fd, short what, void* listening);
    static void on_readable(int fd, short what, void* session);
    static void on_writable(int fd, short what, void* session);

    void accept(Listening& listening);
    void pause_accepting();
    void admit(Listening& listening, FileDescriptor fd, const Endpoint& client);
    std::uint64_t put(std::unique_ptr<StreamSession> session);
    void watch(StreamSession& session);
    StreamSession* find(std::uint64_t link) noexcept;

    void receive(StreamSession& session);
    // The steps before the first frame; false when the session waits for more, or has ended.
    bool take_proxy_header(StreamSession& session);
    bool take_first_byte(StreamSession& session);
    /// Whether these bytes are for TURN; false when they went upstream, or the session has ended.
    bool begins_turn(StreamSession& session, ByteView bytes);
    /// Cuts frames off the front; what is left of the bytes, or nothing when the stream is no TURN.
    bool take_frames(StreamSession& session, ByteSpan& bytes);
    void progress(StreamSession& session, Instant now);
    void write(StreamSession& session);
    void mark_dirty(StreamSession& session);
    void close(StreamSession& session);

    void enter(StreamSession& session, StreamSession::Stage stage, Instant now);
    Instant deadline_of(const StreamSession& session) const noexcept;
    Instant next_check(const StreamSession& session, Instant now) const noexcept;
    void check_deadline(std::uint64_t link, Instant now);

    const EventLoop& loop_;
    DatagramReader& memory_;
    StreamCensus& census_;
    HandshakeLimits& handshakes_;
    const Limits& limits_;
    const Clock& clock_;
    ClientSink& sink_;
    Upstreams upstreams_;
    std::vector<std::unique_ptr<Listening>> listenings_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<std::uint64_t> dirty_;                       // links with something to write
    std::vector<std::unique_ptr<StreamSession>> ended_;      // a callback above us may still hold a reference
    DeadlineWheel<std::uint64_t> wheel_;
    std::optional<Instant> accept_again_at_;                 // out of descriptors until then
    std::size_t size_ = 0;
};

}  // namespace turnpike::net
