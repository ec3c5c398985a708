#include "turn/stun/message_view.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/stun_vectors.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::stun {
namespace {

namespace vectors = test::vectors;

constexpr TransactionId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes kKey = {'k', 'e', 'y'};

// A message written attribute by attribute, also the ones that a builder would not write.
class RawMessage {
public:
    explicit RawMessage(std::uint16_t type = 0x0001) : bytes_(kHeaderSize) {
        store_u16(bytes_, 0, type);
        store_u32(bytes_, 4, kMagicCookie);
        std::ranges::copy(kId, bytes_.begin() + 8);
    }
    RawMessage& add(Attribute type, const Bytes& value) { return add(static_cast<std::uint16_t>(type), value); }
    RawMessage& add(std::uint16_t type, const Bytes& value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + 4 + (value.size() + 3) / 4 * 4);
        store_u16(bytes_, at, type);
        store_u16(bytes_, at + 2, static_cast<std::uint16_t>(value.size()));
        std::ranges::copy(value, bytes_.begin() + static_cast<std::ptrdiff_t>(at) + 4);
        store_u16(bytes_, 2, static_cast<std::uint16_t>(bytes_.size() - kHeaderSize));
        return *this;
    }
    RawMessage& add_fingerprint() {
        add(Attribute::Fingerprint, Bytes(4));
        const std::size_t at = bytes_.size() - 8;
        store_u32(bytes_, at + 4, fingerprint_of(ByteView{bytes_}.first(at)));
        return *this;
    }
    Bytes& bytes() { return bytes_; }

private:
    Bytes bytes_;
};

ParseError error_of(ByteView bytes) {
    const auto view = MessageView::parse(bytes);
    EXPECT_FALSE(view);
    return view ? ParseError{} : view.error();
}

std::vector<std::uint16_t> visible_types(const MessageView& message) {
    std::vector<std::uint16_t> types;
    message.for_each([&](std::uint16_t type, ByteView) { types.push_back(type); });
    return types;
}

// RFC 8489 §5
TEST(MessageView, RefusesWhatIsShorterThanAHeader) {
    const Bytes whole = RawMessage{}.bytes();
    for (std::size_t size = 0; size < kHeaderSize; ++size) {
        EXPECT_EQ(error_of(ByteView{whole}.first(size)), ParseError::TooShort) << size;
    }
    EXPECT_TRUE(MessageView::parse(whole)) << "a header alone is a message";
}

TEST(MessageView, RefusesWhatDoesNotBeginWithTwoZeroBits) {
    for (const std::uint8_t bits : std::initializer_list<std::uint8_t>{0x40, 0x80, 0xC0}) {
        Bytes bytes = RawMessage{}.bytes();
        bytes[0] = bits;
        EXPECT_EQ(error_of(bytes), ParseError::NotStun);
    }
}

TEST(MessageView, RefusesEveryOtherCookie) {
    for (std::size_t bit = 0; bit < 32; ++bit) {
        Bytes bytes = RawMessage{}.bytes();
        bytes[4 + bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        EXPECT_EQ(error_of(bytes), ParseError::NotStun);
    }
}

TEST(MessageView, RefusesALengthThatIsNotTheDatagrams) {
    Bytes whole = RawMessage{}.add(Attribute::Lifetime, Bytes(4)).bytes();
    ASSERT_TRUE(MessageView::parse(whole));
    for (const std::uint16_t length : std::initializer_list<std::uint16_t>{0, 1, 2, 3, 4, 7, 9, 12, 0xFFFC, 0xFFFF}) {
        Bytes bytes = whole;
        store_u16(bytes, 2, length);
        EXPECT_EQ(error_of(bytes), ParseError::LengthMismatch) << length;
    }
    for (std::size_t extra = 1; extra <= 5; ++extra) {
        Bytes bytes = whole;
        bytes.resize(whole.size() + extra);
        EXPECT_EQ(error_of(bytes), ParseError::LengthMismatch) << extra << " trailing bytes";
    }
}

// Also when it agrees with the datagram: attributes are padded to 4.
TEST(MessageView, RefusesALengthThatIsNotAMultipleOfFour) {
    for (std::size_t size = 0; size <= 16; ++size) {
        Bytes bytes = RawMessage{}.bytes();
        bytes.resize(kHeaderSize + size);
        store_u16(bytes, 2, static_cast<std::uint16_t>(size));
        if (size % 4 == 0) {
            EXPECT_TRUE(MessageView::parse(bytes)) << size;
        } else {
            EXPECT_EQ(error_of(bytes), ParseError::LengthMismatch) << size;
        }
    }
}

TEST(MessageView, RefusesAnAttributeThatRunsPastTheEnd) {
    for (const std::uint16_t length : std::initializer_list<std::uint16_t>{5, 8, 100, 0x7FFF, 0xFFFC, 0xFFFD, 0xFFFF}) {
        Bytes bytes = RawMessage{}.add(Attribute::Software, Bytes(4)).bytes();
        store_u16(bytes, kHeaderSize + 2, length);
        EXPECT_EQ(error_of(bytes), ParseError::AttributeOverrun) << length;
    }
}

TEST(MessageView, TakesSixtyFourAttributesAndNoMore) {
    RawMessage message;
    for (int i = 0; i < 64; ++i) message.add(Attribute::DontFragment, {});
    EXPECT_TRUE(MessageView::parse(message.bytes()));
    message.add(Attribute::DontFragment, {});
    EXPECT_EQ(error_of(message.bytes()), ParseError::TooManyAttributes);
    for (int i = 0; i < 435; ++i) message.add(Attribute::DontFragment, {});
    EXPECT_EQ(error_of(message.bytes()), ParseError::TooManyAttributes);
}

TEST(MessageView, EachTruncationOfEachVectorFails) {
    for (const Bytes& whole : {vectors::request(), vectors::ipv4_response(), vectors::ipv6_response(),
                               vectors::long_term_request(), vectors::sha256_request()}) {
        ASSERT_TRUE(MessageView::parse(whole));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            // In a block of its own, so that ASan sees a read past the end.
            Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(MessageView::parse(cut)) << size;

            // And with a length field that agrees: only a cut between attributes leaves a message.
            if (size < kHeaderSize || size % 4 != 0) continue;
            store_u16(cut, 2, static_cast<std::uint16_t>(size - kHeaderSize));
            const auto view = MessageView::parse(cut);
            if (!view) {
                EXPECT_EQ(view.error(), ParseError::AttributeOverrun) << size;
                continue;
            }
            EXPECT_FALSE(view->has(Attribute::Fingerprint));
            view->for_each([&](std::uint16_t, ByteView value) {
                EXPECT_LE(value.data() + value.size(), cut.data() + cut.size());
            });
        }
    }
}

