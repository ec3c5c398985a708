#pragma once

#include <stdexcept>
#include <string_view>

#include "common/base/bytes.hpp"

namespace turnpike::test {

/// The bytes of a hex dump as RFCs print them; blanks between digits do not matter.
inline Bytes from_hex(std::string_view text) {
    Bytes out;
    unsigned value = 0, digits = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\n') continue;
        const std::size_t digit = std::string_view{"0123456789abcdef"}.find(c);
        if (digit == std::string_view::npos) throw std::invalid_argument{"not a hex digit"};
        value = value * 16 + static_cast<unsigned>(digit);
        if (++digits % 2 == 0) {
            out.push_back(static_cast<std::uint8_t>(value));
            value = 0;
        }
    }
    if (digits % 2 != 0) throw std::invalid_argument{"half a byte"};
    return out;
}

}  // namespace turnpike::test
