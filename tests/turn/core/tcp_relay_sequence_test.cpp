#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/support/turn_node.hpp"

// Clients, peers, the driver and the clock doing anything in any order to TCP relays on two workers, next
// to a model written from RFC 6062 §5 alone.

namespace turnpike::test {
namespace {

constexpr std::array<std::string_view, 4> kPeers = {"93.184.216.34:5000", "93.184.216.34:5001", "8.8.8.8:443",
                                                    "10.0.0.1:5000" /* denied */};
constexpr std::size_t kWorkers = 2, kClients = 4, kConnectionsMax = 3;

class TcpRelaySequence {
public:
    explicit TcpRelaySequence(std::uint32_t seed) : chance_(seed) {
        NodeOptions options;
        options.config.relay_tcp = true;
        options.config.connections_max = kConnectionsMax;
        options.config.workers = kWorkers;
        options.config.listeners = {{"turnpike", Transport::Tcp}};
        auto shared = std::make_shared<SharedState>(options);
        for (std::size_t i = 0; i < kWorkers; ++i) {
            options.config.worker = static_cast<unsigned>(i);
            options.seed = seed * kWorkers + i + 1;
            workers_.push_back(std::make_unique<TurnNode>(options, shared));
        }
        for (std::size_t i = 0; i < kClients; ++i) {
            Client& client = clients_[i];
            client.worker = i % kWorkers;
            client.turn = std::make_unique<TurnClient>(*workers_[client.worker], "192.0.2.1:" + std::to_string(1000 + i),
                                                       Transport::Tcp);
            if (i == 3) {
                client.turn->username = "bob";
                client.turn->password = "builder";
            }
        }
    }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) {
            Client& client = clients_[below(kClients)];
            switch (below(12)) {
                case 0: allocate(client); break;
                case 1: permit(client); break;
                case 2:
                case 3: connect(client); break;
                case 4:
                case 5: answer_connect(); break;
                case 6: incoming(client); break;
                case 7:
                case 8: bind(); break;
                case 9: end_one(); break;
                case 10: pass(std::array<Nanoseconds, 5>{1s, 5s, 29s + 900ms, 31s, 301s}[below(5)]); break;
                case 11: below(8) == 0 ? end_allocation(client) : ask_bytes(); break;
            }
            compare();
        }
        for (int i = 0; i < 40; ++i) pass(100s);
        compare();
        EXPECT_TRUE(connections_.empty());
        for (const auto& worker : workers_) {
            EXPECT_TRUE(worker->sockets.empty());
            EXPECT_FALSE(worker->server.next_deadline(worker->now)) << "no timer is left";
        }
    }

private:
    enum class Stage { Connecting, Unbound, Bound };
    struct Open {
        std::size_t client;
        Endpoint peer;
        Stage stage;
        Instant due;  // Connecting, Unbound
    };
    struct Client {
        std::unique_ptr<TurnClient> turn;
        std::size_t worker = 0;
        std::optional<Instant> expires;
        std::map<IpAddress, Instant> permissions;
    };

    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(chance_() % bound); }
    TurnNode& node_of(const Client& client) { return *workers_[client.worker]; }
    Instant now() const { return workers_[0]->now; }
    std::size_t index_of(const Client& client) const { return static_cast<std::size_t>(&client - clients_.data()); }
    std::size_t open_of(std::size_t client) const {
        return static_cast<std::size_t>(
            std::ranges::count_if(connections_, [&](const auto& one) { return one.second.client == client; }));
    }
    bool has(std::size_t client, const Endpoint& peer) const {
        return std::ranges::any_of(connections_, [&](const auto& one) {
            return one.second.client == client && one.second.peer == peer;
        });
    }

    void allocate(Client& client) {
        const auto answer = client.turn->request(Method::Allocate, [](auto& m) {
            m.u8(Attribute::RequestedTransport, stun::kProtocolTcp);
        });
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->code(), client.expires ? 437 : 0);
        if (!client.expires) {
            client.expires = now() + 600s;
            client.permissions.clear();
        }
    }

    void permit(Client& client) {
        const Endpoint peer = at(kPeers[below(3)]);
        const auto answer = client.turn->permit({peer.to_string()});
        EXPECT_EQ(answer->code(), client.expires ? 0 : 437);
        if (client.expires) client.permissions[peer.address] = now() + 300s;
    }

    void connect(Client& client) {
        const std::size_t which = below(kPeers.size());
        const Endpoint peer = at(kPeers[which]);
        TurnNode& node = node_of(client);
        const std::size_t before = node.connects.size();
        const auto answer = client.turn->request(Method::Connect, [&](auto& m) {
            m.xor_address(Attribute::XorPeerAddress, peer);
        });
        const std::size_t index = index_of(client);
        const int expected = !client.expires                     ? 437
                             : has(index, peer)                  ? 446
                             : which == 3                        ? 403
                             : open_of(index) >= kConnectionsMax ? 508
                                                                 : 0;
        EXPECT_EQ(answer ? answer->code() : 0, expected);
        EXPECT_EQ(node.connects.size(), before + (expected == 0 ? 1 : 0));
        if (expected != 0) return;
        const core::ConnectionId id = node.connects.back().id;
        EXPECT_EQ(core::worker_of(id, kWorkers), client.worker);
        EXPECT_TRUE(ids_.insert(id.value).second) << "no id comes twice";
        connections_[id.value] = {index, peer, Stage::Connecting, now() + 30s};
    }

    void answer_connect() {
        for (auto& [id, open] : connections_) {
            if (open.stage != Stage::Connecting) continue;
            TurnNode& node = node_of(clients_[open.client]);
            const bool succeeds = below(3) != 0;
            const std::size_t before = node.answers.size();
            node.server.connection_opened({id}, succeeds ? std::expected<void, core::ConnectError>{}
                                                         : std::unexpected{core::ConnectError::Failed},
                                          node.now, node.out);
            node.run();
            ASSERT_EQ(node.answers.size(), before + 1);
            EXPECT_EQ(node.answers.back().code(), succeeds ? 0 : 447);
            EXPECT_EQ(node.answers.back().path.tuple, clients_[open.client].turn->path.tuple);
            if (succeeds) {
                open.stage = Stage::Unbound;
                open.due = now() + 30s;
            } else {
                connections_.erase(id);
            }
            return;
        }
    }

    void incoming(Client& client) {
        if (!client.expires) return;
        TurnNode& node = node_of(client);
        const Endpoint from{at(kPeers[below(3)]).address, static_cast<std::uint16_t>(6000 + ++ports_)};
        const auto id = node.server.peer_connected(client.turn->relay(), from, node.now, node.out);
        node.run();
        const auto permission = client.permissions.find(from.address);
        const bool permitted = permission != client.permissions.end() && now() < permission->second;
        ASSERT_EQ(id.has_value(), permitted && open_of(index_of(client)) < kConnectionsMax);
        if (!id) return;
        EXPECT_EQ(node.answers.back().view().method(), Method::ConnectionAttempt);
        EXPECT_TRUE(ids_.insert(id->value).second);
        connections_[id->value] = {index_of(client), from, Stage::Unbound, now() + 30s};
    }

    // A data connection at any worker, for any id there ever was, by either user.
    void bind() {
        if (ids_.empty()) return;
        auto chosen = ids_.begin();
        if (!connections_.empty() && below(4) != 0) {
            auto open = connections_.begin();
            std::advance(open, below(static_cast<std::uint32_t>(connections_.size())));
            chosen = ids_.find(open->first);
        }
        const core::ConnectionId id{*chosen};
        const std::size_t arrives = below(kWorkers), belongs = core::worker_of(id, kWorkers);
        TurnClient data{*workers_[arrives], "192.0.2.9:" + std::to_string(10'000 + ++ports_), Transport::Tcp};
        const bool bob = below(4) == 0;
        if (bob) {
            data.username = "bob";
            data.password = "builder";
        }
        const auto ask = [&](auto& m) { m.u32(Attribute::ConnectionId, id.value); };
        auto answer = data.request(Method::ConnectionBind, ask);
        EXPECT_EQ(answer.has_value(), arrives == belongs);
        if (!answer) {
            auto& passed = workers_[arrives]->passed_on;
            ASSERT_EQ(passed.size(), 1U);
            EXPECT_EQ(passed[0].first.worker, belongs);
            TurnNode& owner = *workers_[belongs];
            owner.receive(data.path, passed[0].second);
            passed.clear();
            answer = owner.answers.back();
        }
        const auto open = connections_.find(id.value);
        const bool good = open != connections_.end() && open->second.stage == Stage::Unbound &&
                          clients_[open->second.client].turn->username == data.username;
        EXPECT_EQ(answer->code(), good ? 0 : 400);
        if (!good) return;
        EXPECT_EQ(workers_[belongs]->bound_connections.back().id, id);
        open->second.stage = Stage::Bound;
    }

    // The peer or the data connection ends by itself.
    void end_one() {
        if (connections_.empty()) return;
        auto open = connections_.begin();
        std::advance(open, below(static_cast<std::uint32_t>(connections_.size())));
        if (open->second.stage == Stage::Connecting) return;
        node_of(clients_[open->second.client]).server.connection_closed({open->first});
        connections_.erase(open);
    }

    void ask_bytes() {
        for (const std::uint32_t id : ids_) {
            TurnNode& node = *workers_[core::worker_of({id}, kWorkers)];
            EXPECT_EQ(node.server.relayable({id}, 10, node.now) > 0, connections_.contains(id));
        }
    }

    void end_allocation(Client& client) {
        TurnNode& node = node_of(client);
        if (below(2) == 0) {
            client.turn->refresh(0);
        } else {
            node.server.client_gone(client.turn->path.tuple, node.now, node.out);
            node.run();
        }
        forget(client);
    }
    void forget(Client& client) {
        client.expires.reset();
        const std::size_t index = index_of(client);
        std::erase_if(connections_, [&](const auto& one) {
            if (one.second.client == index) expected_closed_.insert(one.first);
            return one.second.client == index;
        });
    }

    void pass(Nanoseconds by) {
        for (const auto& worker : workers_) worker->advance(by);
        // The wheel's tick is 100 ms; every step here is a multiple of it.
        for (Client& client : clients_) {
            if (client.expires && *client.expires <= now()) forget(client);
        }
        std::erase_if(connections_, [&](const auto& one) {
            const bool due = one.second.stage != Stage::Bound && one.second.due <= now();
            if (due) expected_closed_.insert(one.first);
            return due;
        });
    }

    void compare() {
        std::multiset<std::uint32_t> closed;
        std::size_t open = 0;
        for (const auto& worker : workers_) {
            for (const core::ConnectionId id : worker->closed_connections) closed.insert(id.value);
            for (const auto& summary : worker->server.list(now())) open += summary.connections;
        }
        EXPECT_EQ(closed, expected_closed_) << "what the core ends, it ends once";
        EXPECT_EQ(open, connections_.size());
    }

    std::mt19937 chance_;
    std::vector<std::unique_ptr<TurnNode>> workers_;
    std::array<Client, kClients> clients_;
    std::map<std::uint32_t, Open> connections_;
    std::set<std::uint32_t> ids_;
    std::multiset<std::uint32_t> expected_closed_;
    int ports_ = 0;
};

TEST(TcpRelaySequence, AgreesWithTheModel) {
    for (std::uint32_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        TcpRelaySequence{seed}.run(300);
        if (::testing::Test::HasFailure()) return;
    }
}

}  // namespace
}  // namespace turnpike::test
