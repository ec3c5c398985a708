#include "benchmarks/load/frame_interface.hpp"

#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {
namespace {

using namespace bpf;

constexpr std::size_t kMapPage = 4096;
constexpr std::uint32_t kBatch = 64;  // frames that the kernel puts on the wire together

// Where things are in a frame: Ethernet (14), IPv4 (20), UDP (8), payload.
constexpr std::size_t kEtherType = 12, kVersion = 14, kProtocol = 23, kSourcePort = 34, kTargetPort = 36, kPayload = 42;

constexpr std::uint16_t wire16(std::uint16_t value) noexcept { return static_cast<std::uint16_t>(value << 8 | value >> 8); }

std::vector<bpf_insn> sink_program(const Object& count, const FrameInterface::Expected& expected) {
    Assembly a;
    Assembly::Label pass;
    a.add(load(BPF_W, R2, R1, offsetof(xdp_md, data)));
    a.add(load(BPF_W, R3, R1, offsetof(xdp_md, data_end)));
    a.add(move(R4, R2));
    a.add(with(BPF_ADD, R4, kPayload + 4));
    a.jump_if(BPF_JGT, R4, R3, pass);
    a.add(load(BPF_H, R5, R2, kEtherType));
    a.jump_if(BPF_JNE, R5, wire16(0x0800), pass);
    a.add(load(BPF_B, R5, R2, kVersion));
    a.jump_if(BPF_JNE, R5, 0x45, pass);
    a.add(load(BPF_B, R5, R2, kProtocol));
    a.jump_if(BPF_JNE, R5, IPPROTO_UDP, pass);
    a.add(load(BPF_H, R5, R2, expected.from_port ? kSourcePort : kTargetPort));
    a.jump_if(BPF_JNE, R5, wire16(expected.port), pass);
    if (expected.channel_data) {
        a.add(load(BPF_B, R5, R2, kPayload));
        a.add(with(BPF_AND, R5, 0xC0));
        a.jump_if(BPF_JNE, R5, 0x40, pass);
    }
    a.add(set(R6, 0));
    a.look_up(count, R6);
    a.jump_if_null(R0, pass);
    a.add(set(R1, 1));
    a.add(op(BPF_STX | BPF_ATOMIC | BPF_DW, R0, R1, 0, BPF_ADD));
    a.give_back(XDP_DROP);
    a.here(pass);
    a.give_back(XDP_PASS);
    return a.program();
}

// Every run is one frame: the next of the map's, over what the last run left.
std::vector<bpf_insn> source_program(const Object& frames, const Object& state, std::uint32_t count, std::uint32_t burst) {
    Assembly a;
    Assembly::Label drop;
    a.add(move(R6, R1));
    a.add(set(R7, 0));
    a.look_up(state, R7);
    a.jump_if_null(R0, drop);
    a.add(load(BPF_DW, R8, R0, 0));
    a.add(move(R1, R8));
    a.add(with(BPF_ADD, R1, 1));
    a.add(store(BPF_DW, R0, 0, R1));
    a.add(with(BPF_DIV, R8, static_cast<std::int32_t>(burst)));
    a.add(with(BPF_MOD, R8, static_cast<std::int32_t>(count)));
    a.look_up(frames, R8);
    a.jump_if_null(R0, drop);
    a.add(load(BPF_W, R2, R6, offsetof(xdp_md, data)));
    a.add(load(BPF_W, R3, R6, offsetof(xdp_md, data_end)));
    a.add(move(R4, R2));
    a.add(with(BPF_ADD, R4, FrameInterface::kFrameMin));
    a.jump_if(BPF_JGT, R4, R3, drop);
    for (std::size_t at = 0; at < FrameInterface::kFrameMin; at += 8) {
        a.add(load(BPF_DW, R1, R0, at));
        a.add(store(BPF_DW, R2, at, R1));
    }
    a.give_back(XDP_TX);
    a.here(drop);
    a.give_back(XDP_DROP);
    return a.program();
}

}  // namespace

