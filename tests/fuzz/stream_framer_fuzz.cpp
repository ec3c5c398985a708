// rooms: turn/stun common/base
//
// next_frame over a stream: the frames, the error and what is left do not depend on how the bytes
// arrived. The first two bytes of the input choose the splits and the limit; the rest is the stream.

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/support/fuzz_check.hpp"
#include "turn/stun/stream_framer.hpp"
#include "turn/stun/types.hpp"

using namespace turnpike;
using namespace turnpike::stun;

namespace {

struct Outcome {
    std::vector<std::pair<std::size_t, std::size_t>> frames;  // where, how long
    std::optional<FrameError> error;
    std::size_t consumed = 0;
    bool operator==(const Outcome&) const = default;
};

// Feeds `stream` in pieces of the sizes that `next_size` gives.
template <typename NextSize>
Outcome run(ByteView stream, std::size_t frame_max, NextSize&& next_size) {
    Outcome outcome;
    for (std::size_t arrived = 0; arrived < stream.size() && !outcome.error;) {
        arrived = std::min(stream.size(), arrived + std::max<std::size_t>(1, next_size()));
        for (;;) {
            const ByteView buffered = stream.subspan(outcome.consumed, arrived - outcome.consumed);
            const auto cut = next_frame(buffered, frame_max);
            if (!cut) {
                outcome.error = cut.error();
                break;
            }
            if (!*cut) break;
            FUZZ_CHECK((*cut)->size <= (*cut)->consumed && (*cut)->consumed <= buffered.size());
            FUZZ_CHECK((*cut)->consumed >= 4 && (*cut)->consumed <= frame_max && (*cut)->consumed % 4 == 0);
            outcome.frames.emplace_back(outcome.consumed, (*cut)->size);
            outcome.consumed += (*cut)->consumed;
        }
    }
    return outcome;
}

// Frame after frame by their lengths alone.
Outcome reference(ByteView stream, std::size_t frame_max) {
    Outcome outcome;
    while (outcome.consumed < stream.size()) {
        const ByteView rest = stream.subspan(outcome.consumed);
        const auto fail = [&](FrameError error) {
            outcome.error = error;
            return outcome;
        };
        if (rest[0] >= 0x80) return fail(FrameError::NotTurn);
        if (rest.size() < 4) return outcome;
        const bool is_stun = rest[0] < 0x40;
        const std::size_t length = std::size_t{rest[2]} * 256 + rest[3];
        const std::size_t size = length + (is_stun ? 20 : 4), padded = (size + 3) / 4 * 4;
        if (is_stun && size % 4 != 0) return fail(FrameError::LengthMismatch);
        if (padded > frame_max) return fail(FrameError::TooLong);
        if (is_stun && rest.size() >= 8 && !std::ranges::equal(rest.subspan(4, 4), Bytes{0x21, 0x12, 0xA4, 0x42})) {
            return fail(FrameError::NotTurn);
        }
        if (rest.size() < padded) return outcome;
        outcome.frames.emplace_back(outcome.consumed, size);
        outcome.consumed += padded;
    }
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t limits[] = {64, 600, 1500, 4 + 0x10000 + kHeaderSize};
    const std::size_t frame_max = limits[data[1] % 4];
    const ByteView stream{data + 2, size - 2};

    const Outcome whole = run(stream, frame_max, [&] { return stream.size(); });
    FUZZ_CHECK(whole == reference(stream, frame_max));
    FUZZ_CHECK(whole == run(stream, frame_max, [] { return std::size_t{1}; }));
    std::uint32_t state = data[0] * 2654435761U + 1;
    FUZZ_CHECK(whole == run(stream, frame_max, [&] {
                   state = state * 1664525U + 1013904223U;
                   return std::size_t{state >> 16} % (data[0] + 2U);
               }));
    return 0;
}
