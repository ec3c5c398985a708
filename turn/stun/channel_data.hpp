#pragma once

#include <expected>
#include <optional>

#include "common/base/bytes.hpp"

namespace turnpike::stun {

/// Which channel numbers a client may bind: RFC 8656 §12 has 0x4000..0x4FFF; RFC 5766 went to
/// 0x7FFF, and older clients still draw from all of it.
enum class ChannelRange : std::uint8_t { Rfc8656, Rfc5766 };

/// A channel number that its range allows.
class ChannelNumber {
public:
    constexpr ChannelNumber() noexcept = default;  // 0: no channel
    static constexpr std::optional<ChannelNumber> from_wire(std::uint16_t number, ChannelRange range) noexcept {
        const std::uint16_t last = range == ChannelRange::Rfc8656 ? 0x4FFF : 0x7FFF;
        if (number < 0x4000 || number > last) return {};
        return ChannelNumber{number};
    }
    constexpr std::uint16_t value() const noexcept { return number_; }
    constexpr explicit operator bool() const noexcept { return number_ != 0; }
    friend constexpr bool operator==(ChannelNumber, ChannelNumber) noexcept = default;

private:
    explicit constexpr ChannelNumber(std::uint16_t number) noexcept : number_(number) {}
    std::uint16_t number_ = 0;
};

/// A ChannelData message, read in place.
///
/// Shape     channel(2) length(2) data(length) padding(0..3, required on streams only)
/// Errors    nothing when shorter than 4, when the length runs past the end
/// Lifetime  borrows `datagram`
/// Source    RFC 8656 §12.4
struct ChannelDataView {
    static constexpr std::size_t kHeaderSize = 4;

    std::uint16_t channel = 0;
    ByteView data;

    static std::optional<ChannelDataView> parse(ByteView datagram) noexcept {
        if (datagram.size() < kHeaderSize) return {};
        const std::size_t length = load_u16(datagram, 2);
        if (length > datagram.size() - kHeaderSize) return {};
        return ChannelDataView{load_u16(datagram, 0), datagram.subspan(kHeaderSize, length)};
    }
};

/// Writes the 4 bytes in front of `length` bytes of data.
inline void write_channel_data_header(ByteSpan header, ChannelNumber channel, std::size_t length) noexcept {
    store_u16(header, 0, channel.value());
    store_u16(header, 2, static_cast<std::uint16_t>(length));
}

}  // namespace turnpike::stun
