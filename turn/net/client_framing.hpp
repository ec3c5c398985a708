#pragma once

#include <cstdint>

#include "common/base/hash.hpp"
#include "turn/core/server.hpp"
#include "turn/net/datagram_reader.hpp"

namespace turnpike::net {

/// Transaction ids of Data indications: a count under a keyed hash, since who sees one must not
/// tell the next from it, and the system's generator is too slow for each datagram.
///
/// Source  RFC 8489 §5: uniformly and randomly chosen
class IndicationIds {
public:
    explicit IndicationIds(Random& random) noexcept
        : high_{random.public_u64(), random.public_u64()},
          low_{random.public_u64(), random.public_u64()} {}
    stun::TransactionId next() noexcept {
        std::array<std::uint8_t, 8> count{};
        store_u64(count, 0, ++count_);
        stun::TransactionId id{};
        store_u64(id, 0, high_(count));
        store_u32(id, 8, static_cast<std::uint32_t>(low_(count)));
        return id;
    }

private:
    HashKey high_, low_;
    std::uint64_t count_ = 0;
};

/// Puts the header that `to` asks for in front of a peer's datagram, in place: ChannelData's 4
/// bytes, or a whole Data indication around it. Empty when the result would be too long to be one.
///
/// Lifetime  `payload` lies in a DatagramReader's slot (headroom in front, tailroom behind) and
/// becomes
///           part of the result.
/// Source    RFC 8656 §11.5 (Data indication), §12.4 (ChannelData)
ByteView frame_for_client(ByteSpan payload, const core::ToClient& to, IndicationIds& ids) noexcept;

}  // namespace turnpike::net
