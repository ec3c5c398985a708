#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "turn/net/stream_session.hpp"

namespace turnpike::net {

struct Limits;

/// A worker's connections that are no TURN: each is joined to a connection of its own to the listener's upstream,
/// and bytes pass both ways, with TLS taken off, until both sides have ended.
///
/// A side that reads slowly holds the other one back: at most kBufferBytes wait in each direction. One
/// side's end is passed on and the other may go on (half-close); silence both ways ends it.
///
/// Threading  the owning worker
class Upstreams {
public:
    static constexpr std::size_t kBufferBytes = 32 * 1024;
    static constexpr Seconds kConnectTimeout = 5s;

    /// An upstream that could not be reached, and why (errno). On the worker's thread.
    using Failed = std::function<void(const Endpoint& upstream, int error)>;

    Upstreams(const EventLoop& loop, const Limits& limits, const Clock& clock, Failed on_failed);
    ~Upstreams();
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    /// Takes over a client's connection, of which `already` was read.
    void begin(const Endpoint& upstream, std::unique_ptr<StreamSession> client, ByteView already);
    /// Ends what is due.
    void advance(Instant now);

    std::size_t size() const noexcept { return splices_.size(); }

    std::uint64_t opened = 0, failed = 0;

private:
    struct Splice;

    static void on_ready(int fd, short what, void* splice);
    static bool client_to_upstream(Splice& splice);
    static bool upstream_to_client(Splice& splice);
    static bool write_upstream(Splice& splice);
    static bool write_client(Splice& splice);
    void pump(Splice& splice);
    bool finish_connect(Splice& splice);
    void give_up(Splice& splice, int error);
    void end(Splice& splice);

    const EventLoop& loop_;
    const Limits& limits_;
    const Clock& clock_;
    Failed on_failed_;
    std::vector<std::unique_ptr<Splice>> splices_;  // a splice knows its place
};

}  // namespace turnpike::net
