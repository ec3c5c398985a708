#include "tests/turn/net/own_network_support.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "common/base/clock.hpp"
#include "common/base/endpoint.hpp"
#include "turn/net/file_descriptor.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net::testing {
namespace {

// What linux/ipv6.h has, which does not go with netinet/in.h.
struct AddressOfInterface {
    in6_addr address;
    std::uint32_t prefix_length;
    int interface;
};

// The kernel looks a new address over in the background before it lets anybody bind to it.
bool usable(const Endpoint& local) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!open_udp(local, {})) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

bool set_up(int mtu, const std::vector<std::string>& addresses) {
    const FileDescriptor v4{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq lo{};
    std::strcpy(lo.ifr_name, "lo");
    lo.ifr_mtu = mtu;
    if (::ioctl(v4.get(), SIOCSIFMTU, &lo) != 0) return false;
    lo.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(v4.get(), SIOCSIFFLAGS, &lo) != 0) return false;
    const FileDescriptor v6{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    for (const std::string& text : addresses) {
        AddressOfInterface more{{}, 128, static_cast<int>(::if_nametoindex("lo"))};
        const auto address = IpAddress::parse(text).value();
        std::memcpy(&more.address, address.raw().data(), 16);
        if (::ioctl(v6.get(), SIOCSIFADDR, &more) != 0 || !usable({address, 0})) return false;
    }
    return true;
}

}  // namespace

std::string in_own_network(int mtu, const std::vector<std::string>& addresses, const std::function<void()>& body) {
    std::string why;
    std::thread{[&] {
        if (::unshare(CLONE_NEWNET) != 0) why = std::string{"no network namespace: "} + std::strerror(errno);
        else if (!set_up(mtu, addresses)) why = std::string{"no loopback: "} + std::strerror(errno);
        else body();
    }}.join();
    return why;
}

}  // namespace turnpike::net::testing
