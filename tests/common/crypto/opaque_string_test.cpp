#include "common/crypto/opaque_string.hpp"

#include <gtest/gtest.h>

namespace turnpike::crypto {
namespace {

// RFC 8265 §4.3's table, and what RFC 8264 allows in a FreeformClass.

TEST(OpaqueString, LeavesOrdinaryPasswordsAlone) {
    for (const std::string text :
         {"correct horse battery staple", "Correct Horse Battery Staple", "πßå", "Jack of ♦s", "a",
          "~!@#$%^&*()", "マトリックス", "ﬁ", "Ⅸ", "ª"}) {
        EXPECT_EQ(opaque_string(text), text);
    }
}

TEST(OpaqueString, MapsOtherSpaces) {
    EXPECT_EQ(opaque_string("foo\u1680bar"), "foo bar");  // ogham space mark
    EXPECT_EQ(opaque_string("a\u00A0b\u2003c\u3000d"), "a b c d");
    EXPECT_EQ(opaque_string(" a "), " a ");  // neither trimmed nor folded
}

TEST(OpaqueString, ComposesToFormC) {
    EXPECT_EQ(opaque_string("e\u0301"), "\u00E9");
    EXPECT_EQ(opaque_string("\u212B"), "\u00C5");              // ångström sign
    EXPECT_EQ(opaque_string("\u1112\u1161\u11AB"), "\uD55C");  // jamo that compose
    EXPECT_EQ(opaque_string(*opaque_string("e\u0301")), "\u00E9");
}

TEST(OpaqueString, RefusesWhatIsNoText) {
    for (const std::string& text :
         {std::string{}, std::string{"my cat is a \tby"}, std::string{"a\0b", 3},
          std::string{"a\x7F"}, std::string{"\u0085"}, std::string{"\xFF"}, std::string{"\xC3"},
          std::string{"\xED\xA0\x80"}, std::string{"\xC0\x80"}, std::string{"soft\u00ADhyphen"},
          std::string{"\u200B"}, std::string{"\uFEFFa"}, std::string{"\uE000"},
          std::string{"\u0378"}, std::string{"\uFFFF"}, std::string{"\u1160"},
          std::string{"\u0640"}, std::string{"\u202Eabc"}}) {
        EXPECT_FALSE(opaque_string(text)) << testing::PrintToString(text);
    }
}

// RFC 5892 appendix A.
TEST(OpaqueString, AllowsSomeMarksInTheirContextOnly) {
    EXPECT_TRUE(opaque_string("l\u00B7l"));
    EXPECT_FALSE(opaque_string("a\u00B7l"));
    EXPECT_FALSE(opaque_string("\u00B7"));
    EXPECT_TRUE(opaque_string("\u0375\u03B1"));
    EXPECT_FALSE(opaque_string("\u0375a"));
    EXPECT_TRUE(opaque_string("\u05D0\u05F3"));
    EXPECT_FALSE(opaque_string("a\u05F4"));
    EXPECT_TRUE(opaque_string("ス\u30FBト"));
    EXPECT_FALSE(opaque_string("a\u30FBb"));
    EXPECT_TRUE(opaque_string("\u0661\u0662"));
    EXPECT_TRUE(opaque_string("\u06F1\u06F2"));
    EXPECT_FALSE(opaque_string("\u0661\u06F2"));
    EXPECT_TRUE(opaque_string("\u0915\u094D\u200D\u0937"));  // a joiner behind a virama
    EXPECT_FALSE(opaque_string("a\u200Db"));
    EXPECT_TRUE(opaque_string("\u0915\u094D\u200C\u0937"));
    EXPECT_TRUE(opaque_string("\u0628\u200C\u0628"));  // between letters that join
    EXPECT_FALSE(opaque_string("a\u200Cb"));
    EXPECT_FALSE(opaque_string("\u200C"));
}

}  // namespace
}  // namespace turnpike::crypto
