// The vectors of RFC 5769 and RFC 8489 §B.1: read, verified, and built again byte for byte.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "tests/support/stun_vectors.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::stun {
namespace {

namespace vectors = test::vectors;

MessageView parsed(const Bytes& bytes) {
    auto view = MessageView::parse(bytes);
    if (!view) throw std::runtime_error{"the vector does not parse"};
    return *view;
}

ByteView short_term_key() { return as_bytes(vectors::kShortTermPassword); }

TEST(RfcVectors, SampleRequest) {  // RFC 5769 §2.1
    const Bytes bytes = vectors::request();
    const MessageView message = parsed(bytes);

    EXPECT_EQ(message.message_class(), Class::Request);
    EXPECT_EQ(message.method(), Method::Binding);
    EXPECT_EQ(Bytes(message.transaction_id().begin(), message.transaction_id().end()),
              test::from_hex("b7e7a701bc34d686fa87dfae"));
    EXPECT_EQ(as_text(message.find(Attribute::Software).value()), "STUN test client");
    EXPECT_EQ(decode_u32(message.find(Attribute::Priority).value()), 0x6e0001ffU);
    EXPECT_EQ(decode_u64(message.find(Attribute::IceControlled).value()), 0x932ff9b151263b36U);
    EXPECT_EQ(as_text(message.find(Attribute::Username).value()), "evtj:h6vY");
    EXPECT_TRUE(verify_message_integrity(message, short_term_key()));
    EXPECT_TRUE(message.has(Attribute::Fingerprint));
}

TEST(RfcVectors, SampleIpv4Response) {  // RFC 5769 §2.2
    const Bytes bytes = vectors::ipv4_response();
    const MessageView message = parsed(bytes);

    EXPECT_EQ(message.message_class(), Class::Success);
    EXPECT_EQ(message.method(), Method::Binding);
    EXPECT_EQ(as_text(message.find(Attribute::Software).value()), "test vector");
    const auto mapped = decode_xor_address(message.find(Attribute::XorMappedAddress).value(), message.transaction_id());
    EXPECT_EQ(mapped, Endpoint::parse("192.0.2.1:32853"));
    EXPECT_TRUE(verify_message_integrity(message, short_term_key()));
}

TEST(RfcVectors, SampleIpv6Response) {  // RFC 5769 §2.3
    const Bytes bytes = vectors::ipv6_response();
    const MessageView message = parsed(bytes);

    const auto mapped = decode_xor_address(message.find(Attribute::XorMappedAddress).value(), message.transaction_id());
    EXPECT_EQ(mapped, Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
    EXPECT_TRUE(verify_message_integrity(message, short_term_key()));
}

TEST(RfcVectors, SampleRequestWithLongTermAuthentication) {  // RFC 5769 §2.4
    const Bytes bytes = vectors::long_term_request();
    const MessageView message = parsed(bytes);

    EXPECT_EQ(as_text(message.find(Attribute::Username).value()), vectors::kUsername);
    EXPECT_EQ(as_text(message.find(Attribute::Nonce).value()), "f//499k954d6OL34oL9FSTvy64sA");
    EXPECT_EQ(as_text(message.find(Attribute::Realm).value()), vectors::kRealm);
    const auto key = long_term_key_md5(vectors::kUsername, vectors::kRealm, vectors::kPassword);
    EXPECT_TRUE(verify_message_integrity(message, key));
    EXPECT_FALSE(message.has(Attribute::Fingerprint));
}

TEST(RfcVectors, SampleRequestWithSha256AndUserhash) {  // RFC 8489 §B.1, erratum 6268
    const Bytes bytes = vectors::sha256_request();
    const MessageView message = parsed(bytes);

    const auto hash = userhash(vectors::kUsername, vectors::kRealm);
    const ByteView seen = message.find(Attribute::Userhash).value();
    EXPECT_TRUE(std::ranges::equal(seen, hash));
    EXPECT_FALSE(message.has(Attribute::Username));
    EXPECT_EQ(as_text(message.find(Attribute::Nonce).value()), vectors::kSha256Nonce);
    EXPECT_EQ(as_text(message.find(Attribute::Realm).value()), vectors::kRealm);
    const auto algorithm = decode_password_algorithm(message.find(Attribute::PasswordAlgorithm).value());
    ASSERT_TRUE(algorithm);
    EXPECT_EQ(algorithm->algorithm, static_cast<std::uint16_t>(PasswordAlgorithm::Sha256));
    EXPECT_TRUE(algorithm->parameters.empty());

    const auto key = long_term_key_sha256(vectors::kUsername, vectors::kRealm, vectors::kPassword);
    EXPECT_TRUE(verify_message_integrity_sha256(message, key));
    EXPECT_FALSE(verify_message_integrity(message, key)) << "there is no MESSAGE-INTEGRITY in it";
    const auto md5_key = long_term_key_md5(vectors::kUsername, vectors::kRealm, vectors::kPassword);
    EXPECT_FALSE(verify_message_integrity_sha256(message, md5_key));
}

// Its length field counts the header's 20 bytes too, and its HMAC was taken over that header.
TEST(RfcVectors, TheMisprintOfRfc8489IsRefused) {
    Bytes bytes = vectors::sha256_request_as_printed();

    ASSERT_FALSE(MessageView::parse(bytes));
    EXPECT_EQ(MessageView::parse(bytes).error(), ParseError::LengthMismatch);

    store_u16(bytes, 2, static_cast<std::uint16_t>(bytes.size() - kHeaderSize));
    const MessageView message = parsed(bytes);
    const auto key = long_term_key_sha256(vectors::kUsername, vectors::kRealm, vectors::kPassword);
    EXPECT_FALSE(verify_message_integrity_sha256(message, key));
}

TEST(RfcVectors, TheBuilderWritesTheResponses) {
    for (const bool v6 : {false, true}) {
        const Bytes want = v6 ? vectors::ipv6_response() : vectors::ipv4_response();
        const Endpoint mapped = *Endpoint::parse(v6 ? "[2001:db8:1234:5678:11:2233:4455:6677]:32853" : "192.0.2.1:32853");
        std::array<std::uint8_t, 128> space;
        space.fill(0xAA);

        MessageBuilder builder{space, Class::Success, Method::Binding, ByteView{want}.subspan(8, 12)};
        // The vector pads SOFTWARE with a blank, which is part of what the HMAC covers.
        builder.text(Attribute::Software, "test vector ");
        store_u16(space, kHeaderSize + 2, 11);
        builder.xor_address(Attribute::XorMappedAddress, mapped)
            .message_integrity(short_term_key())
            .fingerprint();

        ASSERT_TRUE(builder.ok());
        EXPECT_EQ(Bytes(builder.bytes().begin(), builder.bytes().end()), want);
    }
}

TEST(RfcVectors, TheBuilderWritesTheLongTermRequests) {
    const Bytes md5_want = vectors::long_term_request(), sha256_want = vectors::sha256_request();
    std::array<std::uint8_t, 256> space;
    space.fill(0xAA);
    const ByteView id = ByteView{md5_want}.subspan(8, 12);

    MessageBuilder with_md5{space, Class::Request, Method::Binding, id};
    with_md5.text(Attribute::Username, vectors::kUsername)
        .text(Attribute::Nonce, "f//499k954d6OL34oL9FSTvy64sA")
        .text(Attribute::Realm, vectors::kRealm)
        .message_integrity(long_term_key_md5(vectors::kUsername, vectors::kRealm, vectors::kPassword));
    EXPECT_EQ(Bytes(with_md5.bytes().begin(), with_md5.bytes().end()), md5_want);

    space.fill(0xAA);
    MessageBuilder with_sha256{space, Class::Request, Method::Binding, id};
    with_sha256.bytes(Attribute::Userhash, userhash(vectors::kUsername, vectors::kRealm))
        .text(Attribute::Nonce, vectors::kSha256Nonce)
        .text(Attribute::Realm, vectors::kRealm)
        .password_algorithm(PasswordAlgorithm::Sha256)
        .message_integrity_sha256(long_term_key_sha256(vectors::kUsername, vectors::kRealm, vectors::kPassword));
    EXPECT_EQ(Bytes(with_sha256.bytes().begin(), with_sha256.bytes().end()), sha256_want);
}

}  // namespace
}  // namespace turnpike::stun