// RFC 8489 §5, figure 3, and §18.2: the type's bits are interleaved.
TEST(MessageView, TellsClassAndMethodApart) {
    struct Case {
        std::uint16_t type;
        Class message_class;
        std::uint16_t method;
    };
    for (const Case& c : {Case{0x0001, Class::Request, 1}, Case{0x0011, Class::Indication, 1},
                          Case{0x0101, Class::Success, 1}, Case{0x0111, Class::Error, 1},
                          Case{0x0003, Class::Request, 3}, Case{0x0113, Class::Error, 3},
                          Case{0x0016, Class::Indication, 6}, Case{0x0017, Class::Indication, 7},
                          Case{0x0109, Class::Success, 9}, Case{0x3EEF, Class::Request, 0xFFF},
                          Case{0x3FFF, Class::Error, 0xFFF}, Case{0x0020, Class::Request, 0x010},
                          Case{0x0200, Class::Request, 0x080}}) {
        const Bytes bytes = RawMessage{c.type}.bytes();
        const auto view = MessageView::parse(bytes);
        ASSERT_TRUE(view);
        EXPECT_EQ(view->message_class(), c.message_class) << c.type;
        EXPECT_EQ(static_cast<std::uint16_t>(view->method()), c.method) << c.type;
    }
}

TEST(MessageView, GivesValuesWithoutTheirPadding) {
    for (std::size_t size = 0; size <= 9; ++size) {
        const Bytes value(size, 0x5A);
        const Bytes bytes = RawMessage{}.add(Attribute::Software, value).add(Attribute::Lifetime, {0, 0, 2, 88}).bytes();
        const auto view = MessageView::parse(bytes);
        ASSERT_TRUE(view);
        EXPECT_TRUE(std::ranges::equal(view->find(Attribute::Software).value(), value)) << size;
        EXPECT_EQ(view->find(Attribute::Lifetime)->size(), 4U);
        EXPECT_FALSE(view->find(Attribute::Nonce));
    }
}

// §14: the padding may be any value.
TEST(MessageView, IgnoresWhatIsInThePadding) {
    Bytes bytes = RawMessage{}.add(Attribute::Realm, {'a'}).bytes();
    bytes[bytes.size() - 1] = bytes[bytes.size() - 2] = bytes[bytes.size() - 3] = 0xFF;
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(as_text(view->find(Attribute::Realm).value()), "a");
}

// §14: of an attribute that is there twice, the first counts.
TEST(MessageView, TheFirstOfDuplicatesWins) {
    const Bytes bytes = RawMessage{}
                            .add(Attribute::Lifetime, {0, 0, 0, 1})
                            .add(Attribute::XorPeerAddress, Bytes(8, 1))
                            .add(Attribute::Lifetime, {0, 0, 0, 2})
                            .add(Attribute::XorPeerAddress, Bytes(8, 2))
                            .bytes();
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->find(Attribute::Lifetime)->back(), 1);
    EXPECT_EQ(view->find(Attribute::XorPeerAddress)->back(), 1);
    EXPECT_EQ(view->offset_of(Attribute::Lifetime), kHeaderSize);
    // CreatePermission may carry several peers: the walk shows them all.
    EXPECT_EQ(visible_types(*view).size(), 4U);
}

