#include "turn/net/steering.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <map>

#include "turn/net/listener_sockets.hpp"

namespace turnpike::net {
namespace {

constexpr unsigned kWorkers = 5;  // not a power of two

Endpoint endpoint(const std::string& text) { return Endpoint::parse(text).value(); }

FileDescriptor bind_to(int type, const Endpoint& from) {
    FileDescriptor fd{::socket(from.address.is_v4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0)};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage name{};
    const socklen_t size = from.to(name);
    EXPECT_EQ(0, ::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), size)) << strerror(errno);
    return fd;
}

bool readable(int fd, int timeout_ms) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, timeout_ms) == 1;
}

ListenerSockets open(Transport transport, const std::string& address) {
    Listener listener;
    listener.transport = transport;
    listener.address = endpoint(address);
    auto sockets = open_listener(listener, Steering{kWorkers}, Limits{});
    EXPECT_TRUE(sockets) << sockets.error().message;
    return std::move(*sockets);
}

// One datagram from a fresh source; the worker whose socket got it.
void expect_udp_agreement(const std::string& listen, const std::vector<std::string>& sources, int per_source) {
    ListenerSockets group = open(Transport::Udp, listen);
    const Steering steering{kWorkers};
    sockaddr_storage name{};
    const socklen_t size = group.bound.to(name);
    std::map<unsigned, int> seen;
    for (const std::string& source : sources) {
        for (int i = 0; i < per_source; ++i) {
            const FileDescriptor fd = bind_to(SOCK_DGRAM, endpoint(source));
            const Endpoint from = local_endpoint(fd.get());
            const unsigned expected = steering.worker_for(from);
            ASSERT_EQ(1, ::sendto(fd.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&name), size));
            ASSERT_TRUE(readable(group.udp[expected].fd.get(), 1000)) << from.to_string() << " should reach " << expected;
            char byte = 0;
            ASSERT_EQ(1, ::recv(group.udp[expected].fd.get(), &byte, 1, MSG_DONTWAIT));
            ++seen[expected];
        }
    }
    EXPECT_EQ(kWorkers, seen.size()) << "every worker gets some";
}

TEST(SteeringTest, KernelAndUserSpaceAgreeOnUdpOverIpv4) {
    std::vector<std::string> sources;
    for (int i = 1; i <= 50; ++i) sources.push_back("127.0." + std::to_string(i) + "." + std::to_string(2 * i) + ":0");
    expect_udp_agreement("127.0.0.1:0", sources, 60);
}

TEST(SteeringTest, KernelAndUserSpaceAgreeOnUdpOverIpv6) { expect_udp_agreement("[::1]:0", {"[::1]:0"}, 3000); }

void expect_tcp_agreement(const std::string& listen, const std::vector<std::string>& sources, int per_source) {
    ListenerSockets group = open(Transport::Tcp, listen);
    const Steering steering{kWorkers};
    sockaddr_storage name{};
    const socklen_t size = group.bound.to(name);
    for (const std::string& source : sources) {
        for (int i = 0; i < per_source; ++i) {
            const FileDescriptor fd = bind_to(SOCK_STREAM, endpoint(source));
            // RST at close: thousands of TIME_WAITs would use up the ports.
            const linger reset{1, 0};
            ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            ASSERT_EQ(0, ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size)) << strerror(errno);
            const Endpoint from = local_endpoint(fd.get());
            const unsigned expected = steering.worker_for(from);
            ASSERT_TRUE(readable(group.stream[expected].get(), 1000)) << from.to_string() << " should reach " << expected;
            const FileDescriptor accepted{::accept(group.stream[expected].get(), nullptr, nullptr)};
            ASSERT_TRUE(accepted);
        }
    }
}

TEST(SteeringTest, KernelAndUserSpaceAgreeOnTcp) {
    std::vector<std::string> sources;
    for (int i = 1; i <= 20; ++i) sources.push_back("127.1." + std::to_string(i) + ".7:0");
    expect_tcp_agreement("127.0.0.1:0", sources, 50);
    expect_tcp_agreement("[::1]:0", {"[::1]:0"}, 1000);
}

TEST(SteeringTest, PacketsWithIpOptionsAreSteeredAlike) {
    ListenerSockets group = open(Transport::Udp, "127.0.0.1:0");
    const Steering steering{kWorkers};
    sockaddr_storage name{};
    const socklen_t size = group.bound.to(name);
    for (int i = 0; i < 50; ++i) {
        const FileDescriptor fd = bind_to(SOCK_DGRAM, endpoint("127.0.0.1:0"));
        const std::uint8_t no_operation[4] = {1, 1, 1, 1};
        ASSERT_EQ(0, ::setsockopt(fd.get(), IPPROTO_IP, IP_OPTIONS, no_operation, sizeof no_operation));
        const unsigned expected = steering.worker_for(local_endpoint(fd.get()));
        ASSERT_EQ(1, ::sendto(fd.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&name), size));
        ASSERT_TRUE(readable(group.udp[expected].fd.get(), 1000));
        char byte = 0;
        ASSERT_EQ(1, ::recv(group.udp[expected].fd.get(), &byte, 1, 0));
    }
}

TEST(SteeringTest, OneWorkerGetsEverything) {
    EXPECT_EQ(0U, Steering{1}.worker_for(endpoint("192.0.2.1:1")));
    EXPECT_EQ(0U, Steering{1}.worker_for(endpoint("[2001:db8::1]:65535")));
}

// An unbalanced function would leave cores idle: each of 8 gets its eighth, give or take a tenth of it.
TEST(SteeringTest, SpreadsPortsOfOneAddressEvenly) {
    const Steering steering{8};
    for (const char* address : {"192.0.2.1:0", "[2001:db8::1]:0"}) {
        std::map<unsigned, int> counts;
        Endpoint source = endpoint(address);
        for (int port = 1024; port < 65536; ++port) {
            source.port = static_cast<std::uint16_t>(port);
            ++counts[steering.worker_for(source)];
        }
        for (const auto& [worker, count] : counts) EXPECT_NEAR(64512 / 8, count, 806) << worker << ' ' << address;
    }
}

}  // namespace
}  // namespace turnpike::net
