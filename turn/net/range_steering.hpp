#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bpf.hpp"
#include "common/base/endpoint.hpp"
#include "turn/net/file_descriptor.hpp"

namespace turnpike::net {

/// Which worker gets what peers send to each port of the relay addresses: an eBPF program of the
/// kind sk_lookup, which the kernel asks before it looks for a socket, and the map that it reads.
///
/// A port without a worker is none of the program's business: a socket that has it works, and
/// without one the kernel answers ICMP port unreachable. Programs of other processes go on beside
/// it. It ends with the process, however that ends.
///
/// Shape      two bytes per port of each address: worker + 1, or 0; memory that the kernel reads as
/// it is Threading  set(), clear() and owner() any; the rest before the workers start Source
/// Documentation/bpf/prog_sk_lookup.rst of the Linux kernel (5.9)
class RangeSteering {
public:
    /// In this thread's network namespace. Else what was asked for and what the kernel said: "bpf
    /// map: Operation not permitted".
    static std::expected<std::unique_ptr<RangeSteering>, std::string> attach(
        std::vector<IpAddress> addresses, unsigned workers);
    ~RangeSteering();
    RangeSteering(const RangeSteering&) = delete;
    RangeSteering& operator=(const RangeSteering&) = delete;

    /// The bound, unconnected UDP socket that takes what is for a worker, of one family.
    std::expected<void, std::string> add(unsigned worker, Family family, int fd);

    /// Whether no other program steers ports in this network namespace.
    bool alone() const noexcept;

    /// A port's place in tables that have all ports of all addresses; nothing for another address.
    std::optional<std::size_t> place(const Endpoint& local) const noexcept {
        for (std::size_t i = 0; i < addresses_.size(); ++i) {
            if (addresses_[i] == local.address) return i * kPorts + local.port;
        }
        return {};
    }
    std::size_t places() const noexcept { return addresses_.size() * kPorts; }
    const std::vector<IpAddress>& addresses() const noexcept { return addresses_; }

    void set(std::size_t place, unsigned worker) noexcept;
    void clear(std::size_t place) noexcept;
    std::optional<unsigned> owner(std::size_t place) const noexcept;

    static constexpr std::size_t kPorts = 65'536;

private:
    explicit RangeSteering(std::vector<IpAddress> addresses) : addresses_(std::move(addresses)) {}

    std::vector<IpAddress> addresses_;
    bpf::Object ports_map_, sockets_map_, link_;
    FileDescriptor network_;
    std::uint16_t* ports_ = nullptr;  // the map's memory
};

}  // namespace turnpike::net
