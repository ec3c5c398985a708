#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// A non-blocking socket that closes itself.
class Socket {
public:
    Socket() = default;
    explicit Socket(int descriptor) noexcept : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket();

    /// Connected to `server`; `type` is SOCK_DGRAM or SOCK_STREAM. A stream may take up to
    /// `timeout`.
    static std::expected<Socket, std::string> connected(const Endpoint& server, int type,
                                                        Milliseconds timeout);

    int descriptor() const noexcept { return descriptor_; }
    /// Datagrams that the kernel threw away because nobody read them in time.
    std::uint64_t receive_drops() const noexcept;

private:
    int descriptor_ = -1;
};

/// Waits for poll(2) `events`, `timeout` at most; whether they came.
bool wait_for(int descriptor, short events, Milliseconds timeout);

/// "Connection refused" for ECONNREFUSED.
std::string error_text(int error);

}  // namespace turnpike::bench