std::expected<std::unique_ptr<FrameInterface>, std::string> FrameInterface::attach(const std::string& where,
                                                                                   const Expected& expected) {
    std::unique_ptr<FrameInterface> made{new FrameInterface};
    FrameInterface& f = *made;
    const std::size_t slash = where.rfind('/');
    const std::string name = slash == std::string::npos ? where : where.substr(slash + 1);
    if (slash != std::string::npos) f.namespace_ = where.substr(0, slash);
    const auto inside = InNamespace::enter(f.namespace_);
    if (!inside) return std::unexpected(inside.error());
    f.index_ = static_cast<int>(::if_nametoindex(name.c_str()));
    if (f.index_ == 0) return std::unexpected(fmt::format("interface '{}': {}", where, error_text(errno)));
    const Socket any{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq asked{};
    std::strncpy(asked.ifr_name, name.c_str(), sizeof asked.ifr_name - 1);
    if (::ioctl(any.descriptor(), SIOCGIFHWADDR, &asked) != 0) {
        return std::unexpected(fmt::format("interface '{}': {}", where, error_text(errno)));
    }
    std::memcpy(f.hardware_address_.data(), asked.ifr_hwaddr.sa_data, f.hardware_address_.size());

    auto count = create_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint64_t), 1, BPF_F_MMAPABLE);
    if (!count) return std::unexpected(fmt::format("interface '{}': {}", where, count.error()));
    f.count_ = std::move(*count);
    void* const memory = ::mmap(nullptr, kMapPage, PROT_READ, MAP_SHARED, f.count_.fd(), 0);
    if (memory == MAP_FAILED) return std::unexpected(fmt::format("interface '{}': bpf map memory: {}", where, error_text(errno)));
    f.arrived_ = static_cast<const volatile std::uint64_t*>(memory);
    auto sink = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "bench_sink", sink_program(f.count_, expected));
    if (!sink) return std::unexpected(fmt::format("interface '{}': {}", where, sink.error()));
    f.sink_ = std::move(*sink);
    auto link = bpf::attach(f.sink_, BPF_XDP, f.index_, XDP_FLAGS_DRV_MODE);
    if (!link) return std::unexpected(fmt::format("interface '{}': {}", where, link.error()));
    f.sink_link_ = std::move(*link);
    return made;
}

FrameInterface::~FrameInterface() {
    if (arrived_ != nullptr) ::munmap(const_cast<std::uint64_t*>(arrived_), kMapPage);
}

std::expected<void, std::string> FrameInterface::load(const std::vector<Bytes>& frames, std::uint32_t burst) {
    const auto count = static_cast<std::uint32_t>(frames.size());
    auto map = create_map(BPF_MAP_TYPE_ARRAY, kFrameMin, count, 0);
    auto state = create_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint64_t), 1, 0);
    if (!map || !state) return std::unexpected(!map ? map.error() : state.error());
    for (std::uint32_t i = 0; i < count; ++i) {
        bpf_attr attributes{};
        attributes.map_fd = static_cast<std::uint32_t>(map->fd());
        attributes.key = bpf::pointer(&i);
        attributes.value = bpf::pointer(frames[i].data());
        if (call_kernel(BPF_MAP_UPDATE_ELEM, attributes) != 0) return std::unexpected("bpf map: " + error_text(errno));
    }
    frames_ = std::move(*map);
    state_ = std::move(*state);
    auto program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "bench_source", source_program(frames_, state_, count, burst));
    if (!program) return std::unexpected(program.error());
    source_ = std::move(*program);
    frame_ = frames.front();
    return {};
}

std::expected<void, std::string> FrameInterface::send(std::uint32_t count) {
    xdp_md context{};
    context.data_end = static_cast<std::uint32_t>(frame_.size());
    context.ingress_ifindex = static_cast<std::uint32_t>(index_);
    bpf_attr attributes{};
    attributes.test.prog_fd = static_cast<std::uint32_t>(source_.fd());
    attributes.test.data_in = bpf::pointer(frame_.data());
    attributes.test.data_size_in = static_cast<std::uint32_t>(frame_.size());
    attributes.test.ctx_in = bpf::pointer(&context);
    attributes.test.ctx_size_in = sizeof context;
    attributes.test.repeat = count;
    attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    attributes.test.batch_size = std::min(count, kBatch);
    if (call_kernel(BPF_PROG_TEST_RUN, attributes) != 0) return std::unexpected("sending frames: " + error_text(errno));
    return {};
}

std::uint64_t FrameInterface::arrived() const noexcept { return *arrived_; }

}  // namespace turnpike::bench
