#pragma once

#include "tests/turn/net/relay_support.hpp"

struct bio_st;

// DTLS by the flight, for what a whole client would not do.
namespace turnpike::net::testing {

/// A client's handshake that goes as far as it is asked to.
class DtlsStepper {
public:
    explicit DtlsStepper(const Endpoint& server, const std::string& from = "127.0.0.1");

    /// What the client says to a datagram (empty: to begin with).
    Bytes step(ByteView datagram);
    /// ClientHello, the server's cookie, ClientHello with it.
    bool show_cookie();
    /// The whole handshake; each datagram of the client's begins with `prefix`.
    bool handshake(ByteView prefix = {});
    /// One message to the server, and the next from it; empty when none comes.
    void say(ByteView message, ByteView prefix = {});
    Bytes hear();
    UdpEnd& end() noexcept { return end_; }

    Bytes last_hello;  // with the cookie

private:
    Endpoint server_;
    UdpEnd end_;
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    Ssl ssl_;
    bio_st* out_ = nullptr;
};

/// A whole first ClientHello, as OpenSSL makes it.
Bytes dtls_client_hello();
/// One record.
Bytes dtls_record(std::uint8_t type, std::uint16_t epoch, ByteView fragment);

}  // namespace turnpike::net::testing
