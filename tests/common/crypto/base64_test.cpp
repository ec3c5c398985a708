#include "common/crypto/base64.hpp"

#include <gtest/gtest.h>

#include "tests/support/hex.hpp"

namespace turnpike::crypto {
namespace {

std::optional<std::string> decoded(std::string_view text) {
    const auto bytes = from_base64(text);
    if (!bytes) return {};
    return std::string{as_text(*bytes)};
}

// RFC 4648 §10
TEST(Base64, GivesTheVectorsOfRfc4648) {
    const std::pair<std::string_view, std::string_view> vectors[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (const auto& [text, encoded] : vectors) {
        EXPECT_EQ(base64(as_bytes(text)), encoded);
        EXPECT_EQ(decoded(encoded), text);
    }
}

TEST(Base64, UsesBothAlphabets) {
    const Bytes bytes = test::from_hex("fbff fe");
    EXPECT_EQ(base64(bytes), "+//+");
    EXPECT_EQ(base64url(bytes), "-__-");
    EXPECT_EQ(base64url(as_bytes("f")), "Zg") << "no padding in URLs";
    EXPECT_EQ(base64url(as_bytes("fo")), "Zm8");
}

TEST(Base64, EveryByteGoesThereAndBack) {
    Bytes bytes;
    for (unsigned i = 0; i < 256; ++i) bytes.push_back(static_cast<std::uint8_t>(i * 167));
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(from_base64(base64(part)), part) << size;
    }
}

TEST(Base64, RefusesWrongPadding) {
    for (const char* text : {"A", "Z", "Zg", "Zg=", "AAAAA", "AAAA=", "Zm8", "Zm9vY", "=", "==", "===", "====", "Z===", "Zg===", "Zg==Zg==", "Z=g=", "=Zg=",
                             "Zm9v=", "Zm9v====", "Zm9vZg=a"}) {
        EXPECT_FALSE(from_base64(text)) << text;
    }
}

TEST(Base64, RefusesOtherCharacters) {
    for (const char* text : {"Zm9 ", " Zm9v", "Zm9v\n", "Zm\n9v===", "Zm-_", "Zm9v!===", "Zm9\x80", "Z*=="}) {
        EXPECT_FALSE(from_base64(text)) << text;
    }
    EXPECT_FALSE(from_base64((std::string_view{"Zm9\0", 4})));
}

// "Zh==" would decode to "f" as "Zg==" does: two texts for one value.
TEST(Base64, RefusesStrayBits) {
    for (const char* text : {"Zh==", "Zv==", "Zm9=", "Zm+="}) EXPECT_FALSE(from_base64(text)) << text;
}

TEST(Hex, IsLowerCase) {
    EXPECT_EQ(hex(Bytes{0x00, 0x0F, 0xA0, 0xFF}), "000fa0ff");
    EXPECT_EQ(hex({}), "");
}

}  // namespace
}  // namespace turnpike::crypto
