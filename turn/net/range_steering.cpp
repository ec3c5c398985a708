#include "turn/net/range_steering.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace turnpike::net {
namespace {

// An array map's elements are eight bytes at least: four ports share one.
constexpr std::uint32_t kElementBytes = 8;
constexpr std::uint32_t kPortsPerElement = kElementBytes / sizeof(std::uint16_t);
constexpr std::uint32_t kElementsPerAddress = RangeSteering::kPorts / kPortsPerElement;
constexpr std::size_t kWorkersMax = UINT16_MAX;

std::string refused(const std::string& what, int error) {
    return what + ": " + std::strerror(error);
}

// A word of an address as the context has it: in network order.
std::uint32_t word(const IpAddress& address, std::size_t index) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, address.raw().data() + 4 * index, sizeof value);
    return value;
}

std::vector<bpf_insn> steering_program(const std::vector<IpAddress>& addresses,
                                       const bpf::Object& ports, const bpf::Object& sockets) {
    using namespace bpf;
    Assembly a;
    Assembly::Label pass, ours, v6, socket_known;
    a.add(move(R6, R1));
    a.add(load(BPF_W, R2, R6, offsetof(bpf_sk_lookup, protocol)));
    a.jump_if(BPF_JNE, R2, IPPROTO_UDP, pass);
    a.add(load(BPF_W, R8, R6, offsetof(bpf_sk_lookup, family)));
    a.jump_if(BPF_JNE, R8, AF_INET, v6);

    // r7: the first element of the address
    const auto base = [](std::size_t index) {
        return static_cast<std::int32_t>(index * kElementsPerAddress);
    };
    a.add(load(BPF_W, R2, R6, offsetof(bpf_sk_lookup, local_ip4)));
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (!addresses[i].is_v4()) continue;
        a.add(set(R7, base(i)));
        a.jump_if(BPF_JEQ, R2, word(addresses[i], 0), ours);
    }
    a.jump(pass);
    a.here(v6);
    for (std::size_t w = 0; w < 4; ++w) {
        a.add(load(BPF_W, static_cast<Register>(R2 + w), R6,
                   offsetof(bpf_sk_lookup, local_ip6) + 4 * w));
    }
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        if (addresses[i].is_v4()) continue;
        Assembly::Label next;
        a.add(set(R7, base(i)));
        for (std::size_t w = 0; w < 3; ++w)
            a.jump_if(BPF_JNE, static_cast<Register>(R2 + w), word(addresses[i], w), next);
        a.jump_if(BPF_JEQ, R5, word(addresses[i], 3), ours);
        a.here(next);
    }
    a.jump(pass);

    a.here(ours);
    a.add(load(BPF_W, R2, R6, offsetof(bpf_sk_lookup, local_port)));  // in host order
    a.add(move(R9, R2));
    a.add(with(BPF_AND, R9, kPortsPerElement - 1));
    a.add(with(BPF_LSH, R9, 1));
    a.add(with(BPF_RSH, R2, 2));
    a.add(with(BPF_ADD, R7, R2));
    a.look_up(ports, R7);
    a.jump_if_null(R0, pass);
    a.add(with(BPF_ADD, R0, R9));
    a.add(load(BPF_H, R7, R0, 0));
    a.jump_if(BPF_JEQ, R7, 0, pass);

    a.add(with(BPF_SUB, R7, 1));  // worker
    a.add(with(BPF_LSH, R7, 1));
    a.jump_if(BPF_JEQ, R8, AF_INET, socket_known);
    a.add(with(BPF_OR, R7, 1));
    a.here(socket_known);
    a.look_up(sockets, R7);
    a.jump_if_null(R0, pass);
    a.add(move(R7, R0));
    a.add(move(R1, R6));
    a.add(move(R2, R0));
    a.add(set(R3, 0));  // a program before this one may have chosen already: that stays
    a.add(call(BPF_FUNC_sk_assign));
    a.add(move(R1, R7));
    a.add(call(BPF_FUNC_sk_release));
    a.here(pass);
    a.give_back(SK_PASS);
    return a.program();
}

}  // namespace

