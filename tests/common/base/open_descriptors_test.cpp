#include "common/base/open_descriptors.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace turnpike {
namespace {

TEST(OpenDescriptors, CountsThoseOfAProcess) {
    const auto before = open_descriptors(::getpid());
    ASSERT_TRUE(before);
    EXPECT_GE(*before, 3U);
    std::array<int, 2> ends{};
    ASSERT_EQ(0, ::pipe(ends.data()));
    EXPECT_EQ(*before + 2, open_descriptors(::getpid()));
    for (const int end : ends) ::close(end);
    EXPECT_EQ(*before, open_descriptors(::getpid()));
}

TEST(OpenDescriptors, SayNothingOfAProcessThatIsNotThere) { EXPECT_FALSE(open_descriptors(-1)); }

}  // namespace
}  // namespace turnpike
