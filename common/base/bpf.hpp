#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

// eBPF programs that are few instructions long, as tables, and the bpf system call that loads them: no compiler
// for them is needed where Turnpike is built.
namespace turnpike::bpf {

enum Register : std::uint8_t { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/// An open program, map or link; it ends with this.
class Object {
public:
    Object() = default;
    explicit Object(int fd) noexcept : fd_(fd) {}
    Object(Object&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Object& operator=(Object&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Object();
    int fd() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

constexpr bpf_insn op(int code, std::uint8_t to, std::uint8_t from, int offset, std::int32_t value) noexcept {
    bpf_insn one{};
    one.code = static_cast<std::uint8_t>(code);
    one.dst_reg = to & 0x0F;
    one.src_reg = from & 0x0F;
    one.off = static_cast<std::int16_t>(offset);
    one.imm = value;
    return one;
}
/// `size` is BPF_B, BPF_H, BPF_W or BPF_DW.
constexpr bpf_insn load(int size, Register to, Register from, std::size_t offset) noexcept {
    return op(BPF_LDX | BPF_MEM | size, to, from, static_cast<int>(offset), 0);
}
constexpr bpf_insn store(int size, Register to, std::size_t offset, Register from) noexcept {
    return op(BPF_STX | BPF_MEM | size, to, from, static_cast<int>(offset), 0);
}
constexpr bpf_insn move(Register to, Register from) noexcept { return op(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
constexpr bpf_insn set(Register to, std::int32_t value) noexcept { return op(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
/// `operation` is BPF_ADD and the like.
constexpr bpf_insn with(int operation, Register to, std::int32_t value) noexcept {
    return op(BPF_ALU64 | operation | BPF_K, to, 0, 0, value);
}
constexpr bpf_insn with(int operation, Register to, Register from) noexcept {
    return op(BPF_ALU64 | operation | BPF_X, to, from, 0, 0);
}
constexpr bpf_insn call(bpf_func_id function) noexcept { return op(BPF_JMP | BPF_CALL, 0, 0, 0, function); }

/// A program with forward jumps to places that are named before they are there.
class Assembly {
public:
    class Label {
        friend class Assembly;
        std::vector<std::size_t> jumps_;
    };

    void add(bpf_insn one) { program_.push_back(one); }
    /// Compares the lower 32 bits.
    void jump_if(int comparison, Register left, std::uint32_t right, Label& to);
    /// Compares 64 bits.
    void jump_if(int comparison, Register left, Register right, Label& to);
    void jump_if_null(Register pointer, Label& to);
    void jump(Label& to);
    void here(Label& label);
    /// r0 = the element of `map` whose number is in `key`, or null. Spoils r1 to r5.
    void look_up(const Object& map, Register key);
    void give_back(std::int32_t value);  // and exit
    const std::vector<bpf_insn>& program() const noexcept { return program_; }

private:
    std::vector<bpf_insn> program_;
};

/// Errors  a sentence, with the verifier's where it has one
std::expected<Object, std::string> create_map(bpf_map_type type, std::uint32_t value_bytes, std::uint32_t entries,
                                              std::uint32_t flags);
std::expected<Object, std::string> load_program(bpf_prog_type type, bpf_attach_type attach, const char* name,
                                                const std::vector<bpf_insn>& program);
/// `target` is a descriptor or an interface's index, as the attachment wants it.
std::expected<Object, std::string> attach(const Object& program, bpf_attach_type type, int target, std::uint32_t flags = 0);

/// The system call itself; errno when negative.
int call_kernel(bpf_cmd command, bpf_attr& attributes) noexcept;
inline std::uint64_t pointer(const void* to) noexcept { return reinterpret_cast<std::uintptr_t>(to); }

}  // namespace turnpike::bpf
