#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "turn/core/actions.hpp"
#include "turn/core/server.hpp"
#include "turn/net/event_loop.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/stream_session.hpp"

namespace turnpike::net {

/// A connection between a relayed address and a peer, and the client's data connection once it is bound:
/// bytes pass between the two, whatever they are.
///
/// In each direction no more is in memory than one read took and the other side has not; then nothing more is read,
/// and TCP tells the sender to wait. What a peer sends before the client comes stays in the kernel's
/// receive buffer in the same way.
struct PeerConnection {
    enum class Stage : std::uint8_t { Connecting, Waiting, Bound };

    core::ConnectionId id;
    Stage stage = Stage::Waiting;
    FileDescriptor fd;                      // the peer's
    std::unique_ptr<StreamSession> client;  // Bound
    Bytes unsent;                           // from the client, for the peer
    bool client_ended = false, peer_ended = false;  // nothing more comes from there
    bool client_told = false, peer_told = false;    // that nothing more comes from the other
    bool client_lost = false, peer_lost = false;    // nothing more can be written there
    bool paused = false;                            // by the bandwidth limit
    void* owner = nullptr;                          // the PeerConnections whose events these are
    Event readable, writable;                       // the peer's; the client's are its session's
};

/// A worker's connections with peers (RFC 6062 §5). It moves bytes and knows no message.
///
/// Threading  the owning worker
class PeerConnections {
public:
    /// What the core hears, and what it allows.
    class Sink {
    public:
        virtual void on_peer_connected(core::ConnectionId id, std::expected<void, core::ConnectError> opened) = 0;
        /// One side ended, or both.
        virtual void on_peer_closed(core::ConnectionId id) = 0;
        virtual std::size_t relayable(core::ConnectionId id, std::size_t at_most) noexcept = 0;
        virtual void relayed(core::ConnectionId id, core::Direction direction, std::size_t size) noexcept = 0;

    protected:
        ~Sink() = default;
    };

    PeerConnections(const EventLoop& loop, Sink& sink);
    ~PeerConnections();
    PeerConnections(const PeerConnections&) = delete;
    PeerConnections& operator=(const PeerConnections&) = delete;

    /// Connects; on_peer_connected() tells how it went, unless it is an error at once.
    std::expected<void, core::ConnectError> connect(core::ConnectionId id, const Endpoint& relayed,
                                                    const Endpoint& peer);
    /// A peer connected to us.
    void accepted(core::ConnectionId id, FileDescriptor fd);
    /// The client's data connection: what it has sent behind its request is the peer's, what waits to be
    /// written to it goes first. Not while the session's own events are on the stack.
    void bind(core::ConnectionId id, std::unique_ptr<StreamSession> client);
    /// Ends both sides. The core has decided so: it is not told.
    void close(core::ConnectionId id);

    /// At the end of a round: forgets what ended in it.
    void recycle() noexcept { ended_.clear(); }
    std::size_t size() const noexcept { return by_id_.size(); }

private:
    static void on_peer_event(int fd, short what, void* connection);
    static void on_client_event(int fd, short what, void* connection);
    void on_timer();

    PeerConnection* find(core::ConnectionId id) noexcept;
    PeerConnection& put(core::ConnectionId id, FileDescriptor fd);
    void connecting(PeerConnection& connection);
    /// Moves what there is in both directions; ends the connection when both are over.
    void relay(PeerConnection& connection);
    bool relay_to_peer(PeerConnection& connection);
    bool relay_to_client(PeerConnection& connection);
    void send_to_peer(PeerConnection& connection, ByteView bytes);
    std::size_t room(PeerConnection& connection);
    void watch(PeerConnection& connection);
    void retire(PeerConnection& connection);

    const EventLoop& loop_;
    Sink& sink_;
    std::unordered_map<std::uint32_t, std::unique_ptr<PeerConnection>> by_id_;
    std::vector<std::unique_ptr<PeerConnection>> ended_;  // a callback above us may still hold a reference
    std::vector<core::ConnectionId> paused_;
    Event timer_;
    std::unique_ptr<std::uint8_t[]> space_;  // of one read
};

}  // namespace turnpike::net
