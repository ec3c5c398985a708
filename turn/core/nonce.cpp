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

constexpr std::string_view kCookie = "obMatJos2";  // RFC 8489 §9.2

// "The 24-bit STUN Security Features", of which bit 0 is the leftmost (§18.1).
std::string cookie(SecurityFeatures features) {
    const std::uint8_t bits[3] = {static_cast<std::uint8_t>((features.password_algorithms ? 0x80 : 0) |
                                                            (features.username_anonymity ? 0x40 : 0)),
                                  0, 0};
    return std::string{kCookie} + crypto::base64(bits);
}

// Takes the cookie off; nothing when it is none that we make.
std::optional<SecurityFeatures> cut_cookie(std::string_view& nonce) {
    if (nonce.size() == Nonces::kProofSize) return SecurityFeatures{};
    if (nonce.size() != Nonces::kSizeMax) return {};
    for (const SecurityFeatures features : {SecurityFeatures{true, false}, SecurityFeatures{true, true},
                                            SecurityFeatures{false, true}}) {
        if (!nonce.starts_with(cookie(features))) continue;
        nonce.remove_prefix(Nonces::kCookieSize);
        return features;
    }
    return {};
}

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
    if (text.size() != Nonces::kProofSize) return {};
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

void Nonces::Text::append(std::string_view more) noexcept {
    more = more.substr(0, characters_.size() - size_);
    std::ranges::copy(more, characters_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += more.size();
}

Nonces::Nonces(Secret key, Seconds lifetime, Config::Sha256 sha256)
    : key_(std::move(key)), lifetime_(std::max(lifetime, kLifetimeMin)) {
    for (const stun::PasswordAlgorithm algorithm : offered_algorithms(sha256)) {
        offer_.push_back(static_cast<std::uint8_t>(algorithm));
    }
}

std::array<std::uint8_t, 8> Nonces::mac(std::uint32_t time, const FiveTuple& tuple, std::string_view realm,
                                        SecurityFeatures features) const {
    std::array<std::uint8_t, 25> bound{};
    bound[0] = static_cast<std::uint8_t>(time >> 16);
    bound[1] = static_cast<std::uint8_t>(time >> 8);
    bound[2] = static_cast<std::uint8_t>(time);
    bound[3] = static_cast<std::uint8_t>(tuple.transport);
    bound[4] = static_cast<std::uint8_t>(tuple.client.address.family());
    store_u16(bound, 5, tuple.client.port);
    std::ranges::copy(tuple.client.address.raw(), bound.begin() + 7);
    // What was offered, in front of a realm that may be of any length: how many algorithms, and which.
    const ByteView offer = features.password_algorithms ? ByteView{offer_} : ByteView{};
    bound[23] = static_cast<std::uint8_t>(features.username_anonymity);
    bound[24] = static_cast<std::uint8_t>(offer.size());
    const crypto::Sha256 whole = crypto::hmac_sha256(key_.reveal(), {bound, offer, as_bytes(realm)});
    std::array<std::uint8_t, 8> cut{};
    std::copy_n(whole.begin(), cut.size(), cut.begin());
    return cut;
}

Nonces::Text Nonces::make(const FiveTuple& tuple, std::string_view realm, WallTime wall,
                          SecurityFeatures features) const {
    const std::uint32_t time = time_of(wall);  // key bit 0: there is one key so far
    std::array<std::uint8_t, kTimeSize + kMacSize> raw{};
    raw[0] = static_cast<std::uint8_t>(time >> 16);
    raw[1] = static_cast<std::uint8_t>(time >> 8);
    raw[2] = static_cast<std::uint8_t>(time);
    std::ranges::copy(mac(time, tuple, realm, features), raw.begin() + kTimeSize);
    Text text{};
    if (features.any()) text.append(cookie(features));
    text.append(crypto::base64url(raw));
    return text;
}

Nonces::Judgement Nonces::judge(std::string_view nonce, const FiveTuple& tuple, std::string_view realm,
                                WallTime wall) const {
    const auto features = cut_cookie(nonce);
    const auto raw = features ? decode(nonce) : std::nullopt;
    if (!raw) return {};
    const std::uint32_t time = (std::uint32_t{(*raw)[0]} << 16) | (std::uint32_t{(*raw)[1]} << 8) | (*raw)[2];
    if ((time & ~kTimeMask) != 0) return {};
    if (!Secret::same(mac(time, tuple, realm, *features), ByteView{*raw}.subspan(kTimeSize))) return {};

    const std::uint32_t now = time_of(wall);
    const std::uint32_t ahead = (time - now) & kTimeMask;
    const std::uint32_t age = (now - time) & kTimeMask;
    const bool fresh = (ahead > 0 && ahead <= kAhead) || Seconds{age} < lifetime_;
    return {fresh ? Verdict::Fresh : Verdict::Old, *features};
}

}  // namespace turnpike::core
