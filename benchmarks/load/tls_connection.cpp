#include "benchmarks/load/tls_connection.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace turnpike::bench {
namespace {

struct FreeContext {
    void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};

std::string last_error() {
    const unsigned long code = ERR_peek_last_error();
    if (code == 0) return "the connection ended";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "TLS failed";
}

SSL* client_of(const Target& target, int descriptor) {
    const std::unique_ptr<SSL_CTX, FreeContext> context{SSL_CTX_new(TLS_client_method())};
    if (!context) return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_default_verify_paths(context.get());
    SSL_CTX_set_verify(context.get(), target.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL* ssl = SSL_new(context.get());
    if (ssl == nullptr) return nullptr;
    SSL_set_fd(ssl, descriptor);
    if (const auto literal = IpAddress::parse(target.server_name)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), target.server_name.c_str());
    } else {
        SSL_set_tlsext_host_name(ssl, target.server_name.c_str());
        SSL_set1_host(ssl, target.server_name.c_str());
    }
    return ssl;
}

}  // namespace

std::expected<std::unique_ptr<Connection>, std::string> TlsConnection::open(Socket socket, const Target& target,
                                                                            Milliseconds timeout) {
    SSL* ssl = client_of(target, socket.descriptor());
    if (ssl == nullptr) return std::unexpected(last_error());
    std::unique_ptr<TlsConnection> connection{new TlsConnection{std::move(socket), target.server, ssl}};
    for (;;) {
        ERR_clear_error();
        const int done = SSL_connect(ssl);
        if (done == 1) return connection;
        const int why = SSL_get_error(ssl, done);
        const bool waits = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
        const short events = why == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
        if (waits && wait_for(connection->descriptor(), events, timeout)) continue;
        if (waits) return std::unexpected(fmt::format("{} does not finish the TLS handshake", target.server.to_string()));
        const long verdict = SSL_get_verify_result(ssl);
        if (!target.insecure && verdict != X509_V_OK) {
            return std::unexpected(fmt::format("{}: its certificate does not pass ({}); --insecure takes any",
                                               target.server.to_string(), X509_verify_cert_error_string(verdict)));
        }
        return std::unexpected(fmt::format("{}: TLS handshake: {}", target.server.to_string(), last_error()));
    }
}

TlsConnection::~TlsConnection() {
    SSL_shutdown(ssl_);
    SSL_free(ssl_);
}

StreamConnection::Transfer TlsConnection::read_some(ByteSpan into) {
    ERR_clear_error();
    std::size_t size = 0;
    const int done = SSL_read_ex(ssl_, into.data(), into.size(), &size);
    return outcome_of(done, size);
}

StreamConnection::Transfer TlsConnection::write_some(ByteView from) {
    ERR_clear_error();
    std::size_t size = 0;
    const int done = SSL_write_ex(ssl_, from.data(), from.size(), &size);
    return outcome_of(done, size);
}

StreamConnection::Transfer TlsConnection::outcome_of(int result, std::size_t size) const {
    if (result == 1) return {Outcome::Done, size, {}};
    switch (SSL_get_error(ssl_, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return {Outcome::Later, 0, {}};
        case SSL_ERROR_ZERO_RETURN: return {Outcome::Closed, 0, "closed by the server"};
        case SSL_ERROR_SYSCALL: return {Outcome::Failed, 0, errno != 0 ? error_text(errno) : "closed without notice"};
        default: return {Outcome::Failed, 0, last_error()};
    }
}

}  // namespace turnpike::bench
