#pragma once

#include <expected>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace turnpike::net {

struct SslDeleter {
    void operator()(ssl_st* ssl) const noexcept;
};
using Ssl = std::unique_ptr<ssl_st, SslDeleter>;

/// A TLS listener's certificate and rules: TLS 1.2 or 1.3, forward secrecy and AEAD only, no
/// renegotiation, no compression.
///
/// Threading  any; new connections see a reload, live ones keep what they had
class TlsContext {
public:
    TlsContext(std::string certificate_file, std::string key_file);

    /// Reads the PEM files (the chain, leaf first; its key). On error, a sentence that names the file and the fix,
    /// and what was loaded before stays in use.
    std::expected<void, std::string> load();

    /// The server's side of a connection on this socket; nothing when memory or a certificate is missing.
    Ssl accept(int fd) const;

private:
    struct Deleter {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    std::string certificate_file_, key_file_;
    mutable std::mutex mutex_;  // accept path and reload only
    std::unique_ptr<ssl_ctx_st, Deleter> context_;
};

}  // namespace turnpike::net
