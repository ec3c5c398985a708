#include "common/base/secret.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace turnpike {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<Secret>, "a secret has no printer");
static_assert(!std::is_convertible_v<std::string_view, Secret> && !std::is_convertible_v<Secret, ByteView>,
              "a secret comes and goes by name only");

TEST(Secret, IsItsBytes) {
    const Secret secret{std::string_view{"hush\0hush", 9}};
    EXPECT_EQ(secret.size(), 9U);
    EXPECT_EQ(as_text(secret.reveal()), (std::string_view{"hush\0hush", 9}));
    EXPECT_FALSE(secret.empty());
    EXPECT_TRUE(Secret{}.empty());
}

TEST(Secret, ComparesWhole) {
    EXPECT_EQ(Secret{std::string_view{"same"}}, Secret{std::string_view{"same"}});
    EXPECT_FALSE(Secret{std::string_view{"same"}} == Secret{std::string_view{"samf"}});
    EXPECT_FALSE(Secret{std::string_view{"same"}} == Secret{std::string_view{"rame"}});
    EXPECT_FALSE(Secret{std::string_view{"same"}} == Secret{std::string_view{"sam"}});
    EXPECT_TRUE(Secret::same({}, {}));
}

TEST(Secret, CopiesAndMoves) {
    Secret a{std::string_view{"one"}};
    Secret copy = a;
    EXPECT_EQ(copy, a);
    Secret moved = std::move(a);
    EXPECT_EQ(moved, copy);
    EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): moved from is empty, by design

    Secret other{std::string_view{"another"}};
    other = copy;
    EXPECT_EQ(other, copy);
    Secret& alias = other;
    other = alias;
    EXPECT_EQ(other, copy);
    other = Secret{std::string_view{"third"}};
    EXPECT_EQ(as_text(other.reveal()), "third");
}

}  // namespace
}  // namespace turnpike
