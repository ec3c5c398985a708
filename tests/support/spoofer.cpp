// Sends UDP datagrams with source addresses and ports that are not its own: what a relay gets when somebody floods it
// or would use it to flood somebody else. Only inside a network namespace.
//
//   spoofer ADDRESS PORT COUNT PER_SECOND < payloads        one a line, in hexadecimal, taken in turn
//
// The sources are random in 100.64.0.0/10, so that no two packets are likely to share one. A Binding's or an
// Allocate's transaction id is filled with random bytes. Prints how many left.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Payload = std::vector<std::uint8_t>;
constexpr std::size_t kBatch = 64, kHeaders = sizeof(iphdr) + sizeof(udphdr), kPayloadMax = 1400;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

// A machine's own network is nobody's test bed.
bool in_own_namespace() {
    struct stat own {}, first {};
    if (::stat("/proc/self/ns/net", &own) != 0) fail("/proc/self/ns/net");
    return ::stat("/proc/1/ns/net", &first) != 0 || own.st_ino != first.st_ino;
}

std::vector<Payload> read_payloads() {
    std::vector<Payload> all;
    for (std::string line; std::getline(std::cin, line);) {
        Payload payload;
        for (std::size_t i = 0; i + 1 < line.size() && payload.size() < kPayloadMax; i += 2) {
            payload.push_back(static_cast<std::uint8_t>(std::stoul(line.substr(i, 2), nullptr, 16)));
        }
        all.push_back(std::move(payload));
    }
    return all;
}

struct Packet {
    std::array<std::uint8_t, kHeaders + kPayloadMax> bytes{};
    iovec piece{};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5 || !in_own_namespace()) {
        std::fprintf(stderr, "usage: spoofer ADDRESS PORT COUNT PER_SECOND < payloads, in a network namespace of its own\n");
        return 2;
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    if (::inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) return 2;
    const auto port = static_cast<std::uint16_t>(std::stoul(argv[2]));
    const std::uint64_t count = std::stoull(argv[3]), per_second = std::stoull(argv[4]);
    const std::vector<Payload> payloads = read_payloads();
    if (payloads.empty() || per_second == 0) return 2;

    const int fd = ::socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (fd < 0) fail("socket");
    std::mt19937_64 random{std::random_device{}()};
    std::vector<Packet> packets(kBatch);
    std::vector<mmsghdr> batch(kBatch);
    std::uint64_t sent = 0, made = 0;
    const auto began = std::chrono::steady_clock::now();
    while (sent < count) {
        const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(kBatch, count - sent));
        for (std::size_t i = 0; i < size; ++i) {
            const Payload& payload = payloads[made++ % payloads.size()];
            Packet& packet = packets[i];
            const std::uint64_t chance = random();
            iphdr ip{};
            ip.version = 4;
            ip.ihl = 5;
            ip.ttl = 64;
            ip.protocol = IPPROTO_UDP;
            ip.tot_len = htons(static_cast<std::uint16_t>(kHeaders + payload.size()));
            ip.saddr = htonl(0x6440'0000U | (static_cast<std::uint32_t>(chance) & 0x003F'FFFFU));
            ip.daddr = to.sin_addr.s_addr;
            udphdr udp{};  // without a checksum, which IPv4 allows
            udp.source = htons(static_cast<std::uint16_t>(1024 + (chance >> 32) % 64'000));
            udp.dest = htons(port);
            udp.len = htons(static_cast<std::uint16_t>(sizeof udp + payload.size()));
            std::memcpy(packet.bytes.data(), &ip, sizeof ip);
            std::memcpy(packet.bytes.data() + sizeof ip, &udp, sizeof udp);
            if (!payload.empty()) std::memcpy(packet.bytes.data() + kHeaders, payload.data(), payload.size());
            if (payload.size() >= 20 && payload[0] < 4) {
                const std::uint64_t id[2] = {random(), random()};
                std::memcpy(packet.bytes.data() + kHeaders + 8, id, 12);
            }
            packet.piece = {packet.bytes.data(), kHeaders + payload.size()};
            batch[i].msg_hdr = {&to, sizeof to, &packet.piece, 1, nullptr, 0, 0};
        }
        const int left = ::sendmmsg(fd, batch.data(), static_cast<unsigned>(size), 0);
        if (left < 0 && errno != ENOBUFS && errno != EINTR) fail("sendmmsg");
        if (left > 0) sent += static_cast<std::uint64_t>(left);
        std::this_thread::sleep_until(began + std::chrono::nanoseconds{sent * 1'000'000'000ULL / per_second});
    }
    std::printf("%llu\n", static_cast<unsigned long long>(sent));
    ::close(fd);
}
