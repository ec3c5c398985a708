#include "turn/stun/integrity.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/stun_vectors.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::stun {
namespace {

constexpr TransactionId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes kKey = {'k', 'e', 'y'};

enum class With { Sha1, Sha256, Both };

Bytes signed_message(With with, bool fingerprint = false) {
    std::array<std::uint8_t, 256> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.text(Attribute::Username, "user").u32(Attribute::Lifetime, 600);
    if (with != With::Sha256) builder.message_integrity(kKey);
    if (with != With::Sha1) builder.message_integrity_sha256(kKey);
    if (fingerprint) builder.fingerprint();
    return {builder.bytes().begin(), builder.bytes().end()};
}

bool verifies(ByteView bytes, ByteView key = kKey) {
    const auto view = MessageView::parse(bytes);
    return view && verify_message_integrity(*view, key);
}
bool verifies_sha256(ByteView bytes, ByteView key = kKey) {
    const auto view = MessageView::parse(bytes);
    return view && verify_message_integrity_sha256(*view, key);
}

// RFC 8489 §18.5.1; the digests computed by the openssl command over "user:realm:pass".
TEST(LongTermKey, IsTheDigestOfUserRealmAndPassword) {
    const auto md5 = long_term_key_md5("user", "realm", "pass");
    EXPECT_EQ(Bytes(md5.begin(), md5.end()), test::from_hex("8493fbc53ba582fb4c044c456bdc40eb"));
    const auto sha256 = long_term_key_sha256("user", "realm", "pass");
    EXPECT_EQ(Bytes(sha256.begin(), sha256.end()),
              test::from_hex("07e934117abd40836e7c6329b54731b2b2d2a5f9a71f544922d75e0730d8251b"));
}

// §14.4; the value of §B.1
TEST(Userhash, IsTheDigestOfUserAndRealm) {
    const auto hash = userhash(test::vectors::kUsername, test::vectors::kRealm);
    EXPECT_EQ(Bytes(hash.begin(), hash.end()),
              test::from_hex("4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"));
}

TEST(MessageIntegrity, NeedsTheKey) {
    const Bytes bytes = signed_message(With::Sha1);
    EXPECT_TRUE(verifies(bytes));
    EXPECT_FALSE(verifies(bytes, Bytes{'k', 'e', 'x'}));
    EXPECT_FALSE(verifies(bytes, Bytes{'k', 'e'}));
    EXPECT_FALSE(verifies(bytes, {}));
}

TEST(MessageIntegrity, OfOneKindIsNotTheOther) {
    EXPECT_FALSE(verifies_sha256(signed_message(With::Sha1)));
    EXPECT_FALSE(verifies(signed_message(With::Sha256)));
    const Bytes both = signed_message(With::Both);
    EXPECT_TRUE(verifies(both));
    EXPECT_TRUE(verifies_sha256(both));
}

TEST(MessageIntegrity, WithoutTheAttributeThereIsNone) {
    std::array<std::uint8_t, 64> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.text(Attribute::Username, "user").fingerprint();
    EXPECT_FALSE(verifies(builder.bytes()));
    EXPECT_FALSE(verifies_sha256(builder.bytes()));
}

TEST(MessageIntegrity, EachFlippedBitIsNoticed) {
    for (const With with : {With::Sha1, With::Sha256, With::Both}) {
        const Bytes good = signed_message(with);
        for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
            Bytes bytes = good;
            bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
            if (with == With::Both) {
                // Of the two, SHA-256 comes last and covers the other.
                EXPECT_FALSE(verifies_sha256(bytes)) << bit;
            } else {
                EXPECT_FALSE(verifies(bytes)) << bit;
                EXPECT_FALSE(verifies_sha256(bytes)) << bit;
            }
        }
    }
}

// §14.5: the length counts up to the integrity attribute, so what comes after does not matter.
TEST(MessageIntegrity, DoesNotCoverWhatFollows) {
    for (const With with : {With::Sha1, With::Sha256}) {
        Bytes bytes = signed_message(with);
        const auto ok = with == With::Sha1 ? &verifies : &verifies_sha256;
        const std::size_t size = bytes.size();
        bytes.resize(size + 8);
        store_u16(bytes, size, static_cast<std::uint16_t>(Attribute::Lifetime));
        store_u16(bytes, size + 2, 4);
        store_u16(bytes, 2, static_cast<std::uint16_t>(bytes.size() - kHeaderSize));
        EXPECT_TRUE(ok(bytes, kKey));
        EXPECT_TRUE(ok(signed_message(with, true), kKey)) << "with FINGERPRINT";
    }
}