std::expected<std::unique_ptr<RangeSteering>, std::string> RangeSteering::attach(
    std::vector<IpAddress> addresses, unsigned workers) {
    for (const IpAddress& address : addresses) {
        if (address.is_unspecified()) {
            return std::unexpected{"the relay address " + address.to_string() +
                                   " is no certain one"};
        }
    }
    if (workers > kWorkersMax) return std::unexpected{"more than 65,535 workers"};
    std::unique_ptr<RangeSteering> steering{new RangeSteering{std::move(addresses)}};
    RangeSteering& s = *steering;
    const auto elements = static_cast<std::uint32_t>(s.addresses_.size()) * kElementsPerAddress;
    auto ports = bpf::create_map(BPF_MAP_TYPE_ARRAY, kElementBytes, elements, BPF_F_MMAPABLE);
    if (!ports) return std::unexpected{ports.error()};
    void* const memory = ::mmap(nullptr, std::size_t{elements} * kElementBytes,
                                PROT_READ | PROT_WRITE, MAP_SHARED, ports->fd(), 0);
    if (memory == MAP_FAILED) return std::unexpected{refused("bpf map memory", errno)};
    s.ports_ = static_cast<std::uint16_t*>(memory);
    s.ports_map_ = std::move(*ports);

    auto sockets = bpf::create_map(BPF_MAP_TYPE_SOCKMAP, sizeof(std::uint32_t), 2 * workers, 0);
    if (!sockets) return std::unexpected{sockets.error()};
    s.sockets_map_ = std::move(*sockets);
    const auto program =
        bpf::load_program(BPF_PROG_TYPE_SK_LOOKUP, BPF_SK_LOOKUP, "turnpike_range",
                          steering_program(s.addresses_, s.ports_map_, s.sockets_map_));
    if (!program) return std::unexpected{program.error()};
    // The thread's, which in a test may differ from the process's.
    s.network_ = FileDescriptor{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!s.network_) return std::unexpected{refused("/proc/thread-self/ns/net", errno)};
    auto link = bpf::attach(*program, BPF_SK_LOOKUP, s.network_.get());
    if (!link) return std::unexpected{link.error()};
    s.link_ = std::move(*link);
    return steering;
}

RangeSteering::~RangeSteering() {
    if (ports_ != nullptr) ::munmap(ports_, places() * sizeof *ports_);
}

std::expected<void, std::string> RangeSteering::add(unsigned worker, Family family, int fd) {
    const std::uint32_t key = 2 * worker + (family == Family::V6 ? 1 : 0);
    const auto value = static_cast<std::uint32_t>(fd);
    bpf_attr attributes{};
    attributes.map_fd = static_cast<std::uint32_t>(sockets_map_.fd());
    attributes.key = bpf::pointer(&key);
    attributes.value = bpf::pointer(&value);
    attributes.flags = BPF_ANY;
    if (bpf::call_kernel(BPF_MAP_UPDATE_ELEM, attributes) != 0)
        return std::unexpected{refused("bpf socket map", errno)};
    return {};
}

bool RangeSteering::alone() const noexcept {
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<std::uint32_t>(network_.get());
    attributes.query.attach_type = BPF_SK_LOOKUP;
    return bpf::call_kernel(BPF_PROG_QUERY, attributes) == 0 && attributes.query.prog_cnt <= 1;
}

void RangeSteering::set(std::size_t place, unsigned worker) noexcept {
    std::atomic_ref{ports_[place]}.store(static_cast<std::uint16_t>(worker + 1),
                                         std::memory_order_release);
}

void RangeSteering::clear(std::size_t place) noexcept {
    std::atomic_ref{ports_[place]}.store(0, std::memory_order_release);
}

std::optional<unsigned> RangeSteering::owner(std::size_t place) const noexcept {
    const std::uint16_t worker = std::atomic_ref{ports_[place]}.load(std::memory_order_relaxed);
    if (worker == 0) return {};
    return worker - 1U;
}

}  // namespace turnpike::net
