#include "common/base/bpf.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace turnpike::bpf {
namespace {

constexpr std::size_t kVerifierLog = 64 * 1024;

std::string refused(const char* what, int error) { return std::string{what} + ": " + std::strerror(error); }

}  // namespace

Object::~Object() {
    if (fd_ >= 0) ::close(fd_);
}

void Assembly::jump_if(int comparison, Register left, std::uint32_t right, Label& to) {
    to.jumps_.push_back(program_.size());
    add(op(BPF_JMP32 | comparison | BPF_K, left, 0, 0, static_cast<std::int32_t>(right)));
}
void Assembly::jump_if(int comparison, Register left, Register right, Label& to) {
    to.jumps_.push_back(program_.size());
    add(op(BPF_JMP | comparison | BPF_X, left, right, 0, 0));
}
void Assembly::jump_if_null(Register value, Label& to) {
    to.jumps_.push_back(program_.size());
    add(op(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0, 0));
}
void Assembly::jump(Label& to) {
    to.jumps_.push_back(program_.size());
    add(op(BPF_JMP | BPF_JA, 0, 0, 0, 0));
}
void Assembly::here(Label& label) {
    for (const std::size_t at : label.jumps_) program_[at].off = static_cast<std::int16_t>(program_.size() - at - 1);
}
void Assembly::look_up(const Object& map, Register key) {
    add(op(BPF_STX | BPF_MEM | BPF_W, R10, key, -4, 0));
    add(op(BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, map.fd()));
    add({});  // the upper half
    add(move(R2, R10));
    add(with(BPF_ADD, R2, -4));
    add(bpf::call(BPF_FUNC_map_lookup_elem));
}
void Assembly::give_back(std::int32_t value) {
    add(set(R0, value));
    add(op(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

int call_kernel(bpf_cmd command, bpf_attr& attributes) noexcept {
    return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::expected<Object, std::string> create_map(bpf_map_type type, std::uint32_t value_bytes, std::uint32_t entries,
                                              std::uint32_t flags) {
    bpf_attr attributes{};
    attributes.map_type = type;
    attributes.key_size = sizeof(std::uint32_t);
    attributes.value_size = value_bytes;
    attributes.max_entries = entries;
    attributes.map_flags = flags;
    Object map{call_kernel(BPF_MAP_CREATE, attributes)};
    if (map.fd() < 0) return std::unexpected{refused("bpf map", errno)};
    return map;
}

std::expected<Object, std::string> load_program(bpf_prog_type type, bpf_attach_type attach_type, const char* name,
                                                const std::vector<bpf_insn>& program) {
    bpf_attr attributes{};
    attributes.prog_type = type;
    attributes.expected_attach_type = attach_type;
    attributes.insns = pointer(program.data());
    attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
    attributes.license = pointer("MIT");
    std::strncpy(attributes.prog_name, name, sizeof attributes.prog_name - 1);
    Object loaded{call_kernel(BPF_PROG_LOAD, attributes)};
    if (loaded.fd() >= 0) return loaded;
    const int error = errno;
    if (error == EPERM) return std::unexpected{refused("bpf program", error)};
    // Once more, for what the verifier has to say.
    std::string log(kVerifierLog, '\0');
    attributes.log_buf = pointer(log.data());
    attributes.log_size = static_cast<std::uint32_t>(log.size());
    attributes.log_level = 1;
    loaded = Object{call_kernel(BPF_PROG_LOAD, attributes)};
    if (loaded.fd() >= 0) return loaded;
    log.resize(std::strlen(log.c_str()));
    std::string why = refused("bpf program", error);
    if (!log.empty()) why += "; the verifier says: " + log;
    return std::unexpected{why};
}

std::expected<Object, std::string> attach(const Object& program, bpf_attach_type type, int target, std::uint32_t flags) {
    bpf_attr attributes{};
    attributes.link_create.prog_fd = static_cast<std::uint32_t>(program.fd());
    attributes.link_create.target_fd = static_cast<std::uint32_t>(target);
    attributes.link_create.attach_type = type;
    attributes.link_create.flags = flags;
    Object link{call_kernel(BPF_LINK_CREATE, attributes)};
    if (link.fd() < 0) return std::unexpected{refused("bpf link", errno)};
    return link;
}

}  // namespace turnpike::bpf
