#include "turn/net/range_steering.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

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

int bpf(int command, bpf_attr& attributes) noexcept {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::string refused(const std::string& what, int error) {
    return what + ": " + std::strerror(error);
}

std::expected<FileDescriptor, std::string> create_map(bpf_map_type type, std::uint32_t value_bytes,
                                                      std::uint32_t entries, std::uint32_t flags) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = sizeof(std::uint32_t);
    attributes.value_size = value_bytes;
    attributes.max_entries = entries;
    attributes.map_flags = flags;
    FileDescriptor map{bpf(BPF_MAP_CREATE, attributes)};
    if (!map) return std::unexpected{refused("bpf map", errno)};
    return map;
}

// ---- the program ----

enum Register : std::uint8_t { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

constexpr bpf_insn op(int code, std::uint8_t to, std::uint8_t from, int offset,
                      std::int32_t value) noexcept {
    bpf_insn one{};
    one.code = static_cast<std::uint8_t>(code);
    one.dst_reg = to & 0x0F;
    one.src_reg = from & 0x0F;
    one.off = static_cast<std::int16_t>(offset);
    one.imm = value;
    return one;
}
constexpr bpf_insn load(int size, Register to, Register from, std::size_t offset) noexcept {
    return op(BPF_LDX | BPF_MEM | size, to, from, static_cast<int>(offset), 0);
}
constexpr bpf_insn move(Register to, Register from) noexcept {
    return op(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}
constexpr bpf_insn set(Register to, std::int32_t value) noexcept {
    return op(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn with(int operation, Register to, std::int32_t value) noexcept {
    return op(BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn with(int operation, Register to, Register from) noexcept {
    return op(BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
}
constexpr bpf_insn call(bpf_func_id function) noexcept {
    return op(BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

// A program with forward jumps to places that are named before they are there.
class Assembly {
public:
    class Label {
        friend class Assembly;
        std::vector<std::size_t> jumps_;
    };

    void add(bpf_insn one) { program_.push_back(one); }
    /// Compares the lower 32 bits.
    void jump_if(int comparison, Register left, std::uint32_t right, Label& to) {
        to.jumps_.push_back(program_.size());
        add(op(BPF_JMP32 | comparison | BPF_K, left, 0, 0, static_cast<std::int32_t>(right)));
    }
    void jump_if_null(Register pointer, Label& to) {
        to.jumps_.push_back(program_.size());
        add(op(BPF_JMP | BPF_JEQ | BPF_K, pointer, 0, 0, 0));
    }
    void jump(Label& to) {
        to.jumps_.push_back(program_.size());
        add(op(BPF_JMP | BPF_JA, 0, 0, 0, 0));
    }
    void here(Label& label) {
        for (const std::size_t at : label.jumps_)
            program_[at].off = static_cast<std::int16_t>(program_.size() - at - 1);
    }
    /// r0 = the element of `map` whose number is in `key`, or null. Spoils r1 to r5.
    void look_up(const FileDescriptor& map, Register key) {
        add(op(BPF_STX | BPF_MEM | BPF_W, R10, key, -4, 0));
        add(op(BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, map.get()));
        add({});  // the upper half
        add(move(R2, R10));
        add(with(BPF_ADD, R2, -4));
        add(call(BPF_FUNC_map_lookup_elem));
    }
    const std::vector<bpf_insn>& program() const noexcept { return program_; }

private:
    std::vector<bpf_insn> program_;
};

// A word of an address as the context has it: in network order.
std::uint32_t word(const IpAddress& address, std::size_t index) noexcept {
    std::uint32_t value = 0;
    std::memcpy(&value, address.raw().data() + 4 * index, sizeof value);
    return value;
}

std::vector<bpf_insn> steering_program(const std::vector<IpAddress>& addresses,
                                       const FileDescriptor& ports, const FileDescriptor& sockets) {
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
    a.add(set(R0, SK_PASS));
    a.add(op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
    return a.program();
}

std::uint64_t pointer(const void* to) noexcept {
    return reinterpret_cast<std::uintptr_t>(to);
}

std::expected<FileDescriptor, std::string> load_program(const std::vector<bpf_insn>& program) {
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
    attributes.expected_attach_type = BPF_SK_LOOKUP;
    attributes.insns = pointer(program.data());
    attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.license = pointer("MIT");
    std::memcpy(attributes.prog_name, "turnpike_range", sizeof "turnpike_range");
    FileDescriptor loaded{bpf(BPF_PROG_LOAD, attributes)};
    if (loaded) return loaded;
    const int error = errno;
    if (error == EPERM) return std::unexpected{refused("bpf program", error)};
    // Once more, for what the verifier has to say.
    std::string log(64 * 1024, '\0');
    attributes.log_buf = pointer(log.data());
    attributes.log_size = static_cast<std::uint32_t>(log.size());
    attributes.log_level = 1;
    loaded = FileDescriptor{bpf(BPF_PROG_LOAD, attributes)};
    if (loaded) return loaded;
    log.resize(std::strlen(log.c_str()));
    std::string why = refused("bpf program", error);
    if (!log.empty()) why += "; the verifier says: " + log;
    return std::unexpected{why};
}

std::expected<FileDescriptor, std::string> attach_program(const FileDescriptor& program,
                                                          const FileDescriptor& network) {
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<std::uint32_t>(program.get());
    attributes.link_create.target_fd = static_cast<std::uint32_t>(network.get());
    attributes.link_create.attach_type = BPF_SK_LOOKUP;
    FileDescriptor link{bpf(BPF_LINK_CREATE, attributes)};
    if (!link) return std::unexpected{refused("bpf link", errno)};
    return link;
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
    auto ports = create_map(BPF_MAP_TYPE_ARRAY, kElementBytes, elements, BPF_F_MMAPABLE);
    if (!ports) return std::unexpected{ports.error()};
    void* const memory = ::mmap(nullptr, std::size_t{elements} * kElementBytes,
                                PROT_READ | PROT_WRITE, MAP_SHARED, ports->get(), 0);
    if (memory == MAP_FAILED) return std::unexpected{refused("bpf map memory", errno)};
    s.ports_ = static_cast<std::uint16_t*>(memory);
    s.ports_map_ = std::move(*ports);

    auto sockets = create_map(BPF_MAP_TYPE_SOCKMAP, sizeof(std::uint32_t), 2 * workers, 0);
    if (!sockets) return std::unexpected{sockets.error()};
    s.sockets_map_ = std::move(*sockets);
    const auto program = load_program(steering_program(s.addresses_, s.ports_map_, s.sockets_map_));
    if (!program) return std::unexpected{program.error()};
    // The thread's, which in a test may differ from the process's.
    s.network_ = FileDescriptor{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!s.network_) return std::unexpected{refused("/proc/thread-self/ns/net", errno)};
    auto link = attach_program(*program, s.network_);
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
    attributes.map_fd = static_cast<std::uint32_t>(sockets_map_.get());
    attributes.key = pointer(&key);
    attributes.value = pointer(&value);
    attributes.flags = BPF_ANY;
    if (bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0)
        return std::unexpected{refused("bpf socket map", errno)};
    return {};
}

bool RangeSteering::alone() const noexcept {
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<std::uint32_t>(network_.get());
    attributes.query.attach_type = BPF_SK_LOOKUP;
    return bpf(BPF_PROG_QUERY, attributes) == 0 && attributes.query.prog_cnt <= 1;
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
