#include "turn/stun/attributes.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike::stun {
namespace {

using test::from_hex;

const Bytes kId = from_hex("b7e7a701bc34d686fa87dfae");

// RFC 8489 §14.1
TEST(MappedAddress, HasAFamilyAPortAndAnAddress) {
    EXPECT_EQ(decode_address(from_hex("00 01 0d 96 c0 00 02 01")), Endpoint::parse("192.0.2.1:3478"));
    EXPECT_EQ(decode_address(from_hex("00 02 0d 96 20010db8000000000000000000000001")), Endpoint::parse("[2001:db8::1]:3478"));
    EXPECT_EQ(decode_address(from_hex("ff 01 0d 96 c0 00 02 01")), Endpoint::parse("192.0.2.1:3478"))
        << "the first byte is ignored on reception";
}

TEST(MappedAddress, RefusesOtherFamiliesAndSizes) {
    EXPECT_FALSE(decode_address(from_hex("00 00 0d 96 c0 00 02 01")));
    EXPECT_FALSE(decode_address(from_hex("00 03 0d 96 c0 00 02 01")));
    EXPECT_FALSE(decode_address(from_hex("00 02 0d 96 c0 00 02 01"))) << "IPv6 of 4 bytes";
    EXPECT_FALSE(decode_address(from_hex("00 01 0d 96 20010db8000000000000000000000001"))) << "IPv4 of 16 bytes";
    for (std::size_t size = 0; size <= 24; ++size) {
        for (const std::uint8_t family : std::initializer_list<std::uint8_t>{1, 2}) {
            Bytes value(size);
            if (size > 1) value[1] = family;
            EXPECT_EQ(decode_address(value).has_value(), size == (family == 1 ? 8U : 20U)) << size;
            EXPECT_EQ(decode_xor_address(value, kId).has_value(), size == (family == 1 ? 8U : 20U)) << size;
        }
    }
}

// §14.2: the values of RFC 5769 §2.2 and §2.3
TEST(XorMappedAddress, IsMaskedWithCookieAndTransactionId) {
    EXPECT_EQ(decode_xor_address(from_hex("00 01 a1 47 e1 12 a6 43"), kId), Endpoint::parse("192.0.2.1:32853"));
    EXPECT_EQ(decode_xor_address(from_hex("00 02 a1 47 0113a9faa5d3f179bc25f4b5bed2b9d9"), kId),
              Endpoint::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
}

TEST(XorMappedAddress, NeedsAWholeTransactionId) {
    const Bytes value = from_hex("00 01 a1 47 e1 12 a6 43");
    EXPECT_FALSE(decode_xor_address(value, ByteView{kId}.first(11)));
    EXPECT_FALSE(decode_xor_address(value, {}));
}

TEST(FixedSizeValues, RefuseEveryOtherSize) {
    for (std::size_t size = 0; size <= 12; ++size) {
        const Bytes value(size, 0x80);
        EXPECT_EQ(decode_u32(value).has_value(), size == 4) << size;
        EXPECT_EQ(decode_u64(value).has_value(), size == 8) << size;
        EXPECT_EQ(decode_lifetime(value).has_value(), size == 4) << size;
        EXPECT_EQ(decode_channel_number(value).has_value(), size == 4) << size;
        EXPECT_EQ(decode_requested_transport(value).has_value(), size == 4) << size;
        EXPECT_EQ(decode_address_family(value).has_value(), size == 4) << size;
        EXPECT_EQ(decode_even_port(value).has_value(), size == 1) << size;
        EXPECT_EQ(decode_icmp(value).has_value(), size == 8) << size;
    }
}

// RFC 8656 §18.1, §18.2, §18.6, §18.7, §18.8: what is reserved is ignored on reception.
TEST(FixedSizeValues, AreReadFromTheirPlaces) {
    EXPECT_EQ(decode_lifetime(from_hex("00000258")), 600U);
    EXPECT_EQ(decode_lifetime(from_hex("ffffffff")), 0xFFFFFFFFU);
    EXPECT_EQ(decode_channel_number(from_hex("4001ffff")), 0x4001);
    EXPECT_EQ(decode_requested_transport(from_hex("11ffffff")), kProtocolUdp);
    EXPECT_EQ(decode_requested_transport(from_hex("06000000")), kProtocolTcp);
    EXPECT_EQ(decode_address_family(from_hex("02ffffff")), static_cast<std::uint8_t>(Family::V6));
    EXPECT_EQ(decode_address_family(from_hex("03000000")), 3) << "unknown ones too: they are a 440";
    EXPECT_EQ(decode_even_port(from_hex("80")), true);
    EXPECT_EQ(decode_even_port(from_hex("7f")), false);
    EXPECT_EQ(decode_u64(from_hex("0102030405060708")), 0x0102030405060708U);
}

// RFC 8489 §14.8
TEST(ErrorCodeAttribute, HasAClassANumberAndAPhrase) {
    const Bytes value = from_hex("00 00 04 26 5374616c65");
    const auto error = decode_error(value);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, 438);
    EXPECT_EQ(error->reason, "Stale");
    EXPECT_EQ(decode_error(from_hex("ff ff fb 00"))->code, 300) << "21 reserved bits are ignored";
    EXPECT_EQ(decode_error(from_hex("00 00 06 63"))->code, 699);
}

TEST(ErrorCodeAttribute, RefusesWhatIsNoCode) {
    EXPECT_FALSE(decode_error(from_hex("00 00 02 00")));
    EXPECT_FALSE(decode_error(from_hex("00 00 07 00")));
    EXPECT_FALSE(decode_error(from_hex("00 00 04 64"))) << "number 100";
    EXPECT_FALSE(decode_error(from_hex("00 00 04")));
    EXPECT_FALSE(decode_error({}));
}

// RFC 8656 §18.12
TEST(AddressErrorCode, NamesTheFamilyThatFailed) {
    const Bytes value = from_hex("02 00 04 28 4e6f");
    const auto error = decode_address_error(value);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->family, 2);
    EXPECT_EQ(error->code, 440);
    EXPECT_EQ(error->reason, "No");
    EXPECT_FALSE(decode_address_error(from_hex("02 00 09 28")));
    EXPECT_FALSE(decode_address_error(from_hex("02 00 04")));
}

