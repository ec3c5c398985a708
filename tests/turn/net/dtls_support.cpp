#include "tests/turn/net/dtls_support.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

namespace turnpike::net::testing {

DtlsStepper::DtlsStepper(const Endpoint& server, const std::string& from)
    : server_(server), end_(from), context_(::SSL_CTX_new(::DTLS_client_method()), &::SSL_CTX_free),
      ssl_(::SSL_new(context_.get())) {
    BIO* const in = ::BIO_new(::BIO_s_mem());
    ::BIO_set_mem_eof_return(in, -1);
    out_ = ::BIO_new(::BIO_s_mem());
    ::SSL_set_bio(ssl_.get(), in, out_);
    ::SSL_set_options(ssl_.get(), SSL_OP_NO_QUERY_MTU);
    ::SSL_set_mtu(ssl_.get(), 1400);
    ::SSL_set_connect_state(ssl_.get());
}

Bytes DtlsStepper::step(ByteView datagram) {
    if (!datagram.empty()) ::BIO_write(::SSL_get_rbio(ssl_.get()), datagram.data(), static_cast<int>(datagram.size()));
    ::SSL_do_handshake(ssl_.get());
    Bytes flight(65'536);
    const int size = ::BIO_read(out_, flight.data(), static_cast<int>(flight.size()));
    flight.resize(static_cast<std::size_t>(std::max(size, 0)));
    return flight;
}

bool DtlsStepper::show_cookie() {
    const Bytes hello = step({});
    end_.send(hello, server_);
    const auto verify = end_.receive();
    if (!verify) return false;
    last_hello = step(verify->bytes);
    end_.send(last_hello, server_);
    return !last_hello.empty();
}

bool DtlsStepper::handshake(ByteView prefix) {
    Bytes answer;
    for (int flights = 0; flights < 30; ++flights) {
        Bytes datagram{prefix.begin(), prefix.end()};
        const Bytes flight = step(answer);
        datagram.insert(datagram.end(), flight.begin(), flight.end());
        if (!flight.empty()) end_.send(datagram, server_);
        if (::SSL_is_init_finished(ssl_.get())) return true;
        const auto received = end_.receive();
        if (!received) return false;
        answer = received->bytes;
    }
    return false;
}

void DtlsStepper::say(ByteView message, ByteView prefix) {
    ::SSL_write(ssl_.get(), message.data(), static_cast<int>(message.size()));
    Bytes datagram{prefix.begin(), prefix.end()};
    Bytes record(2048);
    const int size = ::BIO_read(out_, record.data(), static_cast<int>(record.size()));
    datagram.insert(datagram.end(), record.begin(), record.begin() + std::max(size, 0));
    end_.send(datagram, server_);
}

Bytes DtlsStepper::hear() {
    const auto received = end_.receive();
    if (!received) return {};
    ::BIO_write(::SSL_get_rbio(ssl_.get()), received->bytes.data(), static_cast<int>(received->bytes.size()));
    Bytes message(2048);
    message.resize(static_cast<std::size_t>(std::max(0, ::SSL_read(ssl_.get(), message.data(), static_cast<int>(message.size())))));
    return message;
}

Bytes dtls_client_hello() {
    DtlsStepper stepper{Endpoint::parse("127.0.0.1:1").value()};
    return stepper.step({});
}

Bytes dtls_record(std::uint8_t type, std::uint16_t epoch, ByteView fragment) {
    Bytes record{type, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0};
    store_u16(record, 3, epoch);
    store_u16(record, 11, static_cast<std::uint16_t>(fragment.size()));
    record.insert(record.end(), fragment.begin(), fragment.end());
    return record;
}

}  // namespace turnpike::net::testing
