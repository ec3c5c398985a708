// T1: each denied block × its first, a middle and its last address × each disguise of an IPv4
// address × each way to a peer. On none of them may a packet leave, or a peer be heard.

#include <gtest/gtest.h>

#include "tests/support/denied_blocks.hpp"
#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

// Every spelling in which `peer` can be asked for: itself, and an IPv4 address inside IPv6 ones.
std::vector<IpAddress> spellings(const IpAddress& peer) {
    std::vector<IpAddress> all{peer};
    if (!peer.is_v4()) return all;
    const ByteView four = peer.bytes();
    const auto inside = [&](std::string_view pattern, std::size_t offset, bool inverted = false) {
        std::array<std::uint8_t, 16> raw = ip(pattern).raw();
        for (std::size_t i = 0; i < 4; ++i)
            raw[offset + i] = static_cast<std::uint8_t>(inverted ? ~four[i] : four[i]);
        all.push_back(IpAddress::v6(raw));
    };
    inside("::ffff:0:0", 12);                // mapped
    inside("::", 12);                        // compatible
    inside("::ffff:0:0:0", 12);              // SIIT
    inside("2002::1", 2);                    // 6to4
    inside("2001:0:5db8:d822::", 12, true);  // Teredo: the client's address, inverted
    inside("2001:0::1", 4);                  // Teredo: the server's
    inside("64:ff9b::", 12);                 // NAT64, the well-known prefix
    inside("64:ff9b:1::", 12);               // NAT64, local use
    inside("2a01:db8::5efe:0:0", 12);        // ISATAP
    inside("2a01:db8::200:5efe:0:0", 12);
    inside("2a01:db8:64::", 12);  // a translator of the operator's
    return all;
}

std::vector<IpAddress> denied_peers() {
    std::vector<IpAddress> all;
    for (const DeniedBlock& block : kDeniedBlocks) {
        for (const std::string_view text : {block.first, block.middle, block.last}) {
            for (const IpAddress& spelling : spellings(ip(text))) all.push_back(spelling);
        }
    }
    return all;
}

NodeOptions with_translator() {
    NodeOptions options;
    options.rules.nat64_prefixes = {cidr("2a01:db8:64::/96")};
    return options;
}

// A client with a relayed address of each family.
class PolicyMatrix : public ::testing::Test {
protected:
    PolicyMatrix() { EXPECT_TRUE(allocate(client)); }
    static bool allocate(TurnClient& who) {
        const auto answer =
            who.allocate([](auto& m) { m.u8(Attribute::AdditionalAddressFamily, 2); });
        return answer && answer->success() && answer->relayed().size() == 2;
    }
    std::size_t relay_for(const IpAddress& peer) const { return peer.is_v4() ? 0 : 1; }
    bool hears(const TurnClient& who, const Endpoint& peer) {
        return who.node.server.to_client(who.relay(relay_for(peer.address)), peer, 5, who.node.now)
            .has_value();
    }

    TurnNode node{with_translator()};
    TurnClient client{node};
    const std::vector<IpAddress> denied = denied_peers();
};

TEST_F(PolicyMatrix, IsLarge) {
    EXPECT_GT(denied.size(), 700U);
}

TEST_F(PolicyMatrix, CreatePermission) {
    for (const IpAddress& peer : denied) {
        const Endpoint at{peer, 5000};
        ASSERT_EQ(client.permit({at.to_string()})->code(), 403) << at.to_string();
        // Beside a good one in the same request: all or nothing.
        ASSERT_EQ(client.permit({"93.184.216.34:5000", at.to_string()})->code(), 403)
            << at.to_string();
        ASSERT_FALSE(hears(client, at)) << at.to_string();
    }
    EXPECT_FALSE(client.from_peer("93.184.216.34:5000"));
    EXPECT_TRUE(node.datagrams.empty());
}

