#include "benchmarks/load/payload.hpp"

#include <array>

namespace turnpike::bench {
namespace {

constexpr std::size_t kHeadSize = 24, kChecksumSize = 4;

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xEDB88320U : 0U);
        table[i] = value;
    }
    return table;
}();

constexpr std::uint8_t filler(std::uint64_t sequence, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(sequence * 131 + at);
}

}  // namespace

std::uint32_t crc32(ByteView bytes) noexcept {
    std::uint32_t value = 0xFFFFFFFFU;
    for (const std::uint8_t byte : bytes) value = (value >> 8) ^ kCrcTable[(value ^ byte) & 0xFF];
    return ~value;
}

void Payload::write(ByteSpan out) const noexcept {
    store_u32(out, 0, kMagic);
    store_u32(out, 4, flow);
    store_u64(out, 8, sequence);
    store_u64(out, 16, static_cast<std::uint64_t>(scheduled.time_since_epoch().count()));
    const std::size_t end = out.size() - kChecksumSize;
    for (std::size_t at = kHeadSize; at < end; ++at) out[at] = filler(sequence, at);
    store_u32(out, end, crc32(out.first(end)));
}

std::optional<Payload> Payload::read(ByteView bytes) noexcept {
    if (bytes.size() < kSizeMin || load_u32(bytes, 0) != kMagic) return {};
    const std::size_t end = bytes.size() - kChecksumSize;
    if (load_u32(bytes, end) != crc32(bytes.first(end))) return {};
    const Payload payload{.flow = load_u32(bytes, 4),
                          .sequence = load_u64(bytes, 8),
                          .scheduled = Instant{Nanoseconds{static_cast<std::int64_t>(load_u64(bytes, 16))}}};
    for (std::size_t at = kHeadSize; at < end; ++at) {
        if (bytes[at] != filler(payload.sequence, at)) return {};
    }
    return payload;
}

}  // namespace turnpike::bench
