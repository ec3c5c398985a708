#include "benchmarks/load/tls_client.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {
namespace {

std::string last_error() {
    const unsigned long code = ERR_peek_last_error();
    if (code == 0) return "the connection ended";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "TLS failed";
}

}  // namespace

std::unique_ptr<TlsContext> TlsContext::of(const Target& target) {
    const bool datagrams = target.transport == Transport::Dtls;
    if (!datagrams && target.transport != Transport::Tls) return nullptr;
    SSL_CTX* context = SSL_CTX_new(datagrams ? DTLS_client_method() : TLS_client_method());
    if (context == nullptr) return nullptr;
    SSL_CTX_set_min_proto_version(context, datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_verify(context, target.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    if (!target.insecure) SSL_CTX_set_default_verify_paths(context);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return std::unique_ptr<TlsContext>{new TlsContext{context}};
}

TlsContext::~TlsContext() {
    SSL_CTX_free(context_);
}

TlsClient::TlsClient(const TlsContext& context, const Target& target, int descriptor)
    : ssl_(SSL_new(context.get())) {
    if (ssl_ == nullptr) return;
    if (target.transport == Transport::Dtls) {
        BIO* bio = BIO_new_dgram(descriptor, BIO_NOCLOSE);
        sockaddr_storage peer{};
        target.server.to(peer);
        BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_CONNECTED, 0, &peer);
        SSL_set_bio(ssl_, bio, bio);
    } else {
        SSL_set_fd(ssl_, descriptor);
    }
    if (IpAddress::parse(target.server_name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), target.server_name.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl_, target.server_name.c_str());
        SSL_set1_host(ssl_, target.server_name.c_str());
    }
}

TlsClient::~TlsClient() {
    if (ssl_ == nullptr) return;
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
}

std::expected<void, std::string> TlsClient::handshake(const Target& target, int descriptor,
                                                      Milliseconds timeout) {
    if (ssl_ == nullptr) return std::unexpected(last_error());
    for (Milliseconds waited{};;) {
        ERR_clear_error();
        const int done = SSL_connect(ssl_);
        if (done == 1) return {};
        const int why = SSL_get_error(ssl_, done);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
            const Milliseconds wait = retransmission(timeout);
            if (wait_for(descriptor, why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, wait))
                continue;
            waited += wait;
            if (waited < timeout) {
                if (SSL_is_dtls(ssl_)) DTLSv1_handle_timeout(ssl_);
                continue;
            }
            return std::unexpected(
                fmt::format("{} does not finish the TLS handshake", target.server.to_string()));
        }
        const long verdict = SSL_get_verify_result(ssl_);
        if (!target.insecure && verdict != X509_V_OK) {
            return std::unexpected(
                fmt::format("{}: its certificate does not pass ({}); --insecure takes any",
                            target.server.to_string(), X509_verify_cert_error_string(verdict)));
        }
        const bool refused = why == SSL_ERROR_SYSCALL && errno != 0;
        return std::unexpected(fmt::format("{}: TLS handshake: {}", target.server.to_string(),
                                           refused ? error_text(errno) : last_error()));
    }
}

// Until DTLS wants to send again what was not answered.
Milliseconds TlsClient::retransmission(Milliseconds longest) const {
    timeval left{};
    if (!SSL_is_dtls(ssl_) || DTLSv1_get_timeout(ssl_, &left) != 1) return longest;
    const Milliseconds wait = Seconds{left.tv_sec} + Milliseconds{left.tv_usec / 1000 + 1};
    return std::min(wait, longest);
}

TlsClient::Transfer TlsClient::read(ByteSpan into) {
    ERR_clear_error();
    errno = 0;
    std::size_t size = 0;
    const int done = SSL_read_ex(ssl_, into.data(), into.size(), &size);
    return outcome_of(done, size);
}

TlsClient::Transfer TlsClient::write(ByteView from) {
    ERR_clear_error();
    errno = 0;
    std::size_t size = 0;
    const int done = SSL_write_ex(ssl_, from.data(), from.size(), &size);
    return outcome_of(done, size);
}

TlsClient::Transfer TlsClient::outcome_of(int result, std::size_t size) const {
    if (result == 1) return {Outcome::Done, size, {}};
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return {Outcome::Later, 0, {}};
        case SSL_ERROR_ZERO_RETURN:
            return {Outcome::Closed, 0, "closed by the server"};
        case SSL_ERROR_SYSCALL:
            return {Outcome::Failed, 0, errno != 0 ? error_text(errno) : "closed without notice"};
        default:
            return {Outcome::Failed, 0, last_error()};
    }
}

}  // namespace turnpike::bench
