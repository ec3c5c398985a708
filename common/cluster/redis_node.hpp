#pragma once

#include <memory>
#include <set>

#include "common/cluster/breaker.hpp"
#include "common/cluster/redis_link.hpp"

namespace turnpike::cluster {

/// A server that a RedisStore talks to, with what is known of its health.
struct RedisNode {
    enum class Role : std::uint8_t {
        Server,  // takes commands
        Master,  // the same, and must be a master: what Sentinel named
        Sentinel,
    };
    RedisNode(Role its_role, unsigned misses, BackOff pauses)
        : role(its_role), breaker(misses), back_off(pauses) {}

    Role role;
    Breaker breaker;
    BackOff back_off;
    Instant ready_since{};
    bool was_ready = false;  // this connection
    bool probing = false;
    std::set<std::uint64_t>
        waiting;  // requests, in the order of their coming, until the link is ready
    std::unique_ptr<RedisLink> link;
    std::unique_ptr<EventTimer> again;  // reconnect, or probe
};

}  // namespace turnpike::cluster
