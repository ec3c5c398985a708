#pragma once

#include <cstdint>
#include <cstring>

#include "common/base/bytes.hpp"

namespace turnpike::net {

/// The Internet checksum's one's complement sum, kept wide while it grows.
///
/// Words are taken as they lie in memory: the sum of swapped bytes is the swapped sum, so the
/// result is stored as it is, too, on any machine.
///
/// Source  RFC 1071
class InternetChecksum {
public:
    /// Bytes in a row; only the last ones of a message may be an odd number.
    void add(ByteView bytes) noexcept {
        const std::uint8_t* at = bytes.data();
        std::size_t left = bytes.size();
        for (; left >= 4; at += 4, left -= 4) {
            std::uint32_t word;
            std::memcpy(&word, at, 4);
            sum_ += word;
        }
        if (left == 0) return;
        std::uint32_t last = 0;
        std::memcpy(&last, at, left);
        sum_ += last;
    }
    /// One 16-bit field, in host order.
    void add(std::uint16_t value) noexcept {
        std::uint8_t bytes[2];
        store_u16(bytes, 0, value);
        std::uint16_t word;
        std::memcpy(&word, bytes, 2);
        sum_ += word;
    }
    void add(const InternetChecksum& other) noexcept { sum_ += other.sum_; }

    /// The checksum field, as it lies in memory; 0 for a message whose own checksum was summed up
    /// too and is right.
    std::uint16_t field() const noexcept {
        std::uint64_t sum = (sum_ & 0xFFFF'FFFF) + (sum_ >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return static_cast<std::uint16_t>(~sum);
    }
    /// The same for UDP, where 0 would mean "none" (RFC 768).
    std::uint16_t udp_field() const noexcept {
        const std::uint16_t field = this->field();
        return field == 0 ? std::uint16_t{0xFFFF} : field;
    }

private:
    std::uint64_t sum_ = 0;
};

}  // namespace turnpike::net
