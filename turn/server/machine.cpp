#include "turn/server/machine.hpp"

#include <ifaddrs.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

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
        }
        ::freeifaddrs(list);
    }
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
