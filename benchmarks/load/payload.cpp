#include "benchmarks/load/payload.hpp"

#include <cstring>
#include <type_traits>

namespace turnpike::bench {
namespace {

constexpr std::uint64_t kOdd =
    0x9E3779B97F4A7C15U;  // 2^64 / golden ratio: neighbours differ in many bits

constexpr std::uint64_t mix(std::uint64_t value) noexcept {
    value ^= value >> 32;
    value *= 0xD6E8FEB86659FD93U;
    value ^= value >> 32;
    return value;
}

std::uint32_t check_of(ByteView bytes) noexcept {
    std::uint64_t value = mix(bytes.size());
    for (std::size_t at = 0; at < 24; at += 8) value = mix(value ^ load_u64(bytes, at)) + kOdd;
    return static_cast<std::uint32_t>(value ^ (value >> 32));
}

std::uint64_t filler(std::uint64_t sequence, std::size_t word) noexcept {
    return (sequence + word + 1) * kOdd;
}

// Calls each(word, place, size) for the filler of a payload of `size` bytes, eight bytes at a time.
// The size is a constant but for the last word: copies and comparisons become single instructions.
template <typename Each>
void for_each_word(std::uint64_t sequence, std::size_t size, Each&& each) {
    std::size_t word = 0, at = Payload::kSizeMin;
    for (; at + 8 <= size; at += 8, ++word)
        each(filler(sequence, word), at, std::integral_constant<std::size_t, 8>{});
    if (at < size) each(filler(sequence, word), at, size - at);
}

}  // namespace

void Payload::write(ByteSpan out) const noexcept {
    store_u32(out, 0, kMagic);
    store_u32(out, 4, flow);
    store_u64(out, 8, sequence);
    store_u64(out, 16, static_cast<std::uint64_t>(scheduled.time_since_epoch().count()));
    store_u32(out, 24, check_of(out));
    for_each_word(sequence, out.size(), [&](std::uint64_t word, std::size_t at, auto size) {
        std::memcpy(out.data() + at, &word, size);
    });
}

std::optional<Payload> Payload::read(ByteView bytes) noexcept {
    if (bytes.size() < kSizeMin || load_u32(bytes, 0) != kMagic ||
        load_u32(bytes, 24) != check_of(bytes))
        return {};
    const Payload payload{
        .flow = load_u32(bytes, 4),
        .sequence = load_u64(bytes, 8),
        .scheduled = Instant{Nanoseconds{static_cast<std::int64_t>(load_u64(bytes, 16))}}};
    bool intact = true;
    for_each_word(payload.sequence, bytes.size(),
                  [&](std::uint64_t word, std::size_t at, auto size) {
                      intact = intact && std::memcmp(bytes.data() + at, &word, size) == 0;
                  });
    if (!intact) return {};
    return payload;
}

}  // namespace turnpike::bench
