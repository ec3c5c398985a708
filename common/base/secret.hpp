#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/bytes.hpp"

namespace turnpike {

/// Secret bytes: no printer, compared in constant time, overwritten at the end.
class Secret {
public:
    Secret() = default;
    explicit Secret(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
    explicit Secret(std::string_view text) : Secret(as_bytes(text)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Secret& operator=(const Secret& other) {
        if (this != &other) {
            wipe();
            bytes_ = other.bytes_;
        }
        return *this;
    }
    Secret& operator=(Secret&& other) noexcept {
        wipe();
        bytes_ = std::exchange(other.bytes_, {});
        return *this;
    }
    ~Secret() { wipe(); }

    ByteView reveal() const noexcept { return bytes_; }
    bool empty() const noexcept { return bytes_.empty(); }
    std::size_t size() const noexcept { return bytes_.size(); }

    friend bool operator==(const Secret& a, const Secret& b) noexcept { return same(a.bytes_, b.bytes_); }

    /// Constant-time equality; only the lengths may leak.
    static bool same(ByteView a, ByteView b) noexcept {
        if (a.size() != b.size()) return false;
        volatile std::uint8_t difference = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
        }
        return difference == 0;
    }

private:
    void wipe() noexcept {
        volatile std::uint8_t* p = bytes_.data();
        for (std::size_t i = 0; i < bytes_.size(); ++i) p[i] = 0;
    }
    Bytes bytes_;
};

}  // namespace turnpike