TEST_F(PolicyMatrix, ChannelBind) {
    for (const IpAddress& peer : denied) {
        const Endpoint at{peer, 5000};
        ASSERT_EQ(client.bind(0x4000, at)->code(), 403) << at.to_string();
        ASSERT_FALSE(client.channel_data(0x4000)) << at.to_string();
        ASSERT_FALSE(hears(client, at)) << at.to_string();
    }
}

TEST_F(PolicyMatrix, Send) {
    for (const IpAddress& peer : denied) client.indicate(Endpoint{peer, 5000}.to_string(), "knock");
    EXPECT_TRUE(node.datagrams.empty());
}

// RFC 6062: a client with relayed addresses for TCP.
TEST_F(PolicyMatrix, Connect) {
    NodeOptions options = with_translator();
    options.config.relay_tcp = true;
    TurnNode streams{options};
    TurnClient inside{streams, "192.0.2.1:40000", Transport::Tcp};
    const auto allocated = inside.request(Method::Allocate, [](auto& m) {
        m.u8(Attribute::RequestedTransport, stun::kProtocolTcp).u8(Attribute::AdditionalAddressFamily, 2);
    });
    ASSERT_TRUE(allocated && allocated->success());
    for (const IpAddress& peer : denied) {
        const Endpoint at{peer, 5000};
        const auto answer =
            inside.request(Method::Connect, [&](auto& m) { m.xor_address(Attribute::XorPeerAddress, at); });
        ASSERT_TRUE(answer) << at.to_string();
        ASSERT_EQ(answer->code(), 403) << at.to_string();
        ASSERT_FALSE(streams.server.peer_connected(inside.relay(relay_for(peer)), at, streams.now, streams.out))
            << at.to_string();
    }
    EXPECT_TRUE(streams.connects.empty());
}

// Permissions of an open policy let nobody in once it is closed, and what is connected ends.
TEST_F(PolicyMatrix, ConnectionsAfterReload) {
    NodeOptions open = with_translator();
    open.config.relay_tcp = true;
    open.config.permissions_max = open.config.connections_max = 100'000;
    open.config.new_peers_per_second = 0;
    open.rules.mode = core::PeerPolicy::Mode::Lab;
    open.rules.allow = {cidr("0.0.0.0/0"), cidr("::/0")};
    TurnNode was_open{open};
    TurnClient inside{was_open, "192.0.2.1:40000", Transport::Tcp};
    ASSERT_TRUE(inside.request(Method::Allocate, [](auto& m) {
        m.u8(Attribute::RequestedTransport, stun::kProtocolTcp).u8(Attribute::AdditionalAddressFamily, 2);
    })->success());
    std::vector<Endpoint> made;
    for (const IpAddress& peer : denied) {
        const Endpoint at{peer, 5000};
        if (!inside.permit({at.to_string()})->success()) continue;
        ASSERT_TRUE(was_open.server.peer_connected(inside.relay(relay_for(peer)), at, was_open.now, was_open.out));
        was_open.run();
        made.push_back(at);
    }
    ASSERT_GT(made.size(), 200U);
    was_open.server.set_policy(was_open.policy(with_translator().rules), was_open.out);
    was_open.run();
    EXPECT_EQ(was_open.closed_connections.size(), made.size());
    for (const Endpoint& at : made) {
        ASSERT_FALSE(was_open.server.peer_connected(inside.relay(relay_for(at.address)), at, was_open.now, was_open.out));
    }
}

// RFC 6062, both ways: a Connect, and a peer that comes by itself.
TEST_F(PolicyMatrix, Connections) {
    for (const Family family : {Family::V4, Family::V6}) {
        NodeOptions options = with_translator();
        options.config.relay_tcp = true;
        options.config.listeners = {{"turnpike", Transport::Tcp}};
        TurnNode streams{options};
        TurnClient caller{streams, "192.0.2.1:40000", Transport::Tcp};
        const auto allocated = caller.request(Method::Allocate, [&](auto& m) {
            m.u8(Attribute::RequestedTransport, stun::kProtocolTcp);
            m.u8(Attribute::RequestedAddressFamily, static_cast<std::uint8_t>(family));
        });
        ASSERT_TRUE(allocated && allocated->success());
        for (const IpAddress& peer : denied) {
            if (peer.family() != family) continue;
            const Endpoint at{peer, 5000};
            const auto answer =
                caller.request(Method::Connect, [&](auto& m) { m.xor_address(Attribute::XorPeerAddress, at); });
            ASSERT_TRUE(answer) << at.to_string();
            ASSERT_EQ(answer->code(), 403) << at.to_string();
            ASSERT_FALSE(streams.server.peer_connected(caller.relay(), at, streams.now, streams.out)) << at.to_string();
        }
        EXPECT_TRUE(streams.connects.empty());
    }
}

