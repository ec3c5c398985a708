#include "benchmarks/load/datagram_link.hpp"

#include <fmt/format.h>

namespace turnpike::bench {

std::size_t DatagramLink::receive(const OnMessage& on_message) {
    return port_->receive(
        [&](std::uint32_t client, SocketName&, ByteView bytes) { on_message(client, bytes); });
}

std::string DatagramLink::failure() {
    const int error = port_->unreachable();
    return error == 0 ? std::string{}
                      : fmt::format("{}: {}", server_.to_string(), error_text(error));
}

}  // namespace turnpike::bench
