#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/config/document.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kLong = "0123456789abcdef0123456789abcdef";

/// auth.secrets = [`form`], read as both daemons do.
struct Read {
    explicit Read(const std::string& form, bool dev = false)
        : document(Document::Options{.dev = dev}) {
        document.parse("[auth]\nsecrets = [" + form + "]\n", "relay.toml");
        document.root().table("auth").shared_secrets("secrets", secrets);
        document.finish();
    }
    Document document;
    std::vector<SharedSecret> secrets;
};

std::string by_file(const std::filesystem::path& path) {
    return "{file = \"" + path.string() + "\"}";
}

TEST(Secrets, ComeFromFiles) {
    const TempDir dir;
    const auto file = dir.write("secret", std::string{kLong} + "\n");
    const Read read{by_file(file)};
    ASSERT_EQ(read.secrets.size(), 1u) << read.document.report();
    EXPECT_TRUE(read.document.problems().empty()) << read.document.report();
    EXPECT_EQ(read.secrets[0].value, Secret{kLong});
    EXPECT_EQ(read.secrets[0].id, "k1");
    EXPECT_FALSE(read.secrets[0].sha256);
    EXPECT_FALSE(read.secrets[0].issued_by_turnpike);
    EXPECT_EQ(read.document.secret_files(), (std::vector<std::filesystem::path>{file}));
}

TEST(Secrets, OfAFileRelativeToTheConfiguration) {
    const TempDir dir;
    dir.write("secret", kLong);
    const auto config = dir.write("relay.toml", "[auth]\nsecrets = [{file = \"secret\"}]\n");
    Document document;
    document.load(config);
    std::vector<SharedSecret> secrets;
    EXPECT_TRUE(document.root().table("auth").shared_secrets("secrets", secrets))
        << document.report();
}

TEST(Secrets, SeveralOfOneFile) {
    const TempDir dir;
    const auto file = dir.write("secret", "new-new-new-new-new\n\nold-old-old-old-old\n");
    const Read read{"{file = \"" + file.string() +
                    "\", id = \"main\", issuer = \"turnpike\", algorithm = \"sha256\"}"};
    ASSERT_EQ(read.secrets.size(), 2u) << read.document.report();
    EXPECT_EQ(read.secrets[0].value, Secret{"new-new-new-new-new"});
    EXPECT_EQ(read.secrets[0].id, "main");
    EXPECT_EQ(read.secrets[1].id, "main-2");
    EXPECT_TRUE(read.secrets[1].sha256);
    EXPECT_TRUE(read.secrets[1].issued_by_turnpike);
}

TEST(Secrets, ComeFromTheEnvironmentAndFromCredentials) {
    const TempDir dir;
    dir.write("turn-secret", kLong);
    ::setenv("TURNPIKE_TEST_SECRET", std::string{kLong}.c_str(), 1);
    ::setenv("CREDENTIALS_DIRECTORY", dir.path().c_str(), 1);
    const Read read{"{env = \"TURNPIKE_TEST_SECRET\"}, {credential = \"turn-secret\"}"};
    const Read missing{"{env = \"TURNPIKE_TEST_NO_SUCH\"}"};
    const Read escaping{"{credential = \"../turn-secret\"}"};
    ::unsetenv("CREDENTIALS_DIRECTORY");
    const Read outside{"{credential = \"turn-secret\"}"};
    ::unsetenv("TURNPIKE_TEST_SECRET");
    ASSERT_EQ(read.secrets.size(), 2u) << read.document.report();
    EXPECT_EQ(read.secrets[1].id, "k2");
    EXPECT_THAT(missing.document.report(), HasSubstr("not in the environment"));
    EXPECT_THAT(escaping.document.report(), HasSubstr("is no name of a credential"));
    EXPECT_THAT(outside.document.report(), HasSubstr("LoadCredential="));
}

