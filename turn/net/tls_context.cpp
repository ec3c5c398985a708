#include "turn/net/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "turn/net/dtls_cookies.hpp"

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

// In the order of preference, in the form of the wire: length and name. RFC 7443 §2.
constexpr std::string_view kTurnProtocols = "\x09stun.turn\x12stun.nat-discovery";
constexpr std::string_view kTurnAndHttp = "\x09stun.turn\x12stun.nat-discovery\x08http/1.1";

// A datagram of a handshake fits through any path that carries IPv6's least MTU.
constexpr long kDatagramMtu = 1200;

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void* protocols) {
    const auto& ours = *static_cast<const std::string_view*>(protocols);
    unsigned char* at = nullptr;
    if (::SSL_select_next_proto(&at, size, reinterpret_cast<const unsigned char*>(ours.data()),
                                static_cast<unsigned>(ours.size()), offered, offered_size) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol, RFC 7301 §3.2
    }
    *chosen = at;
    return SSL_TLSEXT_ERR_OK;
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

// The certificates beside a context's own. Hangs on that context: a handshake that began before a reload still
// finds them.
struct TlsContext::Names {
    std::vector<Context> others;

    static int slot() {
        static const int index = ::SSL_CTX_get_ex_new_index(
            0, nullptr, nullptr, nullptr,
            [](void*, void* names, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Names*>(names); });
        return index;
    }
};

TlsContext::TlsContext(std::vector<CertificateFiles> certificates, Rules rules)
    : certificates_(std::move(certificates)), rules_(rules) {}

int TlsContext::on_server_name(ssl_st* ssl, int*, void* names) {
    const char* const asked = ::SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (asked == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const auto matches = [asked](SSL_CTX* context, unsigned flags) {
        X509* const certificate = ::SSL_CTX_get0_certificate(context);
        return certificate != nullptr && ::X509_check_host(certificate, asked, 0, flags, nullptr) == 1;
    };
    SSL_CTX* const first = ::SSL_get_SSL_CTX(ssl);
    // The whole name before a wildcard, whatever the order in the configuration.
    for (const unsigned flags : {unsigned{X509_CHECK_FLAG_NO_WILDCARDS}, unsigned{X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS}}) {
        if (matches(first, flags)) return SSL_TLSEXT_ERR_OK;
        for (const Context& other : static_cast<Names*>(names)->others) {
            if (!matches(other.get(), flags)) continue;
            ::SSL_set_SSL_CTX(ssl, other.get());
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_NOACK;  // not ours; the client judges the first certificate
}

TlsContext::Context TlsContext::bare() const {
    Context context{::SSL_CTX_new(rules_.datagram ? ::DTLS_server_method() : ::TLS_server_method())};
    if (!context) return {};
    SSL_CTX* const c = context.get();
    ::SSL_CTX_set_min_proto_version(c, rules_.datagram ? DTLS1_2_VERSION : TLS1_2_VERSION);
    ::SSL_CTX_set_cipher_list(c, kCiphers);
    ::SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_PRIORITIZE_CHACHA);
    // Partial and moving writes: the session's queue may grow, and move, between two tries.
    ::SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    // Resumption is by ticket: no server-side cache that a flood could fill. Early data could be replayed.
    ::SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_max_early_data(c, 0);
    // Clients' certificates are never asked for, so no message of theirs may be long.
    ::SSL_CTX_set_max_cert_list(c, 1);
    if (rules_.datagram) {
        ::SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU);
        DtlsCookies::use_for(c);
    } else {
        ::SSL_CTX_set_read_ahead(c, 1);
    }
    // OpenSSL only reads it.
    ::SSL_CTX_set_alpn_select_cb(c, &choose_protocol,
                                 const_cast<std::string_view*>(rules_.http ? &kTurnAndHttp : &kTurnProtocols));
    // An encrypted key must fail, not ask at the terminal.
    ::SSL_CTX_set_default_passwd_cb(c, [](char*, int, int, void*) { return 0; });
    return context;
}

std::expected<TlsContext::Context, std::string> TlsContext::read(const CertificateFiles& files) const {
    if (auto ok = readable("certificate", files.certificate); !ok) return std::unexpected{ok.error()};
    if (auto ok = readable("key", files.key); !ok) return std::unexpected{ok.error()};

    ::ERR_clear_error();
    Context context = bare();
    if (!context) return std::unexpected{"cannot set up TLS: " + reason()};
    SSL_CTX* const c = context.get();
    if (::SSL_CTX_use_certificate_chain_file(c, files.certificate.c_str()) != 1) {
        return std::unexpected{"cannot use the certificate " + files.certificate + ": " + reason() +
                               "; [[listen]] certificate wants PEM, the server's certificate first"};
    }
    if (::SSL_CTX_use_PrivateKey_file(c, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const unsigned long code = ::ERR_peek_last_error();
        if (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH) {
            ::ERR_clear_error();
            return std::unexpected{"the key " + files.key + " does not belong to the certificate " + files.certificate +
                                   "; give [[listen]] certificate and key of one pair"};
        }
        return std::unexpected{"cannot use the key " + files.key + ": " + reason() +
                               "; [[listen]] key wants an unencrypted PEM private key"};
    }
    return context;
}

std::expected<void, std::string> TlsContext::load() {
    auto names = std::make_unique<Names>();
    Context first;
    for (const CertificateFiles& files : certificates_) {
        auto context = read(files);
        if (!context) return std::unexpected{std::move(context.error())};
        if (!first) first = std::move(*context);
        else names->others.push_back(std::move(*context));
    }
    if (!first) return std::unexpected{"no certificate is configured; set [[listen]] certificate and key"};
    ::SSL_CTX_set_tlsext_servername_callback(first.get(), &on_server_name);
    ::SSL_CTX_set_tlsext_servername_arg(first.get(), names.get());
    if (::SSL_CTX_set_ex_data(first.get(), Names::slot(), names.get()) != 1) {
        return std::unexpected{"cannot set up TLS: " + reason()};
    }
    (void)names.release();  // the context's now
    {
        const std::lock_guard lock{mutex_};
        context_ = std::move(first);
    }
    generation_.fetch_add(1, std::memory_order_release);
    return {};
}

Ssl TlsContext::accept() const {
    Ssl ssl;
    {
        const std::lock_guard lock{mutex_};
        if (!context_) return {};
        ssl.reset(::SSL_new(context_.get()));
    }
    if (!ssl) return {};
    if (rules_.datagram) ::SSL_set_mtu(ssl.get(), kDatagramMtu);
    ::SSL_set_accept_state(ssl.get());
    return ssl;
}

std::string_view application_protocol(const ssl_st* ssl) noexcept {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

}  // namespace turnpike::net
