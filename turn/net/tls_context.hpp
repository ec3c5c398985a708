#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace turnpike::net {

struct SslDeleter {
    void operator()(ssl_st* ssl) const noexcept;
};
using Ssl = std::unique_ptr<ssl_st, SslDeleter>;

/// A certificate chain, leaf first, and its key: two PEM files.
struct CertificateFiles {
    std::string certificate, key;
};

/// A TLS or DTLS listener's certificates and rules: TLS 1.2 or 1.3, DTLS 1.2; forward secrecy and AEAD only,
/// no renegotiation, no compression, no early data. The client's server name chooses the certificate; a
/// name that none is for, or no name, gets the first.
///
/// A client may offer application protocols (RFC 7443): stun.turn and stun.nat-discovery are taken up,
/// http/1.1 where there is an upstream to take it to; one that offers only others is refused.
///
/// Threading  any; new connections see a reload, live ones keep what they had
class TlsContext {
public:
    struct Rules {
        bool datagram = false;  // DTLS
        bool http = false;      // http/1.1 is welcome
    };
    explicit TlsContext(std::vector<CertificateFiles> certificates, Rules rules = {false, false});

    /// Reads the PEM files. On error, a sentence that names the file and the fix, and what was loaded
    /// before stays in use.
    std::expected<void, std::string> load();

    /// The server's side of a connection; nothing when memory or a certificate is missing.
    Ssl accept() const;
    /// Grows with each load: what accept() gave before is from an older one.
    std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

private:
    struct Deleter {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    using Context = std::unique_ptr<ssl_ctx_st, Deleter>;
    struct Names;

    std::expected<Context, std::string> read(const CertificateFiles& files) const;
    Context bare() const;
    static int on_server_name(ssl_st* ssl, int* alert, void* names);

    std::vector<CertificateFiles> certificates_;
    Rules rules_;
    mutable std::mutex mutex_;  // accept path and reload only
    Context context_;
    std::atomic<std::uint64_t> generation_{0};
};

/// What a handshake agreed to speak: "stun.turn", "http/1.1"; empty when the client did not ask.
std::string_view application_protocol(const ssl_st* ssl) noexcept;

}  // namespace turnpike::net
