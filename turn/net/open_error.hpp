#pragma once

#include <cerrno>

#include "turn/core/server.hpp"

namespace turnpike::net {

/// Why a relayed transport address could not be had, by the errno of its socket.
inline core::OpenError open_error(int error) noexcept {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return core::OpenError::NoDescriptors;
        case EADDRNOTAVAIL: return core::OpenError::AddressGone;
        default: return core::OpenError::Refused;
    }
}

}  // namespace turnpike::net
