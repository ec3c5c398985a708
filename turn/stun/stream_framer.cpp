#include "turn/stun/stream_framer.hpp"

#include "turn/stun/types.hpp"

namespace turnpike::stun {

std::expected<std::optional<Frame>, FrameError> next_frame(ByteView buffered, std::size_t frame_max) noexcept {
    if (buffered.empty()) return std::nullopt;
    // RFC 8656 §3: the first two bits tell a STUN message (00) from ChannelData (01).
    const unsigned kind = buffered[0] >> 6;
    if (kind > 1) return std::unexpected{FrameError::NotTurn};
    if (buffered.size() < 4) return std::nullopt;

    const std::size_t length = load_u16(buffered, 2);
    Frame frame;
    if (kind == 0) {
        if (length % 4 != 0) return std::unexpected{FrameError::LengthMismatch};
        frame.size = frame.consumed = kHeaderSize + length;
    } else {
        frame.size = 4 + length;
        frame.consumed = (frame.size + 3) & ~std::size_t{3};
    }
    if (frame.consumed > frame_max) return std::unexpected{FrameError::TooLong};
    // A stream that is not TURN at all shows in the cookie long before the length is there.
    if (kind == 0 && buffered.size() >= 8 && load_u32(buffered, 4) != kMagicCookie) {
        return std::unexpected{FrameError::NotTurn};
    }
    if (buffered.size() < frame.consumed) return std::nullopt;
    return frame;
}

}  // namespace turnpike::stun
