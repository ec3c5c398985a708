#include "turn/stun/stream_framer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "tests/support/stun_vectors.hpp"
#include "turn/stun/types.hpp"

namespace turnpike::stun {
namespace {

constexpr std::size_t kLargest = 4 + 0x10000;  // ChannelData of 0xFFFF bytes, padded

Bytes channel_data(std::uint16_t channel, std::size_t length, std::uint8_t fill = 0x5A) {
    Bytes frame(4 + (length + 3) / 4 * 4);
    store_u16(frame, 0, channel);
    store_u16(frame, 2, static_cast<std::uint16_t>(length));
    std::fill_n(frame.begin() + 4, length, fill);
    return frame;
}

Bytes stun_message(std::size_t length) {
    Bytes frame(kHeaderSize + length);
    store_u16(frame, 0, 0x0001);
    store_u16(frame, 2, static_cast<std::uint16_t>(length));
    store_u32(frame, 4, kMagicCookie);
    return frame;
}

void append(Bytes& to, ByteView piece) { to.insert(to.end(), piece.begin(), piece.end()); }

// What a driver does with the framer: frames out of a stream that arrives in pieces.
class Stream {
public:
    explicit Stream(std::size_t frame_max) : frame_max_(frame_max) {}

    void feed(ByteView piece) {
        append(buffered_, piece);
        std::size_t at = 0;
        while (!error) {
            const auto cut = next_frame(ByteView{buffered_}.subspan(at), frame_max_);
            if (!cut) {
                error = cut.error();
                break;
            }
            if (!*cut) break;
            const ByteView frame = ByteView{buffered_}.subspan(at, (*cut)->size);
            frames.emplace_back(frame.begin(), frame.end());
            at += (*cut)->consumed;
        }
        buffered_.erase(buffered_.begin(), buffered_.begin() + static_cast<std::ptrdiff_t>(at));
    }