TEST(MessageIntegrity, HasTwentyBytes) {
    for (std::size_t size = 0; size <= 40; ++size) {
        std::array<std::uint8_t, 128> space;
        MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
        builder.bytes(Attribute::MessageIntegrity, Bytes(size));
        EXPECT_FALSE(verifies(builder.bytes())) << size;
    }
}

// Cut to 19 bytes, genuine for that length, it is still refused.
TEST(MessageIntegrity, IsNeverTruncated) {
    std::array<std::uint8_t, 128> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.message_integrity(kKey);
    store_u16(space, kHeaderSize + 2, 19);
    ASSERT_TRUE(MessageView::parse(builder.bytes()));
    EXPECT_FALSE(verifies(builder.bytes()));
}

// §14.6: 16 to 32 bytes, a multiple of 4; other sizes are refused however the HMAC was taken.
TEST(MessageIntegritySha256, MayBeTruncatedToSixteenBytes) {
    for (std::size_t size = 0; size <= 40; ++size) {
        for (const bool count_padding : {true, false}) {
            Bytes space(128);
            MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
            builder.text(Attribute::Username, "user");
            const std::size_t at = builder.bytes().size();
            builder.bytes(Attribute::MessageIntegritySha256, Bytes(size));
            Bytes bytes(builder.bytes().begin(), builder.bytes().end());
            Bytes covered(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
            if (!count_padding) store_u16(covered, 2, static_cast<std::uint16_t>(at + 4 + size - kHeaderSize));
            const auto mac = crypto::hmac_sha256(kKey, {covered});
            std::copy_n(mac.begin(), std::min(size, mac.size()), bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4);

            EXPECT_EQ(verifies_sha256(bytes), size >= 16 && size <= 32 && size % 4 == 0) << size;
            if (size >= 4) {
                bytes[at + 4 + std::min(size, mac.size()) - 1] ^= 1;
                EXPECT_FALSE(verifies_sha256(bytes)) << size;
            }
        }
    }
}

// The second of two is not looked at, be it genuine.
TEST(MessageIntegrity, TheFirstOfTwoCounts) {
    std::array<std::uint8_t, 128> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.bytes(Attribute::MessageIntegrity, Bytes(20)).message_integrity(kKey);
    ASSERT_TRUE(builder.ok());
    EXPECT_FALSE(verifies(builder.bytes()));
}

// A SHA-1 HMAC behind the SHA-256 one is out of order, and so not there (§14.6).
TEST(MessageIntegrity, BehindSha256IsNotThere) {
    std::array<std::uint8_t, 128> space;
    MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
    builder.message_integrity_sha256(kKey).message_integrity(kKey);
    EXPECT_TRUE(verifies_sha256(builder.bytes()));
    EXPECT_FALSE(verifies(builder.bytes()));
}

TEST(MessageIntegrity, TakesAnyLengthOfKey) {
    for (const std::size_t size : {0U, 1U, 20U, 64U, 65U, 300U}) {
        const Bytes key(size, 0x0B);
        std::array<std::uint8_t, 128> space;
        MessageBuilder builder{space, Class::Request, Method::Refresh, kId};
        builder.message_integrity(key).message_integrity_sha256(key);
        EXPECT_TRUE(verifies(builder.bytes(), key)) << size;
        EXPECT_TRUE(verifies_sha256(builder.bytes(), key)) << size;
    }
}

// CRC-32's check value over "123456789" is cbf43926, and the attribute has it XORed (§14.7).
TEST(Fingerprint, IsTheCrcXoredWithSTUN) {
    EXPECT_EQ(fingerprint_of(as_bytes("123456789")) ^ 0x5354554EU, 0xcbf43926U);
    EXPECT_EQ(fingerprint_of({}) ^ 0x5354554EU, 0U);
}

TEST(Fingerprint, IsTheSameWhateverTheAlignment) {
    Bytes room(300);
    for (std::size_t i = 0; i < room.size(); ++i) room[i] = static_cast<std::uint8_t>(i * 31);
    for (std::size_t size = 0; size < 32; ++size) {
        const std::uint32_t want = fingerprint_of(ByteView{room}.first(size));
        for (std::size_t offset = 1; offset < 8; ++offset) {
            Bytes moved(offset + size);
            std::copy_n(room.begin(), size, moved.begin() + static_cast<std::ptrdiff_t>(offset));
            EXPECT_EQ(fingerprint_of(ByteView{moved}.subspan(offset)), want) << size << " at " << offset;
        }
    }
}

}  // namespace
}  // namespace turnpike::stun
