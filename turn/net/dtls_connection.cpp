#include "turn/net/dtls_connection.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/time.h>

#include <algorithm>

namespace turnpike::net {

// ---- the BIO: one datagram in, any number out ----

int DtlsConnection::bio_read(BIO* bio, char* out, int size) {
    auto& self = *static_cast<DtlsConnection*>(::BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self.incoming_.empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t taken = std::min(static_cast<std::size_t>(size), self.incoming_.size());
    std::copy_n(self.incoming_.begin(), taken, reinterpret_cast<std::uint8_t*>(out));
    self.incoming_ = {};  // as a socket: what did not fit is lost
    return static_cast<int>(taken);
}

int DtlsConnection::bio_write(BIO* bio, const char* in, int size) {
    const auto& self = *static_cast<DtlsConnection*>(::BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (self.wire_ != nullptr) {
        self.wire_->send_record(*self.path_, {reinterpret_cast<const std::uint8_t*>(in), static_cast<std::size_t>(size)});
    }
    return size;
}

long DtlsConnection::bio_control(BIO*, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH: return 1;
        case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return 48;  // IPv6 and UDP
        default: return 0;
    }
}

BIO_METHOD* DtlsConnection::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram at hand");
        ::BIO_meth_set_read(made, &bio_read);
        ::BIO_meth_set_write(made, &bio_write);
        ::BIO_meth_set_ctrl(made, &bio_control);
        ::BIO_meth_set_create(made, [](BIO* bio) {
            ::BIO_set_init(bio, 1);
            return 1;
        });
        return made;
    }();
    return method;
}

// ---- the connection ----

std::unique_ptr<DtlsConnection> DtlsConnection::make(const TlsContext& context, const DtlsCookies& cookies) {
    std::unique_ptr<DtlsConnection> made{new DtlsConnection};
    made->ssl_ = context.accept();
    BIO* const bio = ::BIO_new(bio_method());
    if (!made->ssl_ || bio == nullptr) {
        ::BIO_free(bio);
        return {};
    }
    ::BIO_set_data(bio, made.get());
    ::SSL_set_bio(made->ssl_.get(), bio, bio);
    made->peer_.cookies = &cookies;
    DtlsCookies::set_peer(made->ssl_.get(), &made->peer_);
    return made;
}

DtlsConnection::~DtlsConnection() = default;

bool DtlsConnection::listen(ByteView datagram, Instant now) noexcept {
    peer_.tuple = &path_->tuple;
    peer_.now = now;
    incoming_ = datagram;
    ::ERR_clear_error();
    // It asks whom the datagram is from, which the BIO does not say; the cookie callbacks know.
    BIO_ADDR* const unused = ::BIO_ADDR_new();
    const int result = unused != nullptr ? ::DTLSv1_listen(ssl_.get(), unused) : -1;
    ::BIO_ADDR_free(unused);
    incoming_ = {};
    return result == 1;
}

DtlsConnection::Handshake DtlsConnection::handshake(ByteView datagram, Instant now) noexcept {
    if (broken_) return Handshake::Failed;
    peer_.tuple = &path_->tuple;
    peer_.now = now;
    incoming_ = datagram;
    ::ERR_clear_error();
    return outcome(::SSL_do_handshake(ssl_.get()));
}

DtlsConnection::Handshake DtlsConnection::outcome(int result) noexcept {
    if (result == 1) return Handshake::Done;
    const int error = ::SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Handshake::Goes;
    broken_ = true;
    return Handshake::Failed;
}

bool DtlsConnection::handshaken() const noexcept { return ::SSL_is_init_finished(ssl_.get()) == 1; }

std::optional<Nanoseconds> DtlsConnection::retransmit_after() const noexcept {
    timeval left{};
    if (broken_ || DTLSv1_get_timeout(ssl_.get(), &left) != 1) return {};
    return Nanoseconds{Seconds{left.tv_sec}} + std::chrono::microseconds{left.tv_usec};
}

DtlsConnection::Handshake DtlsConnection::handle_timeout() noexcept {
    if (broken_) return Handshake::Failed;
    ::ERR_clear_error();
    if (DTLSv1_handle_timeout(ssl_.get()) >= 0) return Handshake::Goes;
    broken_ = true;
    return Handshake::Failed;
}

DtlsConnection::Read DtlsConnection::read(ByteSpan space) noexcept {
    if (broken_) return {0, true, true};
    ::ERR_clear_error();
    std::size_t got = 0;
    const int done = ::SSL_read_ex(ssl_.get(), space.data(), space.size(), &got);
    if (done == 1) return {got, false, false};
    const int error = ::SSL_get_error(ssl_.get(), done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return {0, true, false};
    if (error != SSL_ERROR_ZERO_RETURN) broken_ = true;
    return {0, true, true};
}

bool DtlsConnection::write(ByteView message) noexcept {
    // Records are never split: a datagram is a message.
    if (broken_ || message.empty() || message.size() > SSL3_RT_MAX_PLAIN_LENGTH) return false;
    ::ERR_clear_error();
    std::size_t written = 0;
    return ::SSL_write_ex(ssl_.get(), message.data(), message.size(), &written) == 1;
}

void DtlsConnection::say_goodbye() noexcept {
    if (broken_ || !handshaken()) return;
    ::ERR_clear_error();
    ::SSL_shutdown(ssl_.get());
}

}  // namespace turnpike::net
