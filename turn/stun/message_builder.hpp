#pragma once

#include <span>
#include <string_view>

#include "common/base/endpoint.hpp"
#include "turn/stun/message_view.hpp"

namespace turnpike::stun {

/// Writes a STUN message into a caller's span; length field and padding (zeroes) are kept right
/// after every call, so bytes() is a whole message at any moment. When the span is full it fails
/// for good: ok() is false and bytes() empty.
///
/// Lifetime  borrows the span.
/// Source    RFC 8489 §5, §14
class MessageBuilder {
public:
    MessageBuilder(ByteSpan space, Class message_class, Method method, ByteView transaction_id) noexcept;

    MessageBuilder& raw(std::uint16_t type, ByteView value) noexcept;
    MessageBuilder& bytes(Attribute type, ByteView value) noexcept {
        return raw(static_cast<std::uint16_t>(type), value);
    }
    MessageBuilder& text(Attribute type, std::string_view value) noexcept { return bytes(type, as_bytes(value)); }
    MessageBuilder& flag(Attribute type) noexcept { return bytes(type, {}); }
    MessageBuilder& u8(Attribute type, std::uint8_t value) noexcept;       // value then 3 zero bytes (RFFU)
    MessageBuilder& u16(Attribute type, std::uint16_t value) noexcept;     // value then 2 zero bytes
    MessageBuilder& u32(Attribute type, std::uint32_t value) noexcept;
    MessageBuilder& u64(Attribute type, std::uint64_t value) noexcept;
    MessageBuilder& address(Attribute type, const Endpoint& endpoint) noexcept;      // MAPPED-ADDRESS layout
    MessageBuilder& xor_address(Attribute type, const Endpoint& endpoint) noexcept;  // §14.2
    MessageBuilder& error(ErrorCode code) noexcept;                                   // with its reason phrase
    MessageBuilder& error(ErrorCode code, std::string_view reason) noexcept;
    MessageBuilder& unknown_attributes(std::span<const std::uint16_t> types) noexcept;
    /// PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS, §14.12 and §14.11.
    MessageBuilder& password_algorithm(PasswordAlgorithm algorithm) noexcept;
    MessageBuilder& password_algorithms(std::span<const PasswordAlgorithm> algorithms) noexcept;
    /// ADDRESS-ERROR-CODE, RFC 8656 §18.12.
    MessageBuilder& address_error(Family family, ErrorCode code) noexcept;
    /// ICMP, RFC 8656 §18.13.
    MessageBuilder& icmp(std::uint8_t type, std::uint8_t code, std::uint32_t data) noexcept;

    /// §14.5, §14.6 and §14.7; in this order, each at the end of what is there.
    MessageBuilder& message_integrity(ByteView key) noexcept;
    MessageBuilder& message_integrity_sha256(ByteView key) noexcept;
    MessageBuilder& fingerprint() noexcept;

    bool ok() const noexcept { return ok_; }
    /// The message so far; empty when it did not fit.
    ByteView bytes() const noexcept { return ok_ ? ByteView{space_.first(size_)} : ByteView{}; }

private:
    ByteSpan grow(Attribute type, std::size_t size) noexcept;
    ByteSpan grow(std::uint16_t type, std::size_t size) noexcept;
    void set_length(std::size_t size) noexcept;

    ByteSpan space_;
    std::size_t size_ = 0;
    bool ok_ = true;
};

}  // namespace turnpike::stun
