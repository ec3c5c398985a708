#include "common/base/bpf.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace turnpike::bpf {
namespace {

TEST(BpfAssembly, ForwardJumpsReachTheirPlaces) {
    Assembly a;
    Assembly::Label end, middle;
    a.jump_if(BPF_JEQ, R1, 7, end);
    a.jump(middle);
    a.add(set(R0, 1));
    a.here(middle);
    a.add(set(R0, 2));
    a.here(end);
    a.give_back(3);
    const auto& program = a.program();
    ASSERT_EQ(6U, program.size());
    EXPECT_EQ(3, program[0].off);  // from behind it to give_back
    EXPECT_EQ(1, program[1].off);  // over one
    EXPECT_EQ(BPF_JMP | BPF_EXIT, program.back().code);
}

bool privileged() { return ::geteuid() == 0; }

std::uint32_t run(const Object& program, std::array<std::uint8_t, 64>& packet) {
    bpf_attr attributes{};
    attributes.test.prog_fd = static_cast<std::uint32_t>(program.fd());
    attributes.test.data_in = pointer(packet.data());
    attributes.test.data_size_in = static_cast<std::uint32_t>(packet.size());
    attributes.test.repeat = 1;
    EXPECT_EQ(0, call_kernel(BPF_PROG_TEST_RUN, attributes));
    return attributes.test.retval;
}

TEST(Bpf, RunsWhatWasPutTogether) {
    if (!privileged()) GTEST_SKIP() << "loading a program needs CAP_BPF";
    // The first byte decides; an array's first element counts.
    const auto map = create_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint64_t), 1, 0);
    ASSERT_TRUE(map) << map.error();
    Assembly a;
    Assembly::Label pass;
    a.add(move(R6, R1));
    a.add(load(BPF_W, R2, R6, offsetof(xdp_md, data)));
    a.add(load(BPF_W, R3, R6, offsetof(xdp_md, data_end)));
    a.add(move(R4, R2));
    a.add(with(BPF_ADD, R4, 1));
    a.jump_if(BPF_JGT, R4, R3, pass);
    a.add(load(BPF_B, R5, R2, 0));
    a.jump_if(BPF_JNE, R5, 0xAB, pass);
    a.add(set(R7, 0));
    a.look_up(*map, R7);
    a.jump_if_null(R0, pass);
    a.add(load(BPF_DW, R1, R0, 0));
    a.add(with(BPF_ADD, R1, 1));
    a.add(store(BPF_DW, R0, 0, R1));
    a.give_back(XDP_DROP);
    a.here(pass);
    a.give_back(XDP_PASS);
    const auto program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "test", a.program());
    ASSERT_TRUE(program) << program.error();

    std::array<std::uint8_t, 64> packet{};
    EXPECT_EQ(static_cast<std::uint32_t>(XDP_PASS), run(*program, packet));
    packet[0] = 0xAB;
    EXPECT_EQ(static_cast<std::uint32_t>(XDP_DROP), run(*program, packet));
    std::uint32_t key = 0;
    std::uint64_t count = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(map->fd());
    attributes.key = pointer(&key);
    attributes.value = pointer(&count);
    ASSERT_EQ(0, call_kernel(BPF_MAP_LOOKUP_ELEM, attributes));
    EXPECT_EQ(1U, count);
}

TEST(Bpf, SaysWhatTheVerifierHasAgainstIt) {
    if (!privileged()) GTEST_SKIP() << "loading a program needs CAP_BPF";
    Assembly a;
    a.add(op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));  // r0 was never set
    const auto program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "test", a.program());
    ASSERT_FALSE(program);
    EXPECT_NE(std::string::npos, program.error().find("the verifier says: ")) << program.error();
    EXPECT_NE(std::string::npos, program.error().find("R0 !read_ok")) << program.error();
}

TEST(Bpf, AttachingToNothingIsRefused) {
    if (!privileged()) GTEST_SKIP() << "loading a program needs CAP_BPF";
    Assembly a;
    a.give_back(XDP_PASS);
    const auto program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "test", a.program());
    ASSERT_TRUE(program) << program.error();
    const auto link = attach(*program, BPF_XDP, 0x7FFF'FFFF);
    ASSERT_FALSE(link);
    EXPECT_EQ(0U, link.error().find("bpf link: ")) << link.error();
    EXPECT_FALSE(create_map(BPF_MAP_TYPE_ARRAY, 0, 1, 0));
}

}  // namespace
}  // namespace turnpike::bpf
