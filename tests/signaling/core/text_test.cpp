#include "signaling/core/text.hpp"

#include <gtest/gtest.h>

namespace turnpike::signaling {
namespace {

TEST(ShownText, KeepsWhatPeopleWrite) {
    for (const std::string_view text : {"Ada", "Łucja Ż.", "名前", "שלום", "👩‍👩‍👧", "O'Neil & <b>"}) {
        EXPECT_EQ(shown_text(text, 32), text);
    }
}

TEST(ShownText, DropsControlBidiAndInvisibleCharacters) {
    EXPECT_EQ(shown_text("a\u202Eb\u2066c\u200Fd", 32), "abcd");
    EXPECT_EQ(shown_text("a\x01\x1b[31m\x7f\u0085z", 32), "a[31mz");
    EXPECT_EQ(shown_text("\uFEFF\u200Bx\u2028y\U000E0041", 32), "xy");
    EXPECT_EQ(shown_text("one\ntwo\tthree", 32), "onetwothree");
}

TEST(ShownText, KeepsLinesOfChat) { EXPECT_EQ(shown_text(" one\ntwo\tthree\n", 32, true), "one\ntwo\tthree"); }

TEST(ShownText, TrimsAndRefusesWhatIsThenEmpty) {
    EXPECT_EQ(shown_text("  Ada  ", 32), "Ada");
    EXPECT_EQ(shown_text("", 32), std::nullopt);
    EXPECT_EQ(shown_text("   ", 32), std::nullopt);
    EXPECT_EQ(shown_text("\u202E\u200B", 32), std::nullopt);
}

TEST(ShownText, CountsCodePointsNotBytes) {
    std::string text;
    for (int i = 0; i < 32; ++i) text += "名";
    EXPECT_EQ(shown_text(text, 32), text);
    EXPECT_EQ(shown_text(text + "名", 32), std::nullopt);
}

// RFC 3629 §3 and §4: overlong forms, surrogates, beyond U+10FFFF, truncated and stray bytes.
TEST(ShownText, RefusesWhatIsNoUtf8) {
    for (const std::string_view text : {"\xC0\x80", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
                                        "a\xC3", "\x80", "\xE2\x28\xA1", "\xFF"}) {
        EXPECT_EQ(shown_text(text, 32), std::nullopt);
    }
}

TEST(RoomId, IsLowerCaseLettersDigitsAndDashes) {
    for (const std::string_view good : {"abc", "a-b", "0-9", "daily-standup"}) EXPECT_TRUE(is_room_id(good)) << good;
    EXPECT_TRUE(is_room_id(std::string(64, 'a')));
    for (const std::string_view bad : {"", "ab", "Abc", "a_b", "a b", "ab/", "ąbc"}) EXPECT_FALSE(is_room_id(bad)) << bad;
    EXPECT_FALSE(is_room_id(std::string(65, 'a')));
}

TEST(Token, IsPrintableAscii) {
    EXPECT_TRUE(is_token("p_Ab-9", 64));
    EXPECT_FALSE(is_token("", 64));
    EXPECT_FALSE(is_token("a b", 64));
    EXPECT_FALSE(is_token("a\n", 64));
    EXPECT_FALSE(is_token("ä", 64));
    EXPECT_TRUE(is_token(std::string(64, 'x'), 64));
    EXPECT_FALSE(is_token(std::string(65, 'x'), 64));
}

}  // namespace
}  // namespace turnpike::signaling
