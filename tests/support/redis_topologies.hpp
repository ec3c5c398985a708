#pragma once

#include <poll.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.hpp"

/// A master, its replica and three sentinels that watch the master under the name "main".
struct RedisSentinels {
    RedisServer master{{.tcp = true}};
    RedisServer replica{
        {.tcp = true, .arguments = {"--replicaof", "127.0.0.1", std::to_string(master.port())}}};
    std::vector<std::unique_ptr<RedisServer>> sentinels;

    RedisSentinels() {
        if (!replica.wait_for("MASTER <-> REPLICA sync: Finished"))
            throw std::runtime_error("no replication");
        const std::string configuration = "sentinel monitor main 127.0.0.1 " +
                                          std::to_string(master.port()) +
                                          " 2\nsentinel down-after-milliseconds main 500\n"
                                          "sentinel failover-timeout main 3000\n";
        for (int i = 0; i < 3; ++i) {
            sentinels.push_back(std::make_unique<RedisServer>(
                RedisServer::Setup{.sentinel = true, .configuration = configuration}));
        }
        // A fail-over needs that they know the replica and each other.
        for (const auto& sentinel : sentinels) {
            for (int others = 0; others < 2; ++others) {
                if (!sentinel->wait_for("+sentinel sentinel"))
                    throw std::runtime_error("sentinels do not meet");
            }
            const std::string replicas = sentinel->command({"SENTINEL", "REPLICAS", "main"});
            if (replicas.find(std::to_string(replica.port())) == std::string::npos &&
                !sentinel->wait_for("+slave"))
                throw std::runtime_error("a sentinel does not see the replica");
        }
    }
    std::string url() const {
        std::string list;
        for (const auto& sentinel : sentinels)
            list += (list.empty() ? "" : ",") + sentinel->address();
        return "redis+sentinel://" + list + "/main";
    }
};

/// Three masters of a Redis Cluster, each with a third of the slots. A missing master does not stop
/// the others.
struct RedisClusterOfThree {
    std::array<std::unique_ptr<RedisServer>, 3> nodes;
    static constexpr std::array<int, 4> kFirstSlot{0, 5461, 10923, 16384};

    RedisClusterOfThree() {
        for (std::size_t i = 0; i < 3; ++i) {
            nodes[i] = std::make_unique<RedisServer>(
                RedisServer::Setup{.tcp = true,
                                   .cluster = true,
                                   .arguments = {"--cluster-require-full-coverage", "no",
                                                 "--cluster-node-timeout", "5000"}});
            nodes[i]->command({"CLUSTER", "ADDSLOTSRANGE", std::to_string(kFirstSlot[i]),
                               std::to_string(kFirstSlot[i + 1] - 1)});
        }
        for (std::size_t i = 1; i < 3; ++i) {
            nodes[0]->command({"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes[i]->port()),
                               std::to_string(nodes[i]->bus_port())});
        }
        // Each must know all slots.
        const auto knows_all = [](const RedisServer& node) {
            const std::string info = node.command({"CLUSTER", "INFO"});
            return info.find("cluster_slots_ok:16384") != std::string::npos &&
                   info.find("cluster_state:ok") != std::string::npos;
        };
        for (const auto& node : nodes) {
            while (!knows_all(*node)) ::poll(nullptr, 0, 10);
        }
    }
    std::string id(std::size_t i) const { return nodes[i]->command({"CLUSTER", "MYID"}); }
    std::string url() const {
        return "redis+cluster://" + nodes[0]->address() + ',' + nodes[1]->address() + ',' +
               nodes[2]->address();
    }
};
