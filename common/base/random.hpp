#pragma once

#include <array>
#include <cstdint>

#include "common/base/bytes.hpp"

namespace turnpike {

/// Unpredictable bytes. Public ones are seen by others (transaction ids, ports, nonces);
/// secret ones become keys. Two streams, so that the public one tells nothing of the other.
class Random {
public:
    virtual void fill_public(ByteSpan out) noexcept = 0;
    virtual void fill_secret(ByteSpan out) noexcept = 0;

    /// A number in [0, bound), without bias. `bound` > 0.
    std::uint32_t below(std::uint32_t bound) noexcept {
        const std::uint32_t limit = UINT32_MAX - (UINT32_MAX % bound + 1) % bound;
        for (;;) {
            std::array<std::uint8_t, 4> raw{};
            fill_public(raw);
            const std::uint32_t value = load_u32(raw, 0);
            if (value <= limit) return value % bound;
        }
    }
    std::uint64_t public_u64() noexcept {
        std::array<std::uint8_t, 8> raw{};
        fill_public(raw);
        return load_u64(raw, 0);
    }

protected:
    ~Random() = default;
};

}  // namespace turnpike
