#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "turn/net/udp_socket.hpp"

namespace turnpike::net {

/// The sockets of held ports, bound and deaf, so that no other process of the machine gets the port.
/// For the whole node: the worker that is asked for one may be another than the one that made it.
///
/// Threading  any; control plane only
class ReservedSockets {
public:
    void keep(UdpSocket socket) {
        const std::lock_guard lock{mutex_};
        const Endpoint local = socket.local;
        sockets_.insert_or_assign(local, std::move(socket));
    }
    /// Nothing when there is none.
    std::optional<UdpSocket> take(const Endpoint& local) {
        const std::lock_guard lock{mutex_};
        auto node = sockets_.extract(local);
        if (node.empty()) return {};
        return std::move(node.mapped());
    }

private:
    std::mutex mutex_;
    std::map<Endpoint, UdpSocket> sockets_;
};

}  // namespace turnpike::net
