#include "turn/core/nonce.hpp"

#include <algorithm>

#include "common/crypto/base64.hpp"
#include "common/crypto/digest.hpp"

namespace turnpike::core {
namespace {

constexpr std::uint32_t kTimeMask = 0x7F'FFFF;
constexpr std::uint32_t kAhead = 16;       // seconds that another node's clock may be in front of ours
constexpr std::size_t kTimeSize = 3, kMacSize = 8;
constexpr Seconds kLifetimeMin = 2s;       // a shorter one could be over before its first use

std::uint32_t time_of(WallTime wall) noexcept { return static_cast<std::uint32_t>(unix_seconds(wall)) & kTimeMask; }

std::optional<std::uint8_t> sextet(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<std::uint8_t>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<std::uint8_t>(c - 'a' + 26);
    if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0' + 52);
    if (c == '-') return std::uint8_t{62};
    if (c == '_') return std::uint8_t{63};
    return {};
}

// The 11 bytes of the text; nothing on a strange character or stray bits, so that each nonce has one
// spelling.
std::optional<std::array<std::uint8_t, kTimeSize + kMacSize>> decode(std::string_view text) noexcept {
    if (text.size() != Nonces::kSize) return {};
    std::array<std::uint8_t, kTimeSize + kMacSize> out{};
    std::uint32_t bits = 0;
    unsigned held = 0;
    std::size_t at = 0;
    for (const char c : text) {
        const auto six = sextet(c);
        if (!six) return {};
        bits = (bits << 6) | *six;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[at++] = static_cast<std::uint8_t>(bits >> held);
        }
    }
    if ((bits & ((1U << held) - 1)) != 0) return {};
    return out;
}

}  // namespace

Nonces::Nonces(Secret key, Seconds lifetime) : key_(std::move(key)), lifetime_(std::max(lifetime, kLifetimeMin)) {}

std::array<std::uint8_t, 8> Nonces::mac(std::uint32_t time, const FiveTuple& tuple, std::string_view realm) const {
    std::array<std::uint8_t, 24> bound{};
    bound[0] = static_cast<std::uint8_t>(time >> 16);
    bound[1] = static_cast<std::uint8_t>(time >> 8);
    bound[2] = static_cast<std::uint8_t>(time);
    bound[3] = static_cast<std::uint8_t>(tuple.transport);
    bound[4] = static_cast<std::uint8_t>(tuple.client.address.family());
    store_u16(bound, 5, tuple.client.port);
    std::ranges::copy(tuple.client.address.raw(), bound.begin() + 7);
    const crypto::Sha256 whole = crypto::hmac_sha256(key_.reveal(), {bound, as_bytes(realm)});
    std::array<std::uint8_t, 8> cut{};
    std::copy_n(whole.begin(), cut.size(), cut.begin());
    return cut;
}

Nonces::Text Nonces::make(const FiveTuple& tuple, std::string_view realm, WallTime wall) const {
    const std::uint32_t time = time_of(wall);  // key bit 0: there is one key so far
    std::array<std::uint8_t, kTimeSize + kMacSize> raw{};
    raw[0] = static_cast<std::uint8_t>(time >> 16);
    raw[1] = static_cast<std::uint8_t>(time >> 8);
    raw[2] = static_cast<std::uint8_t>(time);
    std::ranges::copy(mac(time, tuple, realm), raw.begin() + kTimeSize);
    Text text{};
    const std::string encoded = crypto::base64url(raw);
    std::copy_n(encoded.begin(), text.size(), text.begin());
    return text;
}

Nonces::Verdict Nonces::judge(std::string_view nonce, const FiveTuple& tuple, std::string_view realm,
                              WallTime wall) const {
    const auto raw = decode(nonce);
    if (!raw) return Verdict::Foreign;
    const std::uint32_t time = (std::uint32_t{(*raw)[0]} << 16) | (std::uint32_t{(*raw)[1]} << 8) | (*raw)[2];
    if ((time & ~kTimeMask) != 0) return Verdict::Foreign;
    if (!Secret::same(mac(time, tuple, realm), ByteView{*raw}.subspan(kTimeSize))) return Verdict::Foreign;

    const std::uint32_t now = time_of(wall);
    const std::uint32_t ahead = (time - now) & kTimeMask;
    if (ahead > 0 && ahead <= kAhead) return Verdict::Fresh;
    const std::uint32_t age = (now - time) & kTimeMask;
    return Seconds{age} < lifetime_ ? Verdict::Fresh : Verdict::Old;
}

}  // namespace turnpike::core