// Security reference, section 6, row 67.
TEST(Secrets, RefuseBadOnes) {
    using namespace std::string_view_literals;
    const TempDir dir;
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"fifteen-bytes-x"sv, "has 15 bytes; at least 16 are wanted"},
        {""sv, "is empty"},
        {"\n\n"sv, "is empty"},
        {"0123456789abcdef\r\n"sv, "carriage return"},
        {"01234567\0 89abcdef"sv, "NUL byte"},
        {"01234567\x01 89abcdef"sv, "control character"},
        {" 0123456789abcdef"sv, "space"},
        {"0123456789abcdef\nshort\n"sv, "line 2 of file"},
    };
    for (const auto& [text, expected] : rows) {
        const Read read{by_file(dir.write("secret", text))};
        EXPECT_FALSE(read.document.ok());
        EXPECT_TRUE(read.secrets.empty());
        EXPECT_THAT(read.document.report(), HasSubstr(expected));
    }
    const Read missing{by_file(dir.path() / "none")};
    EXPECT_THAT(missing.document.report(),
                HasSubstr("relay.toml:2:20: auth.secrets[0].file: cannot read "));
    const Read zero{"{file = \"/dev/zero\"}"};
    EXPECT_THAT(zero.document.report(), HasSubstr("it is a device"));
}

TEST(Secrets, RefuseFilesThatEverybodyMayRead) {
    const TempDir dir;
    const auto file = dir.write("secret", kLong, 0644);
    const Read refused{by_file(file)};
    EXPECT_FALSE(refused.document.ok());
    EXPECT_THAT(refused.document.report(),
                HasSubstr("with mode 0644: everybody on this machine may read it; chmod 0640 it"));

    const Read lenient{by_file(file), true};
    EXPECT_TRUE(lenient.document.ok());
    EXPECT_THAT(lenient.document.report(), HasSubstr("warning: "));

    const Read group_writable{by_file(dir.write("secret", kLong, 0660))};
    EXPECT_TRUE(group_writable.document.ok());
    EXPECT_THAT(group_writable.document.report(), HasSubstr("0640 or tighter is better"));
}

TEST(Secrets, WantExactlyOneForm) {
    EXPECT_THAT(Read{"{}"}.document.report(), HasSubstr("needs exactly one of {file"));
    EXPECT_THAT(Read{"{id = \"k1\"}"}.document.report(), HasSubstr("needs exactly one of {file"));
    EXPECT_THAT((Read{"{env = \"A\", value = \"" + std::string{kLong} + "\"}"}.document.report()),
                HasSubstr("needs exactly one of {file"));
    EXPECT_THAT(Read{"{flie = \"x\"}"}.document.report(), HasSubstr("did you mean \"file\"?"));
    EXPECT_THAT(Read{"\"0123456789abcdef\""}.document.report(),
                HasSubstr("expected a table, found a string"));
}

TEST(Secrets, RefuseIdsThatAreTakenOrUnfit) {
    const std::string value = "value = \"" + std::string{kLong} + "\"";
    EXPECT_THAT(
        (Read{"{" + value + ", id = \"a\"}, {" + value + ", id = \"a\"}"}.document.report()),
        HasSubstr("which another secret of the list has"));
    EXPECT_THAT((Read{"{" + value + ", id = \"a;b\"}"}.document.report()),
                HasSubstr("must be 1 to 16 letters"));
    EXPECT_THAT((Read{"{" + value + ", id = \"\"}"}.document.report()),
                HasSubstr("must be 1 to 16 letters"));
}

TEST(Secrets, AreNeverShown) {
    const std::string value = "hunter2-hunter2-hunter2";
    Read good{"{value = \"" + value + "\"}"};
    EXPECT_TRUE(good.document.ok());
    EXPECT_THAT(good.document.report(), HasSubstr("a file is safer"));
    EXPECT_THAT(good.document.report(), Not(HasSubstr("hunter2")));
    EXPECT_THAT(good.document.effective(), HasSubstr("value = \"(redacted)\""));
    EXPECT_THAT(good.document.effective(), Not(HasSubstr("hunter2")));

    for (const std::string bad :
         {"{value = \"hunter2\"}", "{ value='hunter2-hunter2-hunter2', x = 1}",
          "{value = \"\"\"hunter2-hunter2\"\"\", x = 1}", "{x = 1, \"value\"=\"hunter2\""}) {
        const Read read{bad};
        EXPECT_FALSE(read.document.ok());
        EXPECT_THAT(read.document.report(), Not(HasSubstr("hunter2"))) << bad;
    }

    Document flag;
    flag.set("auth.secrets=[{value=\"hunter2\"}]");
    std::vector<SharedSecret> secrets;
    flag.root().table("auth").shared_secrets("secrets", secrets);
    EXPECT_FALSE(flag.ok());
    EXPECT_THAT(flag.report(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace turnpike::config
