#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace turnpike::cluster {

/// The place of an entry in a stream, "<milliseconds>-<sequence>". 0-0 is before every entry.
struct StreamId {
    std::uint64_t milliseconds = 0;
    std::uint64_t sequence = 0;

    static std::optional<StreamId> parse(std::string_view text) noexcept;
    std::string to_string() const;
    /// The least id above this one.
    StreamId next() const noexcept;

    friend bool operator==(const StreamId&, const StreamId&) noexcept = default;
    friend auto operator<=>(const StreamId&, const StreamId&) noexcept = default;
};

}  // namespace turnpike::cluster
