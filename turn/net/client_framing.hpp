#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/base/hash.hpp"
#include "turn/core/server.hpp"
#include "turn/net/outgoing.hpp"

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

/// A peer's datagram as its client gets it: ChannelData's 4 bytes and the payload, or a Data indication around it.
///
/// Source  RFC 8656 §11.5 (Data indication), §12.4 (ChannelData)
class ClientFrame {
public:
    /// Nothing when the result would be too long to be a message.
    static std::optional<ClientFrame> around(ByteView payload, const core::ToClient& to, IndicationIds& ids) noexcept;

    /// Borrows this, and the payload.
    Outgoing outgoing() const noexcept { return {ByteView{header_}.first(header_size_), payload_, padding_}; }

private:
    explicit ClientFrame(ByteView payload) noexcept : payload_(payload) {}
    bool make_data_indication(const Endpoint& peer, IndicationIds& ids) noexcept;

    std::array<std::uint8_t, Outgoing::kHeaderMax> header_;
    std::size_t header_size_ = 0, padding_ = 0;
    ByteView payload_;
};

}  // namespace turnpike::net
