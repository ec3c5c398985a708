// rooms: turn/stun common/base
//
// ChannelDataView::parse: the datagram's bytes and no others; and a stream framer that sees the same
// bytes, padded, cuts the same message.

#include <algorithm>

#include "tests/support/fuzz_check.hpp"
#include "turn/stun/channel_data.hpp"
#include "turn/stun/demux.hpp"
#include "turn/stun/stream_framer.hpp"

using namespace turnpike;
using namespace turnpike::stun;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView datagram{data, size};
    const auto message = ChannelDataView::parse(datagram);
    const bool whole = size >= 4 && std::size_t{data[2]} * 256 + data[3] + 4 <= size;
    FUZZ_CHECK(message.has_value() == whole);
    if (!message) return 0;

    FUZZ_CHECK(message->channel == data[0] * 256 + data[1]);
    FUZZ_CHECK(message->data.data() == data + 4 && message->data.size() <= size - 4);

    const auto old_range = ChannelNumber::from_wire(message->channel, ChannelRange::Rfc5766);
    const auto new_range = ChannelNumber::from_wire(message->channel, ChannelRange::Rfc8656);
    FUZZ_CHECK(!new_range || old_range);
    FUZZ_CHECK(old_range.has_value() == (classify(datagram) == Kind::ChannelData));
    if (!old_range) return 0;

    // Written again it is the same header, and padded (§12.5) one whole frame of a stream.
    Bytes frame(4 + (message->data.size() + 3) / 4 * 4);
    write_channel_data_header(ByteSpan{frame}.first(4), *old_range, message->data.size());
    std::ranges::copy(message->data, frame.begin() + 4);
    FUZZ_CHECK(std::equal(frame.begin(), frame.begin() + 4, data));
    const auto cut = next_frame(frame, frame.size());
    FUZZ_CHECK(cut && *cut && (*cut)->size == 4 + message->data.size() && (*cut)->consumed == frame.size());
    FUZZ_CHECK(!next_frame(frame, frame.size() - 1));
    for (const std::size_t missing : {std::size_t{1}, frame.size() / 2, frame.size()}) {
        const auto less = next_frame(ByteView{frame}.first(frame.size() - missing), frame.size());
        FUZZ_CHECK(less && !*less);
    }
    return 0;
}
