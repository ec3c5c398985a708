#include "benchmarks/load/local_target.hpp"

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>

#include "benchmarks/load/network_namespace.hpp"
#include "benchmarks/load/socket.hpp"

namespace turnpike::bench {
namespace {

struct Route {
    unsigned interface = 0;
    bool local = false, gateway = false;
};

// ip route get ADDRESS
std::optional<Route> ask_route(const IpAddress& address) {
    const Socket socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (socket.descriptor() < 0) return {};
    struct {
        nlmsghdr header{};
        rtmsg route{};
        std::array<std::uint8_t, 64> attributes{};
    } request;
    const std::size_t bytes = address.bytes().size();
    request.route.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
    request.route.rtm_dst_len = static_cast<unsigned char>(bytes * 8);
    rtattr destination{.rta_len = static_cast<unsigned short>(RTA_LENGTH(bytes)),
                       .rta_type = RTA_DST};
    std::memcpy(request.attributes.data(), &destination, sizeof destination);
    std::memcpy(request.attributes.data() + RTA_LENGTH(0), address.bytes().data(), bytes);
    request.header = {
        .nlmsg_len = static_cast<unsigned>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_SPACE(bytes)),
        .nlmsg_type = RTM_GETROUTE,
        .nlmsg_flags = NLM_F_REQUEST,
        .nlmsg_seq = 1,
        .nlmsg_pid = 0};
    if (::send(socket.descriptor(), &request, request.header.nlmsg_len, 0) < 0) return {};

    alignas(nlmsghdr) std::array<std::uint8_t, 4096> answer;
    const ssize_t size = ::recv(socket.descriptor(), answer.data(), answer.size(), 0);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
    if (size < 0 || !NLMSG_OK(header, static_cast<unsigned>(size)) ||
        header->nlmsg_type != RTM_NEWROUTE)
        return {};
    const auto* message = static_cast<const rtmsg*>(NLMSG_DATA(header));
    Route route{.interface = 0, .local = message->rtm_type == RTN_LOCAL, .gateway = false};
    auto left = static_cast<int>(RTM_PAYLOAD(header));
    for (const rtattr* a = RTM_RTA(message); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == RTA_OIF)
            std::memcpy(&route.interface, RTA_DATA(a), sizeof route.interface);
        if (a->rta_type == RTA_GATEWAY || a->rta_type == RTA_VIA || a->rta_type == RTA_MULTIPATH)
            route.gateway = true;
    }
    return route;
}

bool is_veth(unsigned interface) {
    const Socket socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    if (socket.descriptor() < 0 || ::if_indextoname(interface, request.ifr_name) == nullptr)
        return false;
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    request.ifr_data = reinterpret_cast<char*>(&info);
    return ::ioctl(socket.descriptor(), SIOCETHTOOL, &request) == 0 &&
           std::strcmp(info.driver, "veth") == 0;
}

}  // namespace

bool stays_here(const IpAddress& address, const std::string& netns) {
    if (address.is_loopback()) return true;
    const auto inside = InNamespace::enter(netns);
    if (!inside) return false;
    const auto route = ask_route(address);
    return route && (route->local || (!route->gateway && is_veth(route->interface)));
}

}  // namespace turnpike::bench