// §14.5: what follows MESSAGE-INTEGRITY is ignored, but for MESSAGE-INTEGRITY-SHA256 and FINGERPRINT.
TEST(MessageView, HidesWhatMessageIntegrityDoesNotCover) {
    const Bytes bytes = RawMessage{}
                            .add(Attribute::Username, {'u'})
                            .add(Attribute::MessageIntegrity, Bytes(20, 1))
                            .add(Attribute::Lifetime, Bytes(4))
                            .add(Attribute::XorPeerAddress, Bytes(8))
                            .add(0x7F31, {1})  // comprehension-required and unknown
                            .add(Attribute::MessageIntegrity, Bytes(20, 2))
                            .add(Attribute::MessageIntegritySha256, Bytes(32, 3))
                            .add(Attribute::Lifetime, Bytes(4))
                            .add(Attribute::MessageIntegritySha256, Bytes(32, 4))
                            .add_fingerprint()
                            .bytes();
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(visible_types(*view), (std::vector<std::uint16_t>{0x0006, 0x0008, 0x001C, 0x8028}));
    EXPECT_FALSE(view->has(Attribute::Lifetime));
    EXPECT_FALSE(view->has(Attribute::XorPeerAddress));
    EXPECT_EQ(view->find(Attribute::MessageIntegrity)->front(), 1);
    EXPECT_EQ(view->find(Attribute::MessageIntegritySha256)->front(), 3);
}

// §14.6: after MESSAGE-INTEGRITY-SHA256 there is only FINGERPRINT.
TEST(MessageView, HidesWhatMessageIntegritySha256DoesNotCover) {
    const Bytes bytes = RawMessage{}
                            .add(Attribute::MessageIntegritySha256, Bytes(32, 1))
                            .add(Attribute::Username, {'u'})
                            .add(Attribute::MessageIntegrity, Bytes(20))
                            .add_fingerprint()
                            .bytes();
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(visible_types(*view), (std::vector<std::uint16_t>{0x001C, 0x8028}));
    EXPECT_FALSE(view->has(Attribute::Username));
    EXPECT_FALSE(view->has(Attribute::MessageIntegrity));
}

// An integrity attribute of the wrong size hides the rest all the same: it can only be refused.
TEST(MessageView, AMalformedMessageIntegrityHidesToo) {
    const Bytes bytes =
        RawMessage{}.add(Attribute::MessageIntegrity, Bytes(3)).add(Attribute::Lifetime, Bytes(4)).bytes();
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->has(Attribute::Lifetime));
}

// §14.7
TEST(MessageView, ChecksTheFingerprint) {
    const Bytes good = RawMessage{}.add(Attribute::Realm, {'a'}).add_fingerprint().bytes();
    ASSERT_TRUE(MessageView::parse(good));
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        Bytes bytes = good;
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        const auto view = MessageView::parse(bytes);
        // A flip in the attribute's own type makes it another one, which is ignored.
        if (view) {
            EXPECT_FALSE(view->has(Attribute::Fingerprint)) << bit;
        }
    }
}

TEST(MessageView, TheFingerprintIsLast) {
    const Bytes followed = RawMessage{}.add_fingerprint().add(Attribute::Software, {'x'}).bytes();
    EXPECT_EQ(error_of(followed), ParseError::BadFingerprint);
    // Genuine for the length that the whole message has, and still not last.
    Bytes genuine = followed;
    store_u32(genuine, kHeaderSize + 4, fingerprint_of(ByteView{genuine}.first(kHeaderSize)));
    EXPECT_EQ(error_of(genuine), ParseError::BadFingerprint);
    const Bytes twice = RawMessage{}.add_fingerprint().add_fingerprint().bytes();
    EXPECT_EQ(error_of(twice), ParseError::BadFingerprint);
}

TEST(MessageView, TheFingerprintHasFourBytes) {
    for (const std::size_t size : {0U, 1U, 3U, 5U, 8U}) {
        const Bytes bytes = RawMessage{}.add(Attribute::Fingerprint, Bytes(size)).bytes();
        EXPECT_EQ(error_of(bytes), ParseError::BadFingerprint) << size;
    }
}

TEST(MessageView, ReadsAtEveryAlignment) {
    const Bytes request = vectors::request();
    Bytes room(request.size() + 8);
    for (std::size_t offset = 0; offset < 8; ++offset) {
        std::ranges::copy(request, room.begin() + static_cast<std::ptrdiff_t>(offset));
        const auto view = MessageView::parse(ByteView{room}.subspan(offset, request.size()));
        ASSERT_TRUE(view) << offset;
        EXPECT_EQ(as_text(view->find(Attribute::Username).value()), "evtj:h6vY");
    }
}

TEST(MessageView, TakesTheLongestMessage) {
    const Bytes bytes = RawMessage{}.add(Attribute::Data, Bytes(0xFFF8)).bytes();
    ASSERT_EQ(bytes.size(), kHeaderSize + 0xFFFC);
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->find(Attribute::Data)->size(), 0xFFF8U);
}

}  // namespace
}  // namespace turnpike::stun
