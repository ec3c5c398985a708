#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "common/base/system_clock.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

const std::filesystem::path kFolder = std::filesystem::path{TURNPIKE_SOURCE_DIR} / "systemd";

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

struct Ran {
    int code = -1;
    std::string output;
};
Ran run(const std::string& command) {
    Ran ran;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return ran;
    char chunk[4096];
    while (const std::size_t got = std::fread(chunk, 1, sizeof chunk, pipe))
        ran.output.append(chunk, got);
    const int status = ::pclose(pipe);
    ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
}

bool has(const char* program) {
    return run(std::string{"command -v "} + program).code == 0;
}

TEST(SystemdUnits, AreSandboxed) {
    if (!has("systemd-analyze")) GTEST_SKIP() << "no systemd-analyze here";
    for (const char* unit : {"turnpike-relay.service", "turnpike-signaling.service"}) {
        const Ran ran = run("systemd-analyze security --offline=true --threshold=20 '" +
                            (kFolder / unit).string() + "'");
        EXPECT_EQ(ran.code, 0) << unit << "\n" << ran.output;
    }
}

// What bpf(2), raw sockets, SO_RCVBUFFORCE and SCHED_RR ask for; and the drop-in takes nothing else of the sandbox away.
TEST(SystemdUnits, HaveADropInThatGrantsWhatTheRangeEngineNeeds) {
    std::istringstream lines{text_of(kFolder / "fast.conf")};
    std::vector<std::string> settings;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && !line.starts_with('#')) settings.push_back(line);
    }
    EXPECT_THAT(settings, ::testing::ElementsAre("[Service]", "AmbientCapabilities=CAP_BPF CAP_NET_ADMIN CAP_NET_RAW",
                                                 "CapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN CAP_NET_RAW",
                                                 "SystemCallFilter=bpf", "LimitMEMLOCK=infinity",
                                                 "RestrictRealtime=no", "LimitRTPRIO=60"));
    EXPECT_THAT(text_of(kFolder / "turnpike-relay.service"), ::testing::HasSubstr("\nCapabilityBoundingSet=\n"))
        << "the unit itself grants none";
}

// Unit and drop-in as one file are what systemd takes them for.
TEST(SystemdUnits, AreAcceptedWithTheDropIn) {
    if (!has("systemd-analyze")) GTEST_SKIP() << "no systemd-analyze here";
    const TempDir dir;
    std::string dropped = text_of(kFolder / "fast.conf");
    const std::string whole = text_of(kFolder / "turnpike-relay.service");
    const std::size_t install = whole.find("[Install]");
    ASSERT_NE(install, std::string::npos);
    const auto unit = dir.write("turnpike-relay.service", whole.substr(0, install) + dropped + whole.substr(install));
    const Ran ran = run("systemd-analyze security --offline=true --threshold=30 '" + unit.string() + "'");
    EXPECT_EQ(ran.code, 0) << ran.output;
}

TEST(SystemdUnits, MakeTheUsersAndDirectoriesThatTheyName) {
    if (!has("systemd-sysusers") || !has("systemd-tmpfiles") || ::geteuid() != 0)
        GTEST_SKIP() << "needs root, systemd-sysusers and systemd-tmpfiles";
    const TempDir root;
    std::filesystem::create_directory(root.path() / "etc");
    std::ofstream{root.path() / "etc/passwd"} << "root:x:0:0:root:/root:/bin/sh\n";
    std::ofstream{root.path() / "etc/group"} << "root:x:0:\n";
    const std::string in = " --root='" + root.path().string() + "' ";
    const Ran users =
        run("systemd-sysusers" + in + "'" + (kFolder / "turnpike.sysusers").string() + "'");
    EXPECT_EQ(users.code, 0) << users.output;
    EXPECT_THAT(text_of(root.path() / "etc/group"), ::testing::HasSubstr("turnpike-admin:x:"));
    const Ran directories = run("systemd-tmpfiles --create" + in + "'" +
                                (kFolder / "turnpike.tmpfiles").string() + "'");
    EXPECT_EQ(directories.code, 0) << directories.output;
    for (const char* name : {"relay", "signaling"}) {
        const auto path = root.path() / "run/turnpike" / name;
        EXPECT_TRUE(std::filesystem::is_directory(path));
        EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms{0750});
    }
}

/// The example with the files that it names put in place of /etc/turnpike, and a group that every
/// machine has.
std::string with_files(std::string text, const TempDir& dir) {
    const auto replace = [&](const std::string& from, const std::string& to) {
        for (std::size_t at = text.find(from); at != std::string::npos;
             at = text.find(from, at + to.size()))
            text.replace(at, from.size(), to);
    };
    replace("/etc/turnpike/", dir.path().string() + "/");
    replace("admin_group = \"turnpike-admin\"", "admin_group = \"root\"");
    const SelfSigned pair = SelfSigned::make();
    std::filesystem::create_directory(dir.path() / "tls");
    dir.write("tls/fullchain.pem", pair.certificate);
    dir.write("tls/privkey.pem", pair.key);
    dir.write("turn-secret", "0123456789abcdef0123456789abcdef\n", 0640);
    return text;
}

TEST(SystemdUnits, ShipARelayExampleThatIsAccepted) {
    const TempDir dir;
    const std::string text = with_files(text_of(kFolder / "relay.example.toml"), dir);
    const ReadText read{text, {.now = SystemClock{}.wall()}};
    EXPECT_TRUE(read.document.problems().empty()) << read.document.report();
    EXPECT_EQ(read.config.net.listeners.size(), 3u);

    // So it is with the lines that are commented out.
    std::string all = text;
    for (const char* line : {"# id = \"turn-1\"", "# urls = [", "# external_ip = "}) {
        const std::size_t at = all.find(line);
        ASSERT_NE(at, std::string::npos) << line;
        all.erase(at, 2);
    }
    const ReadText uncommented{all, {.now = SystemClock{}.wall()}};
    EXPECT_TRUE(uncommented.document.problems().empty()) << uncommented.document.report();
    EXPECT_EQ(uncommented.config.net.relay_addresses[0].external.to_string(), "203.0.113.7");
}

TEST(SystemdUnits, ShipASignalingExampleWithoutSlips) {
    config::Document document;
    document.parse(text_of(kFolder / "signaling.example.toml"), "signaling.example.toml");
    EXPECT_TRUE(document.ok()) << document.report();
}

}  // namespace
}  // namespace turnpike::relay
