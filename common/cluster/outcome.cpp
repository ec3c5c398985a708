#include "common/cluster/outcome.hpp"

#include <algorithm>

namespace turnpike::cluster {

std::string_view to_string(StoreError::Kind kind) noexcept {
    using enum StoreError::Kind;
    switch (kind) {
        case Deadline:
            return "deadline";
        case Disconnected:
            return "disconnected";
        case Unavailable:
            return "unavailable";
        case Overflow:
            return "overflow";
        case Refused:
            return "refused";
        case Denied:
            return "denied";
        case WrongType:
            return "wrong-type";
        case BadReply:
            return "bad-reply";
        case Failed:
            return "failed";
        case Closed:
            return "closed";
    }
    return "?";
}

std::string printable(std::string_view text, std::size_t most) {
    std::string out{text.substr(0, most)};
    std::ranges::replace_if(
        out, [](char c) { return c < 0x20 || c == 0x7F; }, '?');
    return out;
}

}  // namespace turnpike::cluster
