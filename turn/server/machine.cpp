#include "turn/server/machine.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace turnpike::relay {
namespace {

/// The source address that the routing table has for `towards`: connect() on UDP asks and sends
/// nothing.
std::optional<IpAddress> source_towards(const Endpoint& towards) {
    sockaddr_storage address{};
    const socklen_t size = towards.to(address);
    const int fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return {};
    std::optional<IpAddress> source;
    sockaddr_storage local{};
    socklen_t local_size = sizeof local;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) == 0) {
        source = Endpoint::from(reinterpret_cast<const sockaddr&>(local)).address;
    }
    ::close(fd);
    return source;
}

/// The network's own address and the broadcast address of an interface's IPv4 subnet. In a subnet
/// of two (RFC 3021) both are hosts.
void add_ends(std::vector<IpAddress>& network, const ifaddrs& interface) {
    if (interface.ifa_addr->sa_family != AF_INET || !interface.ifa_netmask) return;
    const std::uint32_t own = load_u32(Endpoint::from(*interface.ifa_addr).address.bytes(), 0);
    const std::uint32_t mask = load_u32(Endpoint::from(*interface.ifa_netmask).address.bytes(), 0);
    if (mask >= 0xFFFF'FFFE || mask == 0) return;
    network.push_back(IpAddress::v4(own & mask));
    network.push_back(IpAddress::v4(own | ~mask));
}

/// The default gateways, from the kernel's tables: addresses in hexadecimal, those of IPv4 in the
/// machine's byte order.
void add_gateways(std::vector<IpAddress>& network) {
    std::ifstream v4{"/proc/net/route"};
    std::string line;
    std::getline(v4, line);  // the heading
    while (std::getline(v4, line)) {
        std::istringstream fields{line};
        std::string interface;
        std::uint32_t destination = 0, gateway = 0;
        if (!(fields >> interface >> std::hex >> destination >> gateway)) continue;
        if (destination == 0 && gateway != 0) network.push_back(IpAddress::v4(ntohl(gateway)));
    }
    std::ifstream v6{"/proc/net/ipv6_route"};
    while (std::getline(v6, line)) {
        std::istringstream fields{line};
        std::string destination, length, source, source_length, gateway;
        if (!(fields >> destination >> length >> source >> source_length >> gateway)) continue;
        if (length != "00" || gateway.size() != 32) continue;
        std::array<std::uint8_t, 16> raw{};
        for (std::size_t i = 0; i < raw.size(); ++i) {
            std::from_chars(gateway.data() + 2 * i, gateway.data() + 2 * i + 2, raw[i], 16);
        }
        network.push_back(IpAddress::v6(raw));
    }
}

void add_resolvers(std::vector<IpAddress>& network) {
    std::ifstream file{"/etc/resolv.conf"};
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields{line};
        std::string key, value;
        if (!(fields >> key >> value) || key != "nameserver") continue;
        if (const auto address = IpAddress::parse(value.substr(0, value.find('%'))))
            network.push_back(*address);
    }
}

}  // namespace

Machine Machine::look() {
    Machine machine;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) == 0) {
        for (const ifaddrs* at = list; at; at = at->ifa_next) {
            if (!at->ifa_addr ||
                (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
                continue;
            const IpAddress address = Endpoint::from(*at->ifa_addr).address;
            if (std::find(machine.addresses.begin(), machine.addresses.end(), address) ==
                machine.addresses.end())
                machine.addresses.push_back(address);
            add_ends(machine.network, *at);
        }
        ::freeifaddrs(list);
    }
    add_gateways(machine.network);
    add_resolvers(machine.network);
    std::erase_if(machine.network, [](const IpAddress& a) { return a.is_unspecified(); });
    // Any public address does: the route decides.
    machine.default_v4 = source_towards({*IpAddress::parse("1.1.1.1"), 53});
    machine.default_v6 = source_towards({*IpAddress::parse("2606:4700:4700::1111"), 53});
    return machine;
}

bool Machine::has(const IpAddress& address) const {
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) return true;
    // All of 127.0.0.0/8 belongs to the loopback interface, which lists one of it.
    if (address.is_v4() && address.is_loopback()) {
        return std::any_of(addresses.begin(), addresses.end(),
                           [](const IpAddress& a) { return a.is_v4() && a.is_loopback(); });
    }
    return false;
}

}  // namespace turnpike::relay
