#include "turn/stun/message_view.hpp"

#include <algorithm>

#include "turn/stun/integrity.hpp"

namespace turnpike::stun {
namespace {

constexpr std::size_t kAttributesMax = 64;

constexpr std::size_t padded(std::size_t size) noexcept { return (size + 3) & ~std::size_t{3}; }

}  // namespace

std::expected<MessageView, ParseError> MessageView::parse(ByteView datagram) noexcept {
    if (datagram.size() < kHeaderSize) return std::unexpected{ParseError::TooShort};
    if ((datagram[0] & 0xC0) != 0) return std::unexpected{ParseError::NotStun};
    if (load_u32(datagram, 4) != kMagicCookie) return std::unexpected{ParseError::NotStun};

    const std::size_t length = load_u16(datagram, 2);
    if (length % 4 != 0 || length != datagram.size() - kHeaderSize) {
        return std::unexpected{ParseError::LengthMismatch};
    }

    std::size_t count = 0;
    for (std::size_t at = kHeaderSize; at < datagram.size();) {
        // The body is a multiple of 4 and `at` stays one, so the attribute's header is there.
        const std::uint16_t type = load_u16(datagram, at);
        const std::size_t size = load_u16(datagram, at + 2);
        const std::size_t next = at + 4 + padded(size);
        if (next > datagram.size()) return std::unexpected{ParseError::AttributeOverrun};
        if (++count > kAttributesMax) return std::unexpected{ParseError::TooManyAttributes};
        if (type == static_cast<std::uint16_t>(Attribute::Fingerprint)) {
            // RFC 8489 §14.7: the last attribute, over everything before it.
            if (size != 4 || next != datagram.size() ||
                load_u32(datagram, at + 4) != fingerprint_of(datagram.first(at))) {
                return std::unexpected{ParseError::BadFingerprint};
            }
        }
        at = next;
    }
    return MessageView{datagram};
}

// RFC 8489 §5, figure 3: M11..M7 C1 M6..M4 C0 M3..M0.
Class MessageView::message_class() const noexcept {
    const std::uint16_t type = load_u16(bytes_, 0);
    return static_cast<Class>(((type >> 7) & 2) | ((type >> 4) & 1));
}

Method MessageView::method() const noexcept {
    const std::uint16_t type = load_u16(bytes_, 0);
    return static_cast<Method>((type & 0x000F) | ((type & 0x00E0) >> 1) | ((type & 0x3E00) >> 2));
}

TransactionId MessageView::transaction() const noexcept {
    TransactionId id;
    std::ranges::copy(transaction_id(), id.begin());
    return id;
}

std::optional<ByteView> MessageView::find(Attribute type) const noexcept {
    const auto at = offset_of(type);
    if (!at) return {};
    return value_at(*at);
}

std::optional<std::size_t> MessageView::offset_of(Attribute type) const noexcept {
    std::optional<std::size_t> first;
    walk([&](std::size_t at, std::uint16_t seen) {
        if (seen == static_cast<std::uint16_t>(type)) first = at;
        return first.has_value();
    });
    return first;
}

}  // namespace turnpike::stun
