#include "common/crypto/aes_gcm.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike::crypto {
namespace {

using test::from_hex;

// The test cases of McGrew and Viega's "The Galois/Counter Mode of Operation", appendix B, that RFC
// 5116 points to.
TEST(AesGcm, SealsAsItsSpecificationDoes) {
    EXPECT_EQ(aes_gcm_seal(Bytes(16), Bytes(12), {}, {}),
              from_hex("58e2fccefa7e3061367f1d57a4e7455a"));
    EXPECT_EQ(aes_gcm_seal(Bytes(16), Bytes(12), {}, Bytes(16)),
              from_hex("0388dace60b6a392f328c2b971b2fe78 ab6e47d42cec13bdf53a67b21257bddf"));
    EXPECT_EQ(aes_gcm_seal(Bytes(32), Bytes(12), {}, {}),
              from_hex("530f8afbc74536b9a963b4f1c4cb738b"));
    EXPECT_EQ(
        aes_gcm_seal(from_hex("feffe9928665731c6d6a8f9467308308"),
                     from_hex("cafebabefacedbaddecaf888"),
                     from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
                     from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                              "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")),
        from_hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                 "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091 "
                 "5bc94fbc3221a5db94fae95ae7121a47"));
}

TEST(AesGcm, OpensWhatItSealed) {
    const Bytes key(32, 7), nonce(12, 9), plain{1, 2, 3}, more{4, 5};
    Bytes sealed = aes_gcm_seal(key, nonce, more, plain);
    EXPECT_EQ(sealed.size(), 19U);
    EXPECT_EQ(aes_gcm_open(key, nonce, more, sealed), plain);
    EXPECT_EQ(aes_gcm_open(key, nonce, more, aes_gcm_seal(key, nonce, more, {})), Bytes{});

    EXPECT_FALSE(aes_gcm_open(Bytes(32, 8), nonce, more, sealed));
    EXPECT_FALSE(aes_gcm_open(key, Bytes(12, 8), more, sealed));
    EXPECT_FALSE(aes_gcm_open(key, nonce, Bytes{4, 6}, sealed));
    EXPECT_FALSE(aes_gcm_open(key, nonce, {}, sealed));
    for (std::uint8_t& byte : sealed) {
        byte ^= 0x80;
        EXPECT_FALSE(aes_gcm_open(key, nonce, more, sealed));
        byte ^= 0x80;
    }
    sealed.pop_back();
    EXPECT_FALSE(aes_gcm_open(key, nonce, more, sealed));
}

TEST(AesGcm, RefusesKeysAndNoncesOfOtherSizes) {
    const Bytes sealed(40);
    for (const std::size_t size : {0U, 15U, 24U, 33U})
        EXPECT_FALSE(aes_gcm_open(Bytes(size), Bytes(12), {}, sealed));
    for (const std::size_t size : {0U, 11U, 13U, 16U})
        EXPECT_FALSE(aes_gcm_open(Bytes(16), Bytes(size), {}, sealed));
    EXPECT_FALSE(aes_gcm_open(Bytes(16), Bytes(12), {}, Bytes(15)));
}

}  // namespace
}  // namespace turnpike::crypto
