#include "common/ops/client_ip.hpp"

#include <array>

namespace turnpike::ops {
namespace {

std::string block_of(const IpAddress& address) {
    std::array<std::uint8_t, 16> raw = address.raw();
    const std::size_t kept = address.is_v4() ? 3 : 6;  // /24 and /48
    for (std::size_t i = kept; i < raw.size(); ++i) raw[i] = 0;
    const ByteView bytes{raw};
    return address.is_v4() ? IpAddress::v4(bytes.first(4)).to_string() + "/24"
                           : IpAddress::v6(bytes).to_string() + "/48";
}

std::string pseudonym_of(const IpAddress& address, const HashKey& key, WallTime now) {
    std::array<std::uint8_t, 24> input{};
    std::copy(address.raw().begin(), address.raw().end(), input.begin());
    // A new pseudonym each UTC day, so that days cannot be joined.
    store_u32(input, 16,
              static_cast<std::uint32_t>(
                  std::chrono::floor<std::chrono::days>(now).time_since_epoch().count()));
    input[20] = static_cast<std::uint8_t>(address.family());
    constexpr char kHex[] = "0123456789abcdef";
    std::uint64_t hash = key(input);
    std::string text = "h:";
    for (int i = 0; i < 10; ++i, hash >>= 4) text += kHex[hash & 15];
    return text;
}

}  // namespace

std::string ClientIpPrivacy::show(const IpAddress& address, WallTime now) const {
    switch (mode_) {
        case ClientIp::Truncate:
            return block_of(address);
        case ClientIp::Full:
            return address.to_string();
        case ClientIp::Hash:
            return pseudonym_of(address, key_, now);
        case ClientIp::None:
            break;
    }
    return "-";
}

}  // namespace turnpike::ops
