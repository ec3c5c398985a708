#include "common/crypto/turn_rest.hpp"

#include <algorithm>
#include <charconv>

#include "common/crypto/base64.hpp"
#include "common/crypto/digest.hpp"

namespace turnpike::crypto {
namespace {

constexpr std::size_t kUsernameMax = 508;  // RFC 8489 §14.3: fewer than 509 bytes
constexpr std::size_t kMintedMax = 200;
constexpr std::int64_t kExpiryMax = 9'999'999'999;  // ten digits
constexpr std::size_t kKidMax = 16;

bool is_kid(std::string_view text) {
    return !text.empty() && text.size() <= kKidMax && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

bool printable(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

template <typename Number>
std::optional<Number> decimal(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

// The ';name=value' fields of a username, in turn.
template <typename Each>
void for_each_field(std::string_view rest, Each&& each) {
    std::size_t at = rest.find(';');
    while (at != std::string_view::npos) {
        const std::size_t next = rest.find(';', at + 1);
        each(rest.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
        at = next;
    }
}

}  // namespace

std::optional<RestUsername> RestUsername::parse(std::string_view username) {
    if (username.empty() || username.size() > kUsernameMax || !printable(username)) return {};
    const std::size_t colon = username.find(':');
    const std::string_view digits = username.substr(0, colon);
    if (digits.empty() || digits.size() > 10 ||
        !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; })) {
        return {};
    }
    RestUsername name;
    name.expires_at = from_unix_seconds(*decimal<std::int64_t>(digits));
    if (colon != std::string_view::npos) name.rest = username.substr(colon + 1);
    name.subject = name.rest.substr(0, name.rest.find(';'));
    return name;
}

std::string_view RestUsername::kid() const noexcept {
    std::string_view found;
    for_each_field(rest, [&](std::string_view field) {
        if (found.empty() && field.starts_with("k=")) found = field.substr(2);
    });
    return found;
}

std::optional<Capability> RestUsername::capability() const {
    Capability limits;
    bool good = true;
    bool seen[4] = {};
    const auto once = [&](int which) { good = good && !std::exchange(seen[which], true); };
    for_each_field(rest, [&](std::string_view field) {
        const std::string_view value = field.size() > 2 ? field.substr(2) : std::string_view{};
        if (field.starts_with("k=")) {
            once(0);
            good = good && is_kid(value);
        } else if (field.starts_with("a=")) {
            once(1);
            limits.allocations = decimal<std::uint32_t>(value);
            good = good && limits.allocations.has_value();
        } else if (field.starts_with("b=")) {
            once(2);
            limits.bandwidth_kbit_s = decimal<std::uint32_t>(value);
            good = good && limits.bandwidth_kbit_s.has_value();
        } else if (field.starts_with("p=")) {
            once(3);
            limits.relay_peers_only = value == "relay";
            good = good && value == "relay";
        } else {
            good = false;
        }
    });
    if (!good) return {};
    return limits;
}

std::string rest_password(const RestSecret& secret, std::string_view username) {
    if (secret.algorithm == RestSecret::Algorithm::HmacSha256) {
        return base64(hmac_sha256(secret.value.reveal(), {as_bytes(username)}));
    }
    return base64(hmac_sha1(secret.value.reveal(), {as_bytes(username)}));
}

std::optional<MintedCredential> mint(const RestSecret& secret, std::string_view subject,
                                     const Capability& limits, WallTime expires_at) {
    const std::int64_t expiry = unix_seconds(expires_at);
    if (subject.find(';') != std::string_view::npos || !printable(subject)) return {};
    if (expiry < 0 || expiry > kExpiryMax) return {};
    if (!secret.kid.empty() && !is_kid(secret.kid)) return {};
    MintedCredential minted;
    minted.expires_at = from_unix_seconds(expiry);
    std::string& name = minted.username;
    name = std::to_string(expiry) + ":" + std::string{subject};
    if (secret.issued_by_turnpike) {
        if (!secret.kid.empty()) name += ";k=" + secret.kid;
        if (limits.allocations) name += ";a=" + std::to_string(*limits.allocations);
        if (limits.bandwidth_kbit_s) name += ";b=" + std::to_string(*limits.bandwidth_kbit_s);
        if (limits.relay_peers_only) name += ";p=relay";
    }
    if (name.size() > kMintedMax) return {};
    minted.password = rest_password(secret, name);
    return minted;
}

std::string room_tag(const Secret& room_tag_key, std::string_view room) {
    return base64url(hmac_sha256(room_tag_key.reveal(), {as_bytes(room)})).substr(0, 12);
}

}  // namespace turnpike::crypto
