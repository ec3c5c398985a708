#pragma once

#include <cstdint>
#include <string_view>

namespace turnpike::net {

/// `io.engine`: how relayed addresses reach peers. RelaySockets and RelayRange say what the two
/// are.
enum class IoEngine : std::uint8_t { Auto, Sockets, Range };

constexpr std::string_view to_string(IoEngine engine) noexcept {
    switch (engine) {
        case IoEngine::Auto:
            return "auto";
        case IoEngine::Sockets:
            return "sockets";
        case IoEngine::Range:
            return "range";
    }
    return "?";
}

}  // namespace turnpike::net
