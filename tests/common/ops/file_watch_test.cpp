#include "common/ops/file_watch.hpp"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace turnpike::ops {
namespace {

TEST(FileWatch, NoticesWritesReplacementsAndRemovals) {
    const TempDir dir;
    const auto file = dir.write("secret", "one");
    FileWatch watch;
    watch.watch({file});
    EXPECT_FALSE(watch.changed());
    dir.write("secret", "another");
    EXPECT_TRUE(watch.changed());
    EXPECT_FALSE(watch.changed());
    std::filesystem::rename(dir.write("fresh", "another"), file);
    EXPECT_TRUE(watch.changed());
    std::filesystem::remove(file);
    EXPECT_TRUE(watch.changed());
    EXPECT_FALSE(watch.changed());
}

TEST(FileWatch, SeesThroughLinks) {
    const TempDir dir;
    dir.write("v1", "one");
    dir.write("v2", "two");
    const auto link = dir.path() / "current";
    std::filesystem::create_symlink("v1", link);
    FileWatch watch;
    watch.watch({link});
    std::filesystem::remove(link);
    std::filesystem::create_symlink("v2", link);
    EXPECT_TRUE(watch.changed());
}

}  // namespace
}  // namespace turnpike::ops
