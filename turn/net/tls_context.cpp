#include "turn/net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace turnpike::net {
namespace {

// TLS 1.2's half; every TLS 1.3 suite qualifies.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::string reason() {
    const unsigned long code = ::ERR_peek_last_error();
    const char* text = code != 0 ? ::ERR_reason_error_string(code) : nullptr;
    ::ERR_clear_error();
    return text != nullptr ? text : "unknown error";
}

// Whether the file can be read at all: the operating system's words are clearer than OpenSSL's.
std::expected<void, std::string> readable(std::string_view what, const std::string& file) {
    errno = 0;
    std::ifstream in{file};
    char byte = 0;
    if (in && in.get(byte)) return {};
    const std::string why = errno != 0 ? std::strerror(errno) : "it is empty";
    return std::unexpected{"cannot read the " + std::string{what} + " " + (file.empty() ? "\"\"" : file) + ": " + why +
                           "; change [[listen]] " + std::string{what} + " or the file's permissions"};
}

}  // namespace

void SslDeleter::operator()(ssl_st* ssl) const noexcept { ::SSL_free(ssl); }
void TlsContext::Deleter::operator()(ssl_ctx_st* context) const noexcept { ::SSL_CTX_free(context); }

TlsContext::TlsContext(std::string certificate_file, std::string key_file)
    : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

std::expected<void, std::string> TlsContext::load() {
    if (auto ok = readable("certificate", certificate_file_); !ok) return ok;
    if (auto ok = readable("key", key_file_); !ok) return ok;

    ::ERR_clear_error();
    std::unique_ptr<ssl_ctx_st, Deleter> context{::SSL_CTX_new(::TLS_server_method())};
    if (!context) return std::unexpected{"cannot set up TLS: " + reason()};
    SSL_CTX* const c = context.get();
    ::SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
    ::SSL_CTX_set_cipher_list(c, kCiphers);
    ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    // Partial and moving writes: the session's queue may grow, and move, between two tries.
    ::SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    // Resumption is by ticket: no server-side cache that a flood could fill.
    ::SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_read_ahead(c, 1);

    // An encrypted key must fail, not ask at the terminal.
    ::SSL_CTX_set_default_passwd_cb(c, [](char*, int, int, void*) { return 0; });
    if (::SSL_CTX_use_certificate_chain_file(c, certificate_file_.c_str()) != 1) {
        return std::unexpected{"cannot use the certificate " + certificate_file_ + ": " + reason() +
                               "; [[listen]] certificate wants PEM, the server's certificate first"};
    }
    if (::SSL_CTX_use_PrivateKey_file(c, key_file_.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long code = ::ERR_peek_last_error();
        if (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
            ::ERR_clear_error();
            return std::unexpected{"the key " + key_file_ + " does not belong to the certificate " + certificate_file_ +
                                   "; give [[listen]] certificate and key of one pair"};
        }
        return std::unexpected{"cannot use the key " + key_file_ + ": " + reason() +
                               "; [[listen]] key wants an unencrypted PEM private key"};
    }
    const std::lock_guard lock{mutex_};
    context_ = std::move(context);
    return {};
}

Ssl TlsContext::accept(int fd) const {
    Ssl ssl;
    {
        const std::lock_guard lock{mutex_};
        if (!context_) return {};
        ssl.reset(::SSL_new(context_.get()));
    }
    if (!ssl || ::SSL_set_fd(ssl.get(), fd) != 1) return {};
    ::SSL_set_accept_state(ssl.get());
    return ssl;
}

}  // namespace turnpike::net
