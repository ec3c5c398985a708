#pragma once

#include <netinet/in.h>

#include <cstring>

#include "common/base/endpoint.hpp"

namespace turnpike::bench {

/// A transport address in the kernel's form, made once and used for many packets.
class SocketName {
public:
    SocketName() = default;
    explicit SocketName(const Endpoint& endpoint) noexcept {
        sockaddr_storage wide{};
        size_ = endpoint.to(wide);
        std::memcpy(&name_, &wide, sizeof name_);
    }
    Endpoint endpoint() const noexcept {
        return Endpoint::from(reinterpret_cast<const sockaddr&>(name_));
    }

    // As sendmmsg and recvmmsg take it.
    sockaddr_in6* raw() noexcept { return &name_; }
    socklen_t size() const noexcept { return size_; }

private:
    sockaddr_in6 name_{};  // or a sockaddr_in in its place
    socklen_t size_ = sizeof(sockaddr_in6);
};

}  // namespace turnpike::bench
