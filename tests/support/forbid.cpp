// Runs a command with system calls that a container's seccomp profile may forbid: they fail with EPERM.
//
//   forbid bpf|raw COMMAND...      bpf(2); IPv4 and IPv6 sockets of the type SOCK_RAW

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>

int main(int argc, char** argv) {
    const bool bpf = argc > 2 && std::strcmp(argv[1], "bpf") == 0, raw = argc > 2 && std::strcmp(argv[1], "raw") == 0;
    if (!bpf && !raw) {
        std::fprintf(stderr, "usage: forbid bpf|raw COMMAND...\n");
        return 2;
    }
    const std::uint32_t call = bpf ? SYS_bpf : SYS_socket;
    sock_filter program[] = {
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
        {BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint8_t>(bpf ? 6 : 0), 7, call},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[0])},  // not netlink's
        {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_INET},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 4, AF_INET6},
        {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[1])},  // the type, and flags above it
        {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xF},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SOCK_RAW},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM},
        {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
    };
    const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        std::perror("seccomp");
        return 1;
    }
    ::execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    return 1;
}
