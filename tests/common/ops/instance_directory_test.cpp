#include "common/ops/instance_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temp_dir.hpp"

namespace turnpike::ops {
namespace {

using ::testing::HasSubstr;

TEST(InstanceDirectory, IsMadeForItsOwnerOnly) {
    const TempDir dir;
    const auto claimed = InstanceDirectory::claim(dir.path() / "deep" / "relay");
    ASSERT_TRUE(claimed) << claimed.error();
    struct stat status {};
    ASSERT_EQ(::stat(claimed->path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    EXPECT_EQ(claimed->admin_socket(), dir.path() / "deep" / "relay" / "admin.sock");
}

TEST(InstanceDirectory, RefusesASecondClaimAndNamesTheFirst) {
    const TempDir dir;
    const auto path = dir.path() / "relay";
    {
        const auto first = InstanceDirectory::claim(path);
        ASSERT_TRUE(first);
        const auto second = InstanceDirectory::claim(path);
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error(), "process " + std::to_string(::getpid()) + " already runs on " +
                                      path.string() +
                                      "; stop it, or set node.runtime_dir to another directory");
    }
    EXPECT_TRUE(InstanceDirectory::claim(path));
}

TEST(InstanceDirectory, RefusesAPlaceThatIsNotItsOwn) {
    const TempDir dir;
    const auto open = dir.path() / "open";
    std::filesystem::create_directory(open);
    std::filesystem::permissions(open, std::filesystem::perms{0777});
    const auto writable = InstanceDirectory::claim(open);
    ASSERT_FALSE(writable);
    EXPECT_THAT(writable.error(), HasSubstr("others may write to it"));

    std::filesystem::create_symlink(dir.path(), dir.path() / "link");
    const auto link = InstanceDirectory::claim(dir.path() / "link");
    ASSERT_FALSE(link);
    EXPECT_THAT(link.error(), HasSubstr("it is no directory"));

    const auto file = InstanceDirectory::claim(dir.write("file", ""));
    ASSERT_FALSE(file);
    const auto below_file = InstanceDirectory::claim(dir.path() / "file" / "relay");
    ASSERT_FALSE(below_file);
    EXPECT_THAT(below_file.error(), HasSubstr("set node.runtime_dir"));
}

TEST(InstanceDirectory, IsWhereTheConfigurationSays) {
    EXPECT_EQ(InstanceDirectory::locate("relay", "/srv/x"), "/srv/x");
    if (::geteuid() == 0) {
        EXPECT_EQ(InstanceDirectory::locate("relay", {}), "/run/turnpike/relay");
    }
}

}  // namespace
}  // namespace turnpike::ops
