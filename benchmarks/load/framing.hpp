#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike::bench {

/// How payload travels between client and server: ChannelData, or Send and Data indications.
enum class Framing : std::uint8_t { Channels, Send };

constexpr std::string_view to_string(Framing framing) noexcept {
    return framing == Framing::Channels ? "channels" : "send";
}

}  // namespace turnpike::bench