    std::vector<Bytes> frames;
    std::optional<FrameError> error;
    std::size_t left() const { return buffered_.size(); }

private:
    Bytes buffered_;
    std::size_t frame_max_;
};

TEST(StreamFramer, NothingIsNoFrame) {
    const auto cut = next_frame({}, 1500);
    ASSERT_TRUE(cut);
    EXPECT_FALSE(*cut);
}

// RFC 8656 §12.5: on a stream ChannelData is padded; its length field does not count the padding.
TEST(StreamFramer, ChannelDataIsConsumedWithItsPadding) {
    for (std::size_t length = 0; length <= 9; ++length) {
        const Bytes frame = channel_data(0x4001, length);
        const auto cut = next_frame(frame, 1500);
        ASSERT_TRUE(cut && *cut) << length;
        EXPECT_EQ((*cut)->size, 4 + length);
        EXPECT_EQ((*cut)->consumed, frame.size());
        EXPECT_EQ((*cut)->consumed % 4, 0U);
    }
}

TEST(StreamFramer, EachTruncationWaits) {
    for (const Bytes& frame : {test::vectors::request(), test::vectors::sha256_request(), channel_data(0x4001, 5),
                               channel_data(0x7FFE, 0), stun_message(0)}) {
        for (std::size_t size = 0; size < frame.size(); ++size) {
            const Bytes cut_frame(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
            const auto cut = next_frame(cut_frame, 1500);
            ASSERT_TRUE(cut) << size;
            EXPECT_FALSE(*cut) << size;
        }
        const auto cut = next_frame(frame, 1500);
        ASSERT_TRUE(cut && *cut);
        EXPECT_EQ((*cut)->consumed, frame.size());
    }
}

TEST(StreamFramer, CutsOnlyTheFirstFrame) {
    Bytes both = test::vectors::request();
    const std::size_t first = both.size();
    append(both, channel_data(0x4001, 3));
    const auto cut = next_frame(both, 1500);
    ASSERT_TRUE(cut && *cut);
    EXPECT_EQ((*cut)->consumed, first);
}

TEST(StreamFramer, RefusesWhatIsNotTurn) {
    for (unsigned first = 0x80; first <= 0xFF; ++first) {
        const std::uint8_t byte = static_cast<std::uint8_t>(first);
        const auto cut = next_frame(ByteView{&byte, 1}, 1500);
        ASSERT_FALSE(cut) << first;
        EXPECT_EQ(cut.error(), FrameError::NotTurn);
    }
    Bytes wrong_cookie = stun_message(8);
    wrong_cookie[7] ^= 1;
    for (std::size_t size = 8; size <= wrong_cookie.size(); ++size) {
        const auto cut = next_frame(ByteView{wrong_cookie}.first(size), 1500);
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error(), FrameError::NotTurn);
    }
}

// An HTTP request, a TLS hello and an SSH banner end the stream, or wait for bytes that never come.
TEST(StreamFramer, EmitsNothingForOtherProtocols) {
    const Bytes tls = test::from_hex("16 03 01 02 00 01 00 01 fc 03 03 00 00 00 00 00 00 00 00 00 00 00 00 00");
    for (const ByteView text : {ByteView{tls}, as_bytes("GET / HTTP/1.1\r\nHost: turn.example.org\r\n\r\n"),
                                as_bytes("SSH-2.0-OpenSSH_9.2\r\n"), as_bytes("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")}) {
        Stream stream{4096};
        stream.feed(text);
        EXPECT_TRUE(stream.error) << as_text(text);
        EXPECT_TRUE(stream.frames.empty());
    }
}

TEST(StreamFramer, RefusesAStunLengthThatIsNotAMultipleOfFour) {
    for (std::uint16_t length = 0; length < 64; ++length) {
        Bytes frame = stun_message(64);
        store_u16(frame, 2, length);
        const auto cut = next_frame(frame, 1500);
        if (length % 4 == 0) {
            ASSERT_TRUE(cut && *cut);
            EXPECT_EQ((*cut)->consumed, kHeaderSize + length);
        } else {
            ASSERT_FALSE(cut) << length;
            EXPECT_EQ(cut.error(), FrameError::LengthMismatch);
        }
    }
}

TEST(StreamFramer, RefusesAFrameOverTheLimitAsSoonAsItIsAnnounced) {
    for (const std::size_t length : {1500 - 4 - 3, 1500 - 4, 1500 - 3, 1500 - 2, 1500 - 1, 1500, 9000, 0xFFFF}) {
        const Bytes frame = channel_data(0x4001, length);
        const auto cut = next_frame(ByteView{frame}.first(4), 1500);
        if (frame.size() <= 1500) {
            ASSERT_TRUE(cut) << length;
            EXPECT_FALSE(*cut);
        } else {
            ASSERT_FALSE(cut) << length;
            EXPECT_EQ(cut.error(), FrameError::TooLong);
        }
    }
    // The padding counts: 4 + 1493 fit into 1498, the three bytes behind them do not.
    EXPECT_FALSE(next_frame(ByteView{channel_data(0x4001, 1493)}.first(4), 1498));
    const auto stun = next_frame(ByteView{stun_message(0xFFFC)}.first(4), 1500);
    ASSERT_FALSE(stun);
    EXPECT_EQ(stun.error(), FrameError::TooLong);
}

// Where 16-bit arithmetic would wrap, the frame ends where it says, wherever the stream was split.
TEST(StreamFramer, NeverCutsInsideALongFrame) {
    for (std::size_t length = 65516; length <= 65535; ++length) {
        for (const bool is_stun : {false, true}) {
            if (is_stun && length % 4 != 0) continue;
            const Bytes frame = is_stun ? stun_message(length) : channel_data(0x4001, length);
            const std::size_t size = is_stun ? kHeaderSize + length : 4 + length;
            Bytes bytes = frame;
            append(bytes, channel_data(0x4002, 4, 0x11));

            for (std::size_t split = 0; split <= bytes.size(); ++split) {
                const auto cut = next_frame(ByteView{bytes}.first(split), kLargest + kHeaderSize);
                ASSERT_TRUE(cut) << length << " at " << split;
                ASSERT_EQ(cut->has_value(), split >= frame.size()) << length << " at " << split;
                if (*cut) {
                    ASSERT_EQ((*cut)->size, size);
                    ASSERT_EQ((*cut)->consumed, frame.size());
                }
            }

            Stream stream{kLargest + kHeaderSize};
            stream.feed(ByteView{bytes}.first(7));
            stream.feed(ByteView{bytes}.subspan(7));
            ASSERT_EQ(stream.frames.size(), 2U);
            EXPECT_EQ(stream.frames[0].size(), size);
            EXPECT_EQ(as_text(stream.frames[1]).substr(4), "\x11\x11\x11\x11");
            EXPECT_EQ(stream.left(), 0U);
        }
    }
}

TEST(StreamFramer, ByteByByteGivesTheSameFrames) {
    Bytes bytes;
    for (const Bytes& frame : {test::vectors::request(), channel_data(0x4001, 5), channel_data(0x4001, 0),
                               test::vectors::ipv6_response(), channel_data(0x4FFF, 3)}) {
        append(bytes, frame);
    }
    Stream whole{1500}, drops{1500};
    whole.feed(bytes);
    for (const std::uint8_t byte : bytes) drops.feed({&byte, 1});

    EXPECT_EQ(whole.frames.size(), 5U);
    EXPECT_EQ(drops.frames, whole.frames);
    EXPECT_EQ(drops.left(), 0U);
}

// Good frames, and a broken tail: the answer is in the bytes, not in how they arrived.
TEST(StreamFramer, TheSplitsDoNotMatter) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    const auto below = [&](std::size_t bound) { return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random); };

    for (int round = 0; round < 500; ++round) {
        Bytes bytes;
        for (std::size_t frames = below(6); frames > 0; --frames) {
            append(bytes, below(2) == 0 ? channel_data(static_cast<std::uint16_t>(0x4000 + below(0x4000)), below(700))
                                        : stun_message(below(100) * 4));
        }
        for (std::size_t junk = below(12); junk > 0; --junk) bytes.push_back(static_cast<std::uint8_t>(below(256)));

        Stream whole{600}, pieces{600};
        whole.feed(bytes);
        for (std::size_t at = 0; at < bytes.size();) {
            const std::size_t size = std::min(bytes.size() - at, 1 + below(50));
            pieces.feed(ByteView{bytes}.subspan(at, size));
            at += size;
        }
        ASSERT_EQ(pieces.frames, whole.frames);
        ASSERT_EQ(pieces.error, whole.error);
        if (!whole.error) {
            ASSERT_EQ(pieces.left(), whole.left());
        }
    }
}

}  // namespace
}  // namespace turnpike::stun
