#pragma once

#include <array>
#include <expected>
#include <optional>

#include "common/base/bytes.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::stun {

using TransactionId = std::array<std::uint8_t, kTransactionIdSize>;

enum class ParseError : std::uint8_t {
    TooShort,          // fewer than 20 bytes
    NotStun,           // first two bits, or the magic cookie
    LengthMismatch,    // length not a multiple of 4, or not the datagram's
    AttributeOverrun,  // an attribute runs past the end
    TooManyAttributes, // more than 64
    BadFingerprint,    // FINGERPRINT wrong, of the wrong size, or not last
};

/// A validated STUN message, read in place.
///
/// parse() checks the header, the whole attribute chain and FINGERPRINT once; every accessor after
/// that is noexcept and touches only bytes already proven to exist. Attributes after
/// MESSAGE-INTEGRITY are invisible, except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT; after
/// MESSAGE-INTEGRITY-SHA256 only FINGERPRINT is (RFC 8489 §14.5, §14.6).
///
/// Shape     type(2) length(2) cookie(4) transaction-id(12), then TLVs padded to 4; network order
/// Lifetime  borrows `datagram`; valid until that buffer is written again.
/// Source    RFC 8489 §5, §14
class MessageView {
public:
    static std::expected<MessageView, ParseError> parse(ByteView datagram) noexcept;

    Class message_class() const noexcept;
    Method method() const noexcept;  // may be a value that Method does not name
    ByteView transaction_id() const noexcept { return bytes_.subspan(8, kTransactionIdSize); }
    TransactionId transaction() const noexcept;
    ByteView bytes() const noexcept { return bytes_; }

    /// First visible value of `type`, without padding. Later duplicates are ignored (§14).
    std::optional<ByteView> find(Attribute type) const noexcept;
    bool has(Attribute type) const noexcept { return find(type).has_value(); }

    /// Calls each(std::uint16_t type, ByteView value) for every visible attribute in order.
    template <typename Each>
    void for_each(Each&& each) const {
        walk([&](std::size_t at, std::uint16_t type) {
            each(type, value_at(at));
            return false;
        });
    }

    /// Where the first visible attribute of `type` starts (its type field), for integrity checks.
    std::optional<std::size_t> offset_of(Attribute type) const noexcept;
    /// The value of the attribute that starts at `at`, as offset_of() gave it.
    ByteView value_at(std::size_t at) const noexcept { return bytes_.subspan(at + 4, load_u16(bytes_, at + 2)); }

private:
    explicit MessageView(ByteView bytes) noexcept : bytes_(bytes) {}

    // Calls found(offset, type) for the visible attributes until it says true.
    template <typename Found>
    void walk(Found&& found) const {
        bool after_integrity = false, after_sha256 = false;
        for (std::size_t at = kHeaderSize; at < bytes_.size();) {
            const std::uint16_t type = load_u16(bytes_, at);
            if (visible(type, after_integrity, after_sha256) && found(at, type)) return;
            after_integrity = after_integrity || type == static_cast<std::uint16_t>(Attribute::MessageIntegrity);
            after_sha256 = after_sha256 || type == static_cast<std::uint16_t>(Attribute::MessageIntegritySha256);
            at += 4 + ((std::size_t{load_u16(bytes_, at + 2)} + 3) & ~std::size_t{3});
        }
    }

    static constexpr bool visible(std::uint16_t type, bool after_integrity, bool after_sha256) noexcept {
        if (type == static_cast<std::uint16_t>(Attribute::Fingerprint)) return true;
        if (after_sha256) return false;
        return !after_integrity || type == static_cast<std::uint16_t>(Attribute::MessageIntegritySha256);
    }

    ByteView bytes_;
};

}  // namespace turnpike::stun
