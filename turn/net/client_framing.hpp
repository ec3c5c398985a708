#pragma once

#include <cstdint>

#include "turn/core/server.hpp"
#include "turn/net/datagram_reader.hpp"

namespace turnpike::net {

/// Transaction ids of Data indications: nobody answers them, so they need to differ and no more.
class IndicationIds {
public:
    explicit IndicationIds(Random& random) noexcept : prefix_(static_cast<std::uint32_t>(random.public_u64())) {}
    std::array<std::uint8_t, 12> next() noexcept {
        std::array<std::uint8_t, 12> id{};
        store_u32(id, 0, prefix_);
        store_u64(id, 4, ++count_);
        return id;
    }

private:
    std::uint32_t prefix_;
    std::uint64_t count_ = 0;
};

/// Puts the header that `to` asks for in front of a peer's datagram, in place: ChannelData's 4
/// bytes, or a whole Data indication around it. Empty when the result would be too long to be one.
///
/// Lifetime  `payload` lies in a DatagramReader's slot (headroom in front, tailroom behind) and becomes
///           part of the result.
/// Source    RFC 8656 §11.5 (Data indication), §12.4 (ChannelData)
ByteView frame_for_client(ByteSpan payload, const core::ToClient& to, IndicationIds& ids) noexcept;

}  // namespace turnpike::net
