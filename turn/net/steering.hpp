#pragma once

#include <expected>

#include "common/base/endpoint.hpp"

namespace turnpike::net {

/// Which worker a client's packets reach: f(source address, source port) mod workers, once as a
/// classic BPF program for the kernel and once as a function.
///
/// The kernel's own SO_REUSEPORT hash has a secret, so nobody can say where a 5-tuple will arrive;
/// this one can be asked. It has no secret on purpose: a restarted process steers the same way. A
/// client can only choose which core it burdens, as with any hash that it can measure.
///
/// An IPv6 packet with extension headers is steered by its address alone; the worker that gets
/// it sees by worker_for() that it is not the owner and hands it over.
///
/// Threading  any; immutable
class Steering {
public:
    explicit Steering(unsigned workers) noexcept : workers_(workers) {}

    unsigned workers() const noexcept { return workers_; }
    unsigned worker_for(const Endpoint& source) const noexcept;

    /// Makes the kernel steer the SO_REUSEPORT group of this UDP or TCP socket. The n-th socket that was
    /// bound (TCP: listened) is worker n's. The errno when the kernel refuses; its own hash stays then.
    std::expected<void, int> attach(int fd) const noexcept;

private:
    unsigned workers_;
};

}  // namespace turnpike::net
