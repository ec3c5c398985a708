#pragma once

#include <expected>
#include <memory>
#include <string>

#include "benchmarks/load/target.hpp"
#include "common/base/bytes.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace turnpike::bench {

/// What all TLS or DTLS connections to a target share: versions and authorities, loaded once.
class TlsContext {
public:
    /// Null for a transport without TLS.
    static std::unique_ptr<TlsContext> of(const Target& target);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* get() const noexcept { return context_; }

private:
    explicit TlsContext(ssl_ctx_st* context) noexcept : context_(context) {}
    ssl_ctx_st* context_;
};

/// The client's end of TLS or DTLS on a connected, non-blocking socket. The certificate is checked
/// against the system's authorities and the server's name, unless the target is insecure.
///
/// Lifetime   borrows the descriptor
/// Threading  one thread
class TlsClient {
public:
    enum class Outcome : std::uint8_t { Done, Later, Closed, Failed };
    struct Transfer {
        Outcome outcome = Outcome::Done;
        std::size_t size = 0;
        std::string error;
    };

    TlsClient(const TlsContext& context, const Target& target, int descriptor);
    ~TlsClient();
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    /// Waits, `timeout` at most for each answer.
    std::expected<void, std::string> handshake(const Target& target, int descriptor,
                                               Milliseconds timeout);
    Transfer read(ByteSpan into);
    Transfer write(ByteView from);

private:
    Transfer outcome_of(int result, std::size_t size) const;
    Milliseconds retransmission(Milliseconds longest) const;

    ssl_st* ssl_;
};

}  // namespace turnpike::bench