// The policy was open when the permissions were made: closing it ends them, and Send finds none.
TEST_F(PolicyMatrix, Reload) {
    NodeOptions open = with_translator();
    open.config.permissions_max = open.config.channels_max = 100'000;
    open.config.new_peers_per_second = 0;
    open.rules.mode = core::PeerPolicy::Mode::Lab;
    open.rules.allow = {cidr("0.0.0.0/0"), cidr("::/0")};
    TurnNode was_open{open};
    TurnClient inside{was_open};
    ASSERT_TRUE(allocate(inside));
    std::vector<Endpoint> made;
    std::uint16_t channel = 0x4000;
    for (const IpAddress& peer : denied) {
        const Endpoint at{peer, 5000};
        if (made.size() < 1000 && inside.bind(channel, at)->success()) {
            ++channel;
            made.push_back(at);
        }
    }
    ASSERT_GT(made.size(), 200U);
    ASSERT_TRUE(hears(inside, made.front()));

    was_open.server.set_policy(was_open.policy(with_translator().rules), was_open.out);
    for (std::size_t i = 0; i < made.size(); ++i) {
        inside.indicate(made[i].to_string(), "knock");
        ASSERT_FALSE(inside.channel_data(static_cast<std::uint16_t>(0x4000 + i)))
            << made[i].to_string();
        ASSERT_FALSE(hears(inside, made[i])) << made[i].to_string();
    }
    EXPECT_TRUE(was_open.datagrams.empty());
}

// A record from a node with other rules, or of somebody's making.
TEST_F(PolicyMatrix, RestoreAndAdopt) {
    TurnClient maker{node, "192.0.2.9:40000"};
    ASSERT_TRUE(allocate(maker));
    auto released = node.server.release(maker.path.tuple, node.now);
    ASSERT_TRUE(released);
    std::vector<Endpoint> claimed;
    for (const IpAddress& peer : denied) claimed.push_back({peer, 5000});

    // Records are bounded, so the claims come in parts.
    constexpr std::size_t kPart = 200;
    for (const bool whole_restart : {false, true}) {
        for (std::size_t first = 0; first < claimed.size(); first += kPart) {
            core::AllocationRecord record = released->record;
            const std::size_t end = std::min(first + kPart, claimed.size());
            for (std::size_t i = first; i < end; ++i) {
                record.permissions.push_back({claimed[i].address, Milliseconds{60'000}});
                record.channels.push_back({static_cast<std::uint16_t>(0x4000 + i - first),
                                           claimed[i], Milliseconds{60'000}});
            }
            TurnNode other{with_translator()};
            TurnClient there{other, "192.0.2.9:40000"};
            if (whole_restart) {
                ASSERT_TRUE(other.server.restore(record, there.path, other.now, other.out));
                other.run();
            } else {
                ASSERT_TRUE(other.server.adopt(record, there.path, other.now));
            }
            const auto live = other.server.record(there.path.tuple, other.now);
            ASSERT_TRUE(live);
            EXPECT_TRUE(live->permissions.empty());
            EXPECT_TRUE(live->channels.empty());
            for (std::size_t i = first; i < end; ++i)
                there.indicate(claimed[i].to_string(), "knock");
            EXPECT_TRUE(other.datagrams.empty());
        }
    }
}

}  // namespace
}  // namespace turnpike::test
