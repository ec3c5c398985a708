#include "turn/server/revocation_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/config/text_file.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::relay {
namespace {

using ::testing::HasSubstr;

constexpr WallTime kNow = WallTime{Seconds{1'795'000'000}};

core::Revocations::Entry entry(std::string subject, Seconds from_now) {
    return {"turnpike", std::move(subject), kNow + from_now};
}

std::string text_of(const std::filesystem::path& path) {
    const auto file = config::TextFile::read(path, 1 << 20);
    return file ? file->text : file.error();
}

TEST(RevocationFile, RemembersWhatWasAppended) {
    const TempDir dir;
    const auto path = dir.path() / "revocations.jsonl";
    {
        RevocationFile file{path};
        ASSERT_TRUE(file.open(kNow));
        ASSERT_TRUE(file.append(entry("tag.alice", 60s), "kicked \"for\" noise\n"));
        ASSERT_TRUE(file.append(entry("tag.bob", 120s), ""));
    }
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);

    RevocationFile file{path};
    const auto replay = file.open(kNow + 30s);
    ASSERT_TRUE(replay) << replay.error();
    ASSERT_EQ(replay->live.size(), 2u);
    EXPECT_EQ(replay->live[0].subject, "tag.alice");
    EXPECT_EQ(replay->live[0].realm, "turnpike");
    EXPECT_EQ(replay->live[0].until, kNow + 60s);
    EXPECT_EQ(replay->unreadable, 0u);
}

TEST(RevocationFile, DropsTheExpiredForGood) {
    const TempDir dir;
    const auto path = dir.path() / "revocations.jsonl";
    {
        RevocationFile file{path};
        ASSERT_TRUE(file.open(kNow));
        ASSERT_TRUE(file.append(entry("a", 60s), ""));
        ASSERT_TRUE(file.append(entry("b", 120s), ""));
    }
    RevocationFile file{path};
    const auto replay = file.open(kNow + 60s);
    ASSERT_TRUE(replay);
    EXPECT_EQ(replay->expired, 1u);
    ASSERT_EQ(replay->live.size(), 1u);
    EXPECT_EQ(replay->live[0].subject, "b");
    EXPECT_EQ(text_of(path), "{\"realm\":\"turnpike\",\"subject\":\"b\",\"until\":1795000120}\n");
}

TEST(RevocationFile, KeepsTheLatestEndOfASubject) {
    const TempDir dir;
    const auto path = dir.path() / "revocations.jsonl";
    {
        RevocationFile file{path};
        ASSERT_TRUE(file.open(kNow));
        ASSERT_TRUE(file.append(entry("a", 120s), ""));
        ASSERT_TRUE(file.append(entry("a", 60s), ""));
    }
    RevocationFile file{path};
    const auto replay = file.open(kNow);
    ASSERT_TRUE(replay);
    ASSERT_EQ(replay->live.size(), 1u);
    EXPECT_EQ(replay->live[0].until, kNow + 120s);
}

// A kill in the middle of a write leaves half a line; each truncation must lose that line only.
TEST(RevocationFile, SurvivesEveryTruncation) {
    const TempDir dir;
    const std::string first = "{\"realm\":\"turnpike\",\"subject\":\"a\",\"until\":1795000060}\n";
    const std::string second = "{\"realm\":\"turnpike\",\"subject\":\"b\",\"until\":1795000060}";
    for (std::size_t size = 0; size <= second.size(); ++size) {
        const auto path = dir.write("r" + std::to_string(size), first + second.substr(0, size));
        RevocationFile file{path};
        const auto replay = file.open(kNow);
        ASSERT_TRUE(replay);
        EXPECT_EQ(replay->live.size(), size == second.size() ? 2u : 1u) << size;
        EXPECT_EQ(replay->unreadable, size == 0 || size == second.size() ? 0u : 1u) << size;
        ASSERT_TRUE(file.append(entry("c", 60s), ""));
        EXPECT_TRUE(RevocationFile{path}.open(kNow)->unreadable == 0);
    }
}

TEST(RevocationFile, LeavesOutWhatIsNoRevocation) {
    const TempDir dir;
    const auto path =
        dir.write("r",
                  "null\n[]\n{}\n{\"realm\":1,\"subject\":\"a\",\"until\":1795000060}\n{\"realm\":"
                  "\"r\",\"subject\":\"a\",\"until\":\"soon\"}\n"
                  "{\"realm\":\"r\",\"subject\":\"a\",\"until\":-1}\n{\"realm\":\"r\",\"subject\":"
                  "\"a\",\"until\":9223372036854775807}\n\xFF\xFE\n\n"
                  "{\"realm\":\"r\",\"subject\":\"ok\",\"until\":1795000060}\n");
    RevocationFile file{path};
    const auto replay = file.open(kNow);
    ASSERT_TRUE(replay);
    EXPECT_EQ(replay->unreadable, 8u);
    ASSERT_EQ(replay->live.size(), 1u);
    EXPECT_EQ(replay->live[0].subject, "ok");
}

TEST(RevocationFile, SaysWhatIsInTheWay) {
    const TempDir dir;
    std::filesystem::create_directory(dir.path() / "r");
    RevocationFile directory{dir.path() / "r"};
    const auto refused = directory.open(kNow);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error(), HasSubstr("it is a directory"));

    RevocationFile unopened{dir.path() / "x"};
    EXPECT_FALSE(unopened.append(entry("a", 60s), ""));
}

}  // namespace
}  // namespace turnpike::relay