// RFC 8489 §14.12
TEST(PasswordAlgorithmAttribute, HasAnAlgorithmAndItsParameters) {
    EXPECT_EQ(decode_password_algorithm(from_hex("00020000"))->algorithm, static_cast<std::uint16_t>(PasswordAlgorithm::Sha256));
    const Bytes padded = from_hex("7777 0003 aabbcc 00"), bare = from_hex("7777 0003 aabbcc");
    for (const Bytes& value : {padded, bare}) {
        const auto algorithm = decode_password_algorithm(value);
        ASSERT_TRUE(algorithm);
        EXPECT_EQ(algorithm->algorithm, 0x7777);
        EXPECT_EQ(algorithm->parameters.size(), 3U);
    }
}

TEST(PasswordAlgorithmAttribute, RefusesOtherSizes) {
    EXPECT_FALSE(decode_password_algorithm({}));
    EXPECT_FALSE(decode_password_algorithm(from_hex("000200")));
    EXPECT_FALSE(decode_password_algorithm(from_hex("00020001"))) << "parameters past the end";
    EXPECT_FALSE(decode_password_algorithm(from_hex("0002ffff")));
    EXPECT_FALSE(decode_password_algorithm(from_hex("0002000000010000"))) << "two of them";
}

// §14.11: a list, each entry padded to 4.
TEST(PasswordAlgorithmsAttribute, IsReadEntryByEntry) {
    const Bytes value = from_hex("0001 0000  7777 0001 aa000000  0002 0000");
    ByteView rest = value;
    std::vector<std::uint16_t> seen;
    while (const auto entry = next_password_algorithm(rest)) seen.push_back(entry->algorithm);
    EXPECT_EQ(seen, (std::vector<std::uint16_t>{1, 0x7777, 2}));
    EXPECT_TRUE(rest.empty());
}

TEST(PasswordAlgorithmsAttribute, StopsBeforeAMalformedEntry) {
    const Bytes value = from_hex("0001 0000  0002 ffff");
    ByteView rest = value;
    EXPECT_TRUE(next_password_algorithm(rest));
    EXPECT_FALSE(next_password_algorithm(rest));
    EXPECT_EQ(rest.size(), 4U) << "what is left says that it was malformed";
}

// RFC 8656 §18.13
TEST(IcmpAttribute, HasATypeACodeAndData) {
    const auto icmp = decode_icmp(from_hex("0000 0604 000005dc"));
    ASSERT_TRUE(icmp);
    EXPECT_EQ(icmp->type, 3);
    EXPECT_EQ(icmp->code, 4);
    EXPECT_EQ(icmp->data, 1500U);
    EXPECT_EQ(decode_icmp(from_hex("ffff feff 00000000"))->code, 255);
    EXPECT_FALSE(decode_icmp(from_hex("0000 0700 00000000"))) << "code 256";
}

}  // namespace
}  // namespace turnpike::stun
