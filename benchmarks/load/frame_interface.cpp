#include "benchmarks/load/frame_interface.hpp"

#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {
namespace {

using namespace bpf;

constexpr std::size_t kMapPage = 4096;
constexpr std::int32_t kLateNanoseconds = 1'000'000;
constexpr int kStopSignal = SIGUSR1;
constexpr std::uint32_t kRuns = INT32_MAX;  // of the program in one system call, at most
constexpr std::uint32_t kBatch = 64;  // frames that the kernel puts on the wire together

// Where things are in a frame: Ethernet (14), IPv4 (20), UDP (8), payload.
constexpr std::size_t kEtherType = 12, kVersion = 14, kProtocol = 23, kSourcePort = 34, kTargetPort = 36, kPayload = 42;

// What the sending program and we share. Times are in nanoseconds, as Instant has them.
struct SourceState {
    std::uint64_t due, period;   // of the next batch
    std::uint64_t batch, left;   // frames of one, and of this one
    std::uint64_t sent, late;
};

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

// Runs over and over. When a batch is due, every run is a frame, the next of the map's, over what the last run left;
// else it is nothing.
std::vector<bpf_insn> source_program(const Object& frames, const Object& shared, std::uint32_t count, std::uint32_t burst) {
    using Source = SourceState;
    Assembly a;
    Assembly::Label drop, send, in_time;
    a.add(move(R6, R1));
    a.add(set(R7, 0));
    a.look_up(shared, R7);
    a.jump_if_null(R0, drop);
    a.add(move(R7, R0));
    a.add(load(BPF_DW, R9, R7, offsetof(Source, left)));
    a.jump_if(BPF_JNE, R9, 0, send);

    a.add(call(BPF_FUNC_ktime_get_boot_ns));
    a.add(load(BPF_DW, R1, R7, offsetof(Source, due)));
    a.jump_if(BPF_JLT, R0, R1, drop);
    a.add(with(BPF_SUB, R0, R1));
    a.add(load(BPF_DW, R2, R7, offsetof(Source, period)));
    a.add(with(BPF_ADD, R1, R2));
    a.add(store(BPF_DW, R7, offsetof(Source, due), R1));
    a.add(load(BPF_DW, R9, R7, offsetof(Source, batch)));
    a.add(set(R3, kLateNanoseconds));
    a.jump_if(BPF_JLE, R0, R3, in_time);
    a.add(load(BPF_DW, R4, R7, offsetof(Source, late)));
    a.add(with(BPF_ADD, R4, 1));
    a.add(store(BPF_DW, R7, offsetof(Source, late), R4));
    a.here(in_time);

    a.here(send);
    a.add(with(BPF_SUB, R9, 1));
    a.add(store(BPF_DW, R7, offsetof(Source, left), R9));
    a.add(load(BPF_DW, R8, R7, offsetof(Source, sent)));
    a.add(move(R1, R8));
    a.add(with(BPF_ADD, R1, 1));
    a.add(store(BPF_DW, R7, offsetof(Source, sent), R1));
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

std::expected<void*, std::string> map_memory(const Object& map) {
    void* const memory = ::mmap(nullptr, kMapPage, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd(), 0);
    if (memory == MAP_FAILED) return std::unexpected("bpf map memory: " + error_text(errno));
    return memory;
}

// Ends the system call that sends; nothing else.
void wake_up(int) {}

}  // namespace

struct FrameInterface::Source : SourceState {};

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
    const auto memory = map_memory(f.count_);
    if (!memory) return std::unexpected(fmt::format("interface '{}': {}", where, memory.error()));
    f.arrived_ = static_cast<const volatile std::uint64_t*>(*memory);
    auto sink = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "bench_sink", sink_program(f.count_, expected));
    if (!sink) return std::unexpected(fmt::format("interface '{}': {}", where, sink.error()));
    f.sink_ = std::move(*sink);
    auto link = bpf::attach(f.sink_, BPF_XDP, f.index_, XDP_FLAGS_DRV_MODE);
    if (!link) return std::unexpected(fmt::format("interface '{}': {}", where, link.error()));
    f.sink_link_ = std::move(*link);
    return made;
}

