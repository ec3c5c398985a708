#pragma once

#include "common/base/bytes.hpp"

namespace turnpike::net {

/// A datagram or a frame on its way out, in parts, so that what was received need not be copied or written to:
/// a header of at most kHeaderMax bytes, the payload, and `padding` zero bytes.
///
/// Lifetime  the header is copied by whoever takes it; the payload is borrowed where that is said
struct Outgoing {
    static constexpr std::size_t kHeaderMax = 48;  // a Data indication from an IPv6 peer: 20 + 24 + 4
    static constexpr std::size_t kPaddingMax = 3;

    ByteView header{};
    ByteView payload{};
    std::size_t padding = 0;

    std::size_t size() const noexcept { return header.size() + payload.size() + padding; }
};

}  // namespace turnpike::net
