#pragma once

#include <array>
#include <memory>
#include <optional>

#include "turn/core/path.hpp"
#include "turn/net/dtls_cookies.hpp"
#include "turn/net/handshake_limits.hpp"
#include "turn/net/tls_context.hpp"

struct bio_method_st;
struct bio_st;

namespace turnpike::net {

/// One DTLS connection's state: an SSL object that reads from the datagram at hand and writes to a Wire. It
/// has no socket, so a live one can move to another worker.
///
/// Threading  the worker that has it
/// Source     RFC 6347
class DtlsConnection {
public:
    /// Where its datagrams leave.
    class Wire {
    public:
        virtual void send_record(const core::Path& to, ByteView datagram) = 0;

    protected:
        ~Wire() = default;
    };

    /// Nothing when the listener's certificates cannot be used.
    static std::unique_ptr<DtlsConnection> make(const TlsContext& context, const DtlsCookies& cookies);
    ~DtlsConnection();
    DtlsConnection(const DtlsConnection&) = delete;
    DtlsConnection& operator=(const DtlsConnection&) = delete;

    /// Whose it is; `path` and `wire` must outlive what follows.
    void attach(const core::Path& path, Wire& wire) noexcept {
        path_ = &path;
        wire_ = &wire;
    }

    /// A ClientHello from anybody. Without a good cookie it is answered by one and forgotten, and this object
    /// is as before; with one it becomes that client's.
    bool listen(ByteView datagram, Instant now) noexcept;

    enum class Handshake : std::uint8_t { Goes, Done, Failed };
    /// Takes the handshake as far as `datagram` allows; empty right after listen().
    Handshake handshake(ByteView datagram, Instant now) noexcept;
    bool handshaken() const noexcept;
    /// When handle_timeout() is due: the last flight may have been lost.
    std::optional<Nanoseconds> retransmit_after() const noexcept;
    Handshake handle_timeout() noexcept;

    struct Read {
        std::size_t size = 0;
        bool dry = false;
        bool ended = false;  // close_notify, or broken
    };
    /// Gives it a datagram, of which read() then yields what was in its records, one record a call.
    void receive(ByteView datagram) noexcept { incoming_ = datagram; }
    Read read(ByteSpan space) noexcept;

    /// One record. False when it cannot be sent: longer than a record may be.
    bool write(ByteView message) noexcept;
    void say_goodbye() noexcept;

    std::array<std::uint8_t, 32> random{};  // of the ClientHello that began it
    Instant begun_at{};
    unsigned protected_datagrams = 0;       // that came before its handshake was done
    HandshakeLimits::Ticket ticket;         // while the handshake lasts

private:
    DtlsConnection() = default;

    static int bio_read(bio_st* bio, char* out, int size);
    static int bio_write(bio_st* bio, const char* in, int size);
    static long bio_control(bio_st* bio, int command, long number, void* pointer);
    static bio_method_st* bio_method();
    Handshake outcome(int result) noexcept;

    Ssl ssl_;
    DtlsCookies::Peer peer_;
    const core::Path* path_ = nullptr;
    Wire* wire_ = nullptr;
    ByteView incoming_;
    bool broken_ = false;
};

}  // namespace turnpike::net
