#include "signaling/net/static_files.hpp"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.hpp"

namespace turnpike::signaling {
namespace {

class StaticFilesTest : public ::testing::Test {
protected:
    StaticFilesTest() {
        std::filesystem::create_directories(directory.path() / "web" / "assets");
        std::filesystem::create_directories(directory.path() / "web" / "r" / "deep");
        directory.write("web/index.html", "<h1>page</h1>");
        directory.write("web/favicon.svg", "<svg/>");
        directory.write("web/assets/index-BvX12abc.js", "js");
        directory.write("web/assets/plain.css", "css");
        directory.write("web/.env", "hidden");
        directory.write("secret", "outside");
        std::filesystem::create_symlink(directory.path() / "secret", directory.path() / "web" / "link.txt");
    }
    StaticFiles files() const { return StaticFiles{directory.path() / "web"}; }

    TempDir directory;
};

TEST_F(StaticFilesTest, ServesThePageAtItsAddresses) {
    for (const std::string_view path : {"/", "/r/daily-standup", "/r/", "/index.html"}) {
        const auto file = files().find(path);
        ASSERT_TRUE(file) << path;
        EXPECT_EQ(file->content, "<h1>page</h1>");
        EXPECT_EQ(file->type, "text/html; charset=utf-8");
        EXPECT_EQ(file->cache_control, "no-cache");
    }
}

TEST_F(StaticFilesTest, MarksHashedAssetsImmutable) {
    const auto hashed = files().find("/assets/index-BvX12abc.js");
    ASSERT_TRUE(hashed);
    EXPECT_EQ(hashed->type, "text/javascript; charset=utf-8");
    EXPECT_EQ(hashed->cache_control, "public, max-age=31536000, immutable");
    EXPECT_EQ(files().find("/assets/plain.css")->cache_control, "no-cache");
    EXPECT_NE(hashed->etag, files().find("/assets/plain.css")->etag);
}

// Bad paths: climbing, hiding, links out, directories, the root's neighbours.
TEST_F(StaticFilesTest, ReachesNothingOutside) {
    for (const std::string_view path : {"/../secret", "/assets/../../secret", "/assets/..", "/.env", "/./index.html", "//secret", "/..",
                                        "/assets/", "/assets", "/link.txt", "/nothing.js", "/..\\secret", "/r/a/b", "/r/deep/x"}) {
        EXPECT_FALSE(files().find(path)) << path;
    }
}

TEST_F(StaticFilesTest, KnowsWhetherThereIsAPage) {
    EXPECT_TRUE(files().has_page());
    EXPECT_FALSE(StaticFiles{directory.path() / "missing"}.has_page());
    EXPECT_FALSE(StaticFiles{""}.has_page());
    EXPECT_FALSE(StaticFiles{""}.find("/"));
    EXPECT_FALSE(StaticFiles{""}.find("/etc/passwd"));
}

TEST(ContentType, IsGuessedByTheExtension) {
    EXPECT_EQ(content_type("a.svg"), "image/svg+xml");
    EXPECT_EQ(content_type("a.woff2"), "font/woff2");
    EXPECT_EQ(content_type("a.unknown"), "application/octet-stream");
    EXPECT_EQ(content_type("a"), "application/octet-stream");
}

}  // namespace
}  // namespace turnpike::signaling