FrameInterface::~FrameInterface() {
    static_cast<void>(stop());
    if (arrived_ != nullptr) ::munmap(const_cast<std::uint64_t*>(arrived_), kMapPage);
    if (shared_ != nullptr) ::munmap(const_cast<Source*>(shared_), kMapPage);
}

std::expected<void, std::string> FrameInterface::load(const std::vector<Bytes>& frames, std::uint32_t burst) {
    const auto count = static_cast<std::uint32_t>(frames.size());
    auto map = create_map(BPF_MAP_TYPE_ARRAY, kFrameMin, count, 0);
    auto shared = create_map(BPF_MAP_TYPE_ARRAY, sizeof(SourceState), 1, BPF_F_MMAPABLE);
    if (!map || !shared) return std::unexpected(!map ? map.error() : shared.error());
    for (std::uint32_t i = 0; i < count; ++i) {
        bpf_attr attributes{};
        attributes.map_fd = static_cast<std::uint32_t>(map->fd());
        attributes.key = bpf::pointer(&i);
        attributes.value = bpf::pointer(frames[i].data());
        if (call_kernel(BPF_MAP_UPDATE_ELEM, attributes) != 0) return std::unexpected("bpf map: " + error_text(errno));
    }
    const auto memory = map_memory(*shared);
    if (!memory) return std::unexpected(memory.error());
    auto program = load_program(BPF_PROG_TYPE_XDP, BPF_XDP, "bench_source", source_program(*map, *shared, count, burst));
    if (!program) return std::unexpected(program.error());
    frames_ = std::move(*map);
    state_ = std::move(*shared);
    shared_ = static_cast<volatile Source*>(*memory);
    source_ = std::move(*program);
    frame_ = frames.front();
    return {};
}

void FrameInterface::start(const Schedule& schedule, Instant now) {
    struct sigaction action{};
    action.sa_handler = &wake_up;  // without SA_RESTART
    ::sigaction(kStopSignal, &action, nullptr);
    shared_->due = static_cast<std::uint64_t>(now.time_since_epoch().count());
    shared_->period = static_cast<std::uint64_t>(1e9 * schedule.batch / schedule.frames_per_second);
    shared_->batch = schedule.batch;
    shared_->left = 0;
    stopping_ = false;
    std::packaged_task<std::expected<void, std::string>()> task{[this] { return send_until_stopped(); }};
    outcome_ = task.get_future();
    thread_ = std::thread{std::move(task)};
}

std::expected<void, std::string> FrameInterface::send_until_stopped() {
    const auto inside = InNamespace::enter(namespace_);
    if (!inside) return std::unexpected(inside.error());
    while (!stopping_) {
        xdp_md context{};
        context.data_end = static_cast<std::uint32_t>(frame_.size());
        context.ingress_ifindex = static_cast<std::uint32_t>(index_);
        bpf_attr attributes{};
        attributes.test.prog_fd = static_cast<std::uint32_t>(source_.fd());
        attributes.test.data_in = bpf::pointer(frame_.data());
        attributes.test.data_size_in = static_cast<std::uint32_t>(frame_.size());
        attributes.test.ctx_in = bpf::pointer(&context);
        attributes.test.ctx_size_in = sizeof context;
        attributes.test.repeat = kRuns;
        attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
        attributes.test.batch_size = kBatch;
        if (call_kernel(BPF_PROG_TEST_RUN, attributes) != 0 && errno != EINTR) {
            return std::unexpected("sending frames: " + error_text(errno));
        }
    }
    return {};
}

std::expected<void, std::string> FrameInterface::stop() {
    if (!thread_.joinable()) return {};
    stopping_ = true;
    // It may be just about to make the call: it is asked until it has ended.
    while (outcome_.wait_for(1ms) != std::future_status::ready) ::pthread_kill(thread_.native_handle(), kStopSignal);
    thread_.join();
    return outcome_.get();
}

std::uint64_t FrameInterface::sent() const noexcept { return shared_ == nullptr ? 0 : shared_->sent; }
std::uint64_t FrameInterface::late_batches() const noexcept { return shared_ == nullptr ? 0 : shared_->late; }
std::uint64_t FrameInterface::arrived() const noexcept { return *arrived_; }

}  // namespace turnpike::bench
