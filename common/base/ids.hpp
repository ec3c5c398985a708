#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace turnpike {

/// An integer that cannot be mistaken for another kind of integer.
template <typename Tag, typename Number = std::uint64_t>
struct StrongId {
    Number value = 0;

    friend bool operator==(const StrongId&, const StrongId&) noexcept = default;
    friend auto operator<=>(const StrongId&, const StrongId&) noexcept = default;
    explicit operator bool() const noexcept { return value != 0; }
};

}  // namespace turnpike

template <typename Tag, typename Number>
struct std::hash<turnpike::StrongId<Tag, Number>> {
    std::size_t operator()(turnpike::StrongId<Tag, Number> id) const noexcept {
        return std::hash<Number>{}(id.value);
    }
};
