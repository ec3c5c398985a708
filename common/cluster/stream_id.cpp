#include "common/cluster/stream_id.hpp"

#include <charconv>

namespace turnpike::cluster {
namespace {

bool whole_number(std::string_view text, std::uint64_t& out) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<StreamId> StreamId::parse(std::string_view text) noexcept {
    StreamId id;
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos || !whole_number(text.substr(0, dash), id.milliseconds) ||
        !whole_number(text.substr(dash + 1), id.sequence)) {
        return {};
    }
    return id;
}

std::string StreamId::to_string() const {
    return std::to_string(milliseconds) + '-' + std::to_string(sequence);
}

StreamId StreamId::next() const noexcept {
    if (sequence != UINT64_MAX) return {milliseconds, sequence + 1};
    // The very last id has none above it; it stays.
    return milliseconds != UINT64_MAX ? StreamId{milliseconds + 1, 0} : *this;
}

}  // namespace turnpike::cluster
