#pragma once

#include "common/base/bytes.hpp"

namespace turnpike {

/// Reads a byte view front to back. A read past the end yields zeroes or an empty view and
/// makes the reader fail for good, so a caller may read a whole record and ask ok() once.
///
/// Lifetime  borrows the bytes.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) noexcept : bytes_(bytes) {}

    bool ok() const noexcept { return ok_; }
    std::size_t remaining() const noexcept { return bytes_.size() - at_; }
    std::size_t position() const noexcept { return at_; }

    ByteView take(std::size_t size) noexcept {
        if (!ok_ || size > remaining()) {
            ok_ = false;
            return {};
        }
        const ByteView piece = bytes_.subspan(at_, size);
        at_ += size;
        return piece;
    }
    std::uint8_t u8() noexcept {
        const ByteView b = take(1);
        return b.empty() ? std::uint8_t{0} : b[0];
    }
    std::uint16_t u16() noexcept {
        const ByteView b = take(2);
        return b.empty() ? std::uint16_t{0} : load_u16(b, 0);
    }
    std::uint32_t u32() noexcept {
        const ByteView b = take(4);
        return b.empty() ? 0 : load_u32(b, 0);
    }
    std::uint64_t u64() noexcept {
        const ByteView b = take(8);
        return b.empty() ? 0 : load_u64(b, 0);
    }

private:
    ByteView bytes_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

/// Writes into a caller's span front to back; fails for good when it is full.
///
/// Lifetime  borrows the span.
class ByteWriter {
public:
    explicit ByteWriter(ByteSpan space) noexcept : space_(space) {}

    bool ok() const noexcept { return ok_; }
    std::size_t size() const noexcept { return at_; }
    std::size_t remaining() const noexcept { return space_.size() - at_; }
    ByteSpan written() const noexcept { return space_.first(at_); }

    /// `size` fresh bytes to fill, or an empty span when they do not fit.
    ByteSpan grow(std::size_t size) noexcept {
        if (!ok_ || size > remaining()) {
            ok_ = false;
            return {};
        }
        const ByteSpan piece = space_.subspan(at_, size);
        at_ += size;
        return piece;
    }
    void bytes(ByteView from) noexcept {
        const ByteSpan piece = grow(from.size());
        if (!piece.empty()) std::memcpy(piece.data(), from.data(), from.size());
    }
    void zeros(std::size_t count) noexcept {
        const ByteSpan piece = grow(count);
        if (!piece.empty()) std::memset(piece.data(), 0, count);
    }
    void u8(std::uint8_t value) noexcept {
        const ByteSpan piece = grow(1);
        if (!piece.empty()) piece[0] = value;
    }
    void u16(std::uint16_t value) noexcept {
        const ByteSpan piece = grow(2);
        if (!piece.empty()) store_u16(piece, 0, value);
    }
    void u32(std::uint32_t value) noexcept {
        const ByteSpan piece = grow(4);
        if (!piece.empty()) store_u32(piece, 0, value);
    }
    void u64(std::uint64_t value) noexcept {
        const ByteSpan piece = grow(8);
        if (!piece.empty()) store_u64(piece, 0, value);
    }

private:
    ByteSpan space_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

}  // namespace turnpike
