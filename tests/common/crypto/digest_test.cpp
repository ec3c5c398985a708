#include "common/crypto/digest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "common/crypto/base64.hpp"
#include "tests/support/hex.hpp"

namespace turnpike::crypto {
namespace {

using test::from_hex;

// RFC 1321 §A.5
TEST(Md5Digest, GivesTheTestSuiteOfRfc1321) {
    EXPECT_EQ(hex(md5({})), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(hex(md5({as_bytes("a")})), "0cc175b9c0f1b6a831c399e269772661");
    EXPECT_EQ(hex(md5({as_bytes("message digest")})), "f96b697d7cb7938d525a2f31aaf161d0");
    EXPECT_EQ(hex(md5({as_bytes("12345678901234567890123456789012345678901234567890123456789012345678901234567890")})),
              "57edf4a22be3c955ac49da2e2107b67a");
}

// FIPS 180-4's examples
TEST(Sha256Digest, GivesTheExamplesOfFips180) {
    EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(hex(sha256({as_bytes("abc")})), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(hex(sha256({as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")})),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, PiecesAreOneString) {
    EXPECT_EQ(md5({as_bytes("mess"), {}, as_bytes("age "), as_bytes("digest")}), md5({as_bytes("message digest")}));
    EXPECT_EQ(sha256({as_bytes("a"), as_bytes("bc")}), sha256({as_bytes("abc")}));
    EXPECT_EQ(hmac_sha1(as_bytes("k"), {as_bytes("a"), as_bytes("bc")}), hmac_sha1(as_bytes("k"), {as_bytes("abc")}));
    EXPECT_EQ(hmac_sha256(as_bytes("k"), {as_bytes("a"), as_bytes("bc")}), hmac_sha256(as_bytes("k"), {as_bytes("abc")}));
}

struct HmacCase {
    Bytes key, data;
    std::string_view digest;
};

// RFC 2202 §3
TEST(HmacSha1, GivesTheVectorsOfRfc2202) {
    const std::vector<HmacCase> cases = {
        {Bytes(20, 0x0b), Bytes{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'}, "b617318655057264e28bc0b6fb378c8ef146be00"},
        {{'J', 'e', 'f', 'e'}, from_hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {Bytes(20, 0xaa), Bytes(50, 0xdd), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Bytes(50, 0xcd), "4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
        {Bytes(20, 0x0c), from_hex("546573742057697468205472756e636174696f6e"), "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
        {Bytes(80, 0xaa), from_hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374"),
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
        {Bytes(80, 0xaa),
         from_hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920616e64204c6172676572205468616e204f6e6520426c6f636b2d53697a652044617461"),
         "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
    };
    for (const HmacCase& c : cases) EXPECT_EQ(hex(hmac_sha1(c.key, {c.data})), c.digest);
}

// RFC 4231 §4
TEST(HmacSha256, GivesTheVectorsOfRfc4231) {
    const std::vector<HmacCase> cases = {
        {Bytes(20, 0x0b), Bytes{'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'}, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {{'J', 'e', 'f', 'e'}, from_hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {Bytes(20, 0xaa), Bytes(50, 0xdd), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {from_hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), Bytes(50, 0xcd),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {Bytes(131, 0xaa), from_hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {Bytes(131, 0xaa),
         from_hex("5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d7369"
                  "7a6520646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e6720757365642062792074686520484d414320616c676f726974686d2e"),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (const HmacCase& c : cases) EXPECT_EQ(hex(hmac_sha256(c.key, {c.data})), c.digest);
    // Case 5 is truncated to 128 bits.
    EXPECT_EQ(hex(hmac_sha256(Bytes(20, 0x0c), {from_hex("546573742057697468205472756e636174696f6e")})).substr(0, 32),
              "a3b6167473100ee06e0c796c2955552b");
}

// A key of no bytes is a key, and does not leave the one before in place.
TEST(Hmac, TheEmptyKeyIsAKey) {
    hmac_sha1(as_bytes("another key"), {as_bytes("text")});
    hmac_sha256(as_bytes("another key"), {as_bytes("text")});
    EXPECT_EQ(hex(hmac_sha1({}, {})), "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
    EXPECT_EQ(hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, CallsDoNotDisturbEachOther) {
    const Bytes long_key(200, 0x11);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(hex(hmac_sha256({{'J', 'e', 'f', 'e'}}, {as_bytes("what do ya want for nothing?")})).substr(0, 8), "5bdcc146");
        hmac_sha256(long_key, {as_bytes("x")});
        EXPECT_EQ(hex(hmac_sha1({{'J', 'e', 'f', 'e'}}, {as_bytes("what do ya want for nothing?")})).substr(0, 8), "effcdf6a");
        hmac_sha1(long_key, {as_bytes("x")});
        md5({as_bytes("x")});
    }
}

TEST(Hmac, EachThreadHasItsOwnContext) {
    std::vector<std::thread> threads;
    std::vector<int> wrong(4, 0);
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        threads.emplace_back([t, &wrong] {
            const Bytes key(t + 1, static_cast<std::uint8_t>(t));
            const Sha256 want = hmac_sha256(key, {as_bytes("text")});
            const Md5 want_md5 = md5({key});
            for (int i = 0; i < 2000; ++i) {
                if (hmac_sha256(key, {as_bytes("text")}) != want || md5({key}) != want_md5) ++wrong[t];
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

// RFC 5869 §A.1 to §A.3
TEST(Hkdf, GivesTheVectorsOfRfc5869) {
    Bytes out(42);
    hkdf_sha256(Bytes(22, 0x0b), from_hex("000102030405060708090a0b0c"), as_text(from_hex("f0f1f2f3f4f5f6f7f8f9")), out);
    EXPECT_EQ(hex(out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

    Bytes secret, salt, info;
    for (unsigned i = 0; i < 80; ++i) {
        secret.push_back(static_cast<std::uint8_t>(i));
        salt.push_back(static_cast<std::uint8_t>(0x60 + i));
        info.push_back(static_cast<std::uint8_t>(0xb0 + i));
    }
    out.resize(82);
    hkdf_sha256(secret, salt, as_text(info), out);
    EXPECT_EQ(hex(out),
              "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
              "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");

    out.resize(42);
    hkdf_sha256(Bytes(22, 0x0b), {}, "", out);
    EXPECT_EQ(hex(out), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, IsAPrefixOfItsLongerSelf) {
    Bytes longest(255 * 32);
    hkdf_sha256(as_bytes("secret"), as_bytes("salt"), "label", longest);
    for (const std::size_t size : {0U, 1U, 31U, 32U, 33U, 64U}) {
        Bytes out(size);
        hkdf_sha256(as_bytes("secret"), as_bytes("salt"), "label", out);
        EXPECT_TRUE(std::equal(out.begin(), out.end(), longest.begin())) << size;
    }
    Bytes other(32);
    hkdf_sha256(as_bytes("secret"), as_bytes("salt"), "another label", other);
    EXPECT_FALSE(std::equal(other.begin(), other.end(), longest.begin()));
}

TEST(HkdfDeathTest, RefusesMoreThan255Blocks) {
    Bytes out(255 * 32 + 1);
    EXPECT_DEATH(hkdf_sha256(as_bytes("secret"), {}, "label", out), "broken invariant");
}

}  // namespace
}  // namespace turnpike::crypto
