#include "turn/net/engine_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "tests/turn/net/relay_support.hpp"

// Which engine runs, where the kernel or the process's rights refuse something. What is refused is refused to a child
// process only.
namespace turnpike::net {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;

Options options(IoEngine engine) {
    Options o;
    const IpAddress address = IpAddress::parse("127.0.7.96").value();
    o.relay_addresses = {{address, address}};
    o.port_min = 61'000;
    o.workers = 2;
    o.engine = engine;
    return o;
}

// Says on standard error what was chosen and why, and ends the process.
[[noreturn]] void choose_and_exit(IoEngine wanted) {
    crypto::SystemRandom random;
    const auto choice = EngineChoice::make(options(wanted), random);
    if (choice) std::fprintf(stderr, "%s, %s\n", std::string{to_string(choice->engine)}.c_str(), choice->why.c_str());
    else std::fprintf(stderr, "refused: %s\n", choice.error().message.c_str());
    std::exit(0);
}

void drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    if (::syscall(SYS_capset, &header, none) != 0) std::exit(3);
}

// A call fails with EPERM where its number is `call`, and its second argument's lowest four bits are `second` if that
// is given.
void forbid(long call, int second = -1) {
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, static_cast<std::uint32_t>(call)},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[1])},
        {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xF},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(second)},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    if (second < 0) program[1].jt = 3;  // straight to the refusal
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) std::exit(3);
}

TEST(EngineChoiceTest, SocketsAreAlwaysThere) {
    EXPECT_EXIT(
        {
            drop_capabilities();
            choose_and_exit(IoEngine::Sockets);
        },
        ExitedWithCode(0), "^sockets, as io.engine says");
}

TEST(EngineChoiceTest, AutoTakesRangeWhereItCanBeHad) {
    if (!testing::no_range_engine().empty()) GTEST_SKIP() << testing::no_range_engine();
    EXPECT_EXIT(choose_and_exit(IoEngine::Auto), ExitedWithCode(0), "^range, ");
    EXPECT_EXIT(choose_and_exit(IoEngine::Range), ExitedWithCode(0), "^range, as io.engine says");
}

TEST(EngineChoiceTest, WithoutCapabilitiesAutoRunsOnSocketsAndSaysWhatIsMissing) {
    EXPECT_EXIT(
        {
            drop_capabilities();
            choose_and_exit(IoEngine::Auto);
        },
        ExitedWithCode(0), "^sockets, range cannot be had: .*Operation not permitted; it needs .*CAP_BPF.*CAP_NET_ADMIN.*CAP_NET_RAW.*fast.conf");
    EXPECT_EXIT(
        {
            drop_capabilities();
            choose_and_exit(IoEngine::Range);
        },
        ExitedWithCode(0), "^refused: cannot run .io. engine = \"range\": .*Operation not permitted.*engine = \"auto\"");
}

TEST(EngineChoiceTest, WhereSeccompForbidsBpfAutoRunsOnSockets) {
    EXPECT_EXIT(
        {
            forbid(SYS_bpf);
            choose_and_exit(IoEngine::Auto);
        },
        ExitedWithCode(0), "^sockets, range cannot be had: bpf map: Operation not permitted");
}

TEST(EngineChoiceTest, WhereSeccompForbidsRawSocketsAutoRunsOnSockets) {
    if (!testing::no_range_engine().empty()) GTEST_SKIP() << testing::no_range_engine();
    EXPECT_EXIT(
        {
            forbid(SYS_socket, SOCK_RAW);
            choose_and_exit(IoEngine::Auto);
        },
        ExitedWithCode(0), "^sockets, range cannot be had: raw socket.*: Operation not permitted");
}

TEST(EngineChoiceTest, AnAddressThatIsNoCertainOneCannotBeSteered) {
    crypto::SystemRandom random;
    Options wildcard = options(IoEngine::Auto);
    wildcard.relay_addresses = {{IpAddress::parse("0.0.0.0").value(), IpAddress::parse("0.0.0.0").value()}};
    const auto choice = EngineChoice::make(wildcard, random);
    ASSERT_TRUE(choice);
    EXPECT_EQ(IoEngine::Sockets, choice->engine);
    EXPECT_THAT(choice->why, HasSubstr("the relay address 0.0.0.0 is no certain one"));
    wildcard.engine = IoEngine::Range;
    EXPECT_FALSE(EngineChoice::make(wildcard, random));
}

TEST(EngineChoiceTest, ThePoolSaysWhichEngineRuns) {
    testing::TestRelay::Setup setup;
    setup.engine = IoEngine::Auto;
    testing::TestRelay relay{setup};
    EXPECT_EQ(testing::no_range_engine().empty() ? IoEngine::Range : IoEngine::Sockets, relay.pool->engine());
    EXPECT_NE("", relay.pool->engine_why());
}

}  // namespace
}  // namespace turnpike::net
