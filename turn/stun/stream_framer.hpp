#pragma once

#include <expected>
#include <optional>

#include "common/base/bytes.hpp"

namespace turnpike::stun {

enum class FrameError : std::uint8_t {
    NotTurn,         // neither STUN nor ChannelData starts here: the stream is beyond repair
    TooLong,         // a frame over the limit
    LengthMismatch,  // a STUN length that is not a multiple of 4
};

struct Frame {
    std::size_t size = 0;      // bytes of the message itself
    std::size_t consumed = 0;  // with ChannelData's padding
};

/// Cuts the first frame off a TCP or TLS stream's buffered bytes.
///
/// Nothing inside the expected: more bytes are needed. The answer depends on the bytes alone, not on
/// how they were split. All arithmetic is in size_t: 4 + 0xFFFF and 20 + 0xFFFC do not wrap.
///
/// Source  RFC 8656 §3 (framing by the length fields), §12.5 (padding on streams)
std::expected<std::optional<Frame>, FrameError> next_frame(ByteView buffered, std::size_t frame_max) noexcept;

}  // namespace turnpike::stun
