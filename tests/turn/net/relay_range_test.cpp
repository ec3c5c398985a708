// What only the range engine can get wrong. That it does all that sockets do, every other test of this folder shows, which
// all run on it too (TURNPIKE_IO_ENGINE=range).
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <set>
#include <thread>

#include "tests/turn/net/own_network_support.hpp"
#include "tests/turn/net/relay_support.hpp"
#include "turn/net/range_sockets.hpp"

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Class;
using stun::Method;
using testing::Incoming;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

Endpoint at(const std::string& address, std::uint16_t port = 0) { return {IpAddress::parse(address).value(), port}; }

TestRelay::Setup range_setup(const std::string& address = "127.0.7.90", unsigned workers = 1) {
    TestRelay::Setup setup;
    setup.engine = IoEngine::Range;
    setup.workers = workers;
    setup.relay_addresses = {{at(address).address, at(address).address}};
    return setup;
}

// What the kernel answers to a datagram: ECONNREFUSED is port unreachable; 0 is nothing, within the time.
int answer_of(const Endpoint& to, Milliseconds wait) {
    const bool v4 = to.address.is_v4();
    const FileDescriptor fd{::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage name{};
    const socklen_t size = to.to(name);
    EXPECT_EQ(0, ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), size));
    EXPECT_EQ(1, ::send(fd.get(), "x", 1, 0));
    pollfd ready{fd.get(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(wait.count())) == 0) return 0;
    int error = 0;
    socklen_t error_size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &error_size);
    return error;
}

class RangeTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (const std::string why = testing::no_range_engine(); !why.empty()) GTEST_SKIP() << "no range engine here: " << why;
    }
};

// ---- ports ----

TEST_F(RangeTest, APortWithoutAllocationIsTheKernels) {
    TestRelay relay{range_setup()};
    TestClient client{Transport::Udp, relay.listener()};
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    const std::uint16_t other = relayed->port == 61'000 ? 61'001 : static_cast<std::uint16_t>(relayed->port - 1);
    EXPECT_EQ(ECONNREFUSED, answer_of({relayed->address, other}, 2000ms)) << "nobody listens there";
    EXPECT_EQ(0, answer_of(*relayed, 50ms)) << "a relayed address answers nobody";
}

TEST_F(RangeTest, WhenAnAllocationEndsItsPortIsTheKernelsAtOnce) {
    TestRelay relay{range_setup()};
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed && client.bind_channel(0x4000, peer.local()));
    peer.send("x", *relayed);
    ASSERT_TRUE(client.receive());
    const std::uint64_t received = relay.pool->snapshot().datagrams_received;
    ASSERT_EQ(0U, client.refresh(0));
    EXPECT_EQ(ECONNREFUSED, answer_of(*relayed, 2000ms));
    EXPECT_EQ(received + 1, relay.pool->snapshot().datagrams_received) << "the Refresh, and nothing of the peer's";
}

TEST_F(RangeTest, ASocketOfAnotherProgramInTheRangeKeepsWorking) {
    const auto held = open_udp(at("127.0.7.91", 61'001), {});
    ASSERT_TRUE(held);
    TestRelay::Setup setup = range_setup("127.0.7.91");
    setup.port_min = 61'000;
    setup.port_max = 61'002;
    TestRelay relay{setup};
    TestClient first{Transport::Udp, relay.listener()}, second{Transport::Udp, relay.listener()},
        third{Transport::Udp, relay.listener()};
    const auto a = first.allocate(Family::V4), b = second.allocate(Family::V4);
    ASSERT_TRUE(a && b);
    EXPECT_NE(held->local.port, a->port);
    EXPECT_NE(held->local.port, b->port);
    EXPECT_FALSE(third.allocate(Family::V4));
    EXPECT_EQ(508, third.last_error());

    UdpEnd sender;
    sender.send("for the other program", held->local);
    pollfd ready{held->fd.get(), POLLIN, 0};
    ASSERT_EQ(1, ::poll(&ready, 1, 2000));
    char text[64];
    EXPECT_EQ(21, ::recv(held->fd.get(), text, sizeof text, 0));
}

TEST_F(RangeTest, NoDescriptorIsHeldForAnAllocation) {
    TestRelay relay{range_setup()};
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<TestClient>(Transport::Udp, relay.listener()));
    const FileDescriptor before{::dup(0)};
    for (const auto& client : clients) ASSERT_TRUE(client->allocate(Family::V4));
    const FileDescriptor after{::dup(0)};
    EXPECT_EQ(before.get() + 1, after.get());
}

// ---- several relays, and the end of one ----

TEST_F(RangeTest, RelaysThatShareARangeSkipEachOthersPorts) {
    TestRelay::Setup setup = range_setup("127.0.7.97");
    setup.port_min = 61'000;
    setup.port_max = 61'007;
    TestRelay first{setup}, second{setup};
    std::vector<std::unique_ptr<TestClient>> clients;
    std::set<Endpoint> relayed;
    for (int i = 0; i < 8; ++i) {
        TestRelay& relay = i % 2 == 0 ? first : second;
        clients.push_back(std::make_unique<TestClient>(Transport::Udp, relay.listener()));
        const auto one = clients.back()->allocate(Family::V4);
        ASSERT_TRUE(one) << i << ": " << clients.back()->last_error();
        EXPECT_TRUE(relayed.insert(*one).second) << one->to_string() << " twice";
    }
    TestClient late{Transport::Udp, first.listener()};
    EXPECT_FALSE(late.allocate(Family::V4));
    EXPECT_EQ(508, late.last_error());
}


TEST_F(RangeTest, RelaysOnOneHostDoNotDisturbEachOther) {
    TestRelay::Setup low = range_setup("127.0.7.92"), high = low, other = range_setup("127.0.7.93");
    low.port_max = 62'999;
    high.port_min = 63'000;
    auto first = std::make_unique<TestRelay>(low);
    TestRelay second{high}, third{other};
    UdpEnd peer;
    std::vector<std::unique_ptr<TestClient>> clients;
    std::vector<Endpoint> relayed;
    for (TestRelay* relay : {first.get(), &second, &third}) {
        clients.push_back(std::make_unique<TestClient>(Transport::Udp, relay->listener()));
        relayed.push_back(clients.back()->allocate(Family::V4).value());
        ASSERT_TRUE(clients.back()->bind_channel(0x4000, peer.local()));
    }
    const auto expect_whole = [&](std::size_t i) {
        const std::string text = "by relay " + std::to_string(i);
        peer.send(text, relayed[i]);
        const auto down = clients[i]->receive();
        ASSERT_TRUE(down) << i;
        EXPECT_EQ(text, down->data());
        clients[i]->send_channel(0x4000, text);
        const auto up = peer.receive();
        ASSERT_TRUE(up) << i;
        EXPECT_EQ(relayed[i], up->from);
    };
    for (std::size_t i = 0; i < 3; ++i) expect_whole(i);
    first.reset();
    EXPECT_EQ(ECONNREFUSED, answer_of(relayed[0], 2000ms));
    expect_whole(1);
    expect_whole(2);
}

std::size_t attached_programs(int network) {
    std::array<std::uint32_t, 64> ids{};
    bpf_attr attributes{};
    attributes.query.target_fd = static_cast<std::uint32_t>(network);
    attributes.query.attach_type = BPF_SK_LOOKUP;
    attributes.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    attributes.query.prog_cnt = ids.size();
    if (::syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof attributes) != 0) return 999;
    return attributes.query.prog_cnt;
}

TEST_F(RangeTest, NothingStaysBehindAProcessThatIsKilled) {
    int told[2];
    ASSERT_EQ(0, ::pipe(told));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        crypto::SystemRandom random;
        char state = 'n';
        std::optional<RangeSetup> setup;
        if (::unshare(CLONE_NEWNET) == 0) {
            // There is no address to send from in this network.
            auto steering = RangeSteering::attach({at("192.0.2.1").address}, 1);
            if (steering) {
                setup.emplace();
                setup->steering = std::move(*steering);
                state = 'y';
            }
        }
        (void)!::write(told[1], &state, 1);
        for (;;) ::pause();
    }
    char state = 0;
    ASSERT_EQ(1, ::read(told[0], &state, 1));
    const FileDescriptor network{::open(("/proc/" + std::to_string(child) + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC)};
    const std::size_t alive = attached_programs(network.get());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const std::size_t dead = attached_programs(network.get());
    ::close(told[0]);
    ::close(told[1]);
    ASSERT_EQ('y', state);
    EXPECT_EQ(1U, alive);
    EXPECT_EQ(0U, dead);
}

// ---- to clients: by the raw socket of the listener's address, or by the listener itself ----

class RangeListenerTest : public RangeTest, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(Addresses, RangeListenerTest,
                         ::testing::Values("127.0.0.1:0", "127.0.7.90:0", "[::1]:0", "0.0.0.0:0", "[::]:0"));

TEST_P(RangeListenerTest, ClientsGetEverySizeAsItsOwnDatagramFromTheListener) {
    TestRelay::Setup setup = range_setup();
    setup.listen = {{Transport::Udp, GetParam()}};
    TestRelay relay{setup};
    Endpoint server = relay.listener();
    if (server.address.is_unspecified()) server.address = at(server.address.is_v4() ? "127.0.0.1" : "::1").address;
    for (const bool channel : {true, false}) {
        TestClient client{Transport::Udp, server};
        UdpEnd peer;
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed) << client.last_error();
        ASSERT_TRUE(channel ? client.bind_channel(0x4000, peer.local()) : client.permit(peer.local()));
        for (const std::size_t size : {0, 1, 2, 3, 4, 120, 1'231, 1'300, 5'000, 40'000}) {
            std::string text(size, 'x');
            for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
            peer.send(text, *relayed, 33, 0xB8);
            const auto got = client.receive();
            ASSERT_TRUE(got) << size;
            EXPECT_EQ(text, got->data());
            EXPECT_EQ(channel, got->is_channel_data());
            EXPECT_EQ(server, got->datagram.from);
            EXPECT_EQ(32, got->datagram.ttl);
            EXPECT_EQ(0xB8, got->datagram.traffic_class);
        }
    }
}

// Some go by the raw socket and some together by the listener's.
TEST_F(RangeTest, ToAClientSingleOnesAndBurstsStayInOrder) {
    TestRelay relay{range_setup()};
    TestClient first{Transport::Udp, relay.listener()}, second{Transport::Udp, relay.listener()};
    UdpEnd peer;
    const auto relayed_first = first.allocate(Family::V4), relayed_second = second.allocate(Family::V4);
    ASSERT_TRUE(relayed_first && relayed_second);
    ASSERT_TRUE(first.bind_channel(0x4000, peer.local()) && second.bind_channel(0x4000, peer.local()));
    int number = 0;
    for (int round = 0; round < 20; ++round) {
        for (const int in_a_row : {1, 9, 1, 2, 30}) {
            for (int i = 0; i < in_a_row; ++i) peer.send(std::to_string(number++), *relayed_first);
            peer.send("between", *relayed_second);
        }
    }
    for (int i = 0; i < number; ++i) {
        const auto got = first.receive();
        ASSERT_TRUE(got) << i;
        ASSERT_EQ(std::to_string(i), got->data());
    }
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(second.receive()) << i;
}

// ---- moving ----

// Peers go on sending while the allocation is moved about; a few at a time are on the way, so that none is lost for
// want of room.
TEST_F(RangeTest, NoDatagramIsLostWhileAnAllocationMoves) {
    TestRelay relay{range_setup("127.0.7.94", 4)};
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed && client.bind_channel(0x4000, peer.local()));
    std::atomic<bool> go_on{true};
    std::atomic<int> moves{0};
    std::thread mover{[&] {
        for (unsigned to = 0; go_on; ++to) {
            if (relay.pool->transfer(client.tuple(), to % 4)) ++moves;
        }
    }};
    constexpr int kAtOnce = 16;
    int sent = 0, arrived = 0, lost = 0;
    while ((sent < 4'000 || moves < 50) && lost == 0) {
        for (int i = 0; i < kAtOnce; ++i) peer.send(std::to_string(sent++), *relayed);
        for (int i = 0; i < kAtOnce; ++i) {
            if (client.receive(5000ms)) ++arrived;
            else ++lost;
        }
    }
    go_on = false;
    mover.join();
    EXPECT_EQ(0, lost);
    EXPECT_EQ(sent, arrived);
    EXPECT_EQ(0U, relay.pool->snapshot().hand_over_drops);
}

// ---- what does not fit the link: on both engines, since other tests never leave the loopback interface ----

struct Legs {
    const char* name;
    IoEngine engine;
    const char* relay;
    const char* peer;
    std::size_t headers;  // of a packet
};

class RelayLinkTest : public ::testing::TestWithParam<Legs> {
protected:
    static constexpr int kMtu = 1500;

    void SetUp() override {
        if (GetParam().engine != IoEngine::Range) return;
        if (const std::string why = testing::no_range_engine(); !why.empty()) GTEST_SKIP() << "no range engine here: " << why;
    }
    void in_network(const std::function<void(TestRelay&, TestClient&, UdpEnd&, const Endpoint&)>& body) {
        const std::string why = testing::in_own_network(kMtu, {"fd00::1", "fd00::9"}, [&] {
            TestRelay::Setup setup = range_setup(GetParam().relay);
            setup.engine = GetParam().engine;
            setup.peers = {Cidr::parse("fd00::/8").value()};
            TestRelay relay{setup};
            TestClient client{Transport::Udp, relay.listener()};
            UdpEnd peer{GetParam().peer};
            const auto relayed = client.allocate(peer.local().address.family());
            ASSERT_TRUE(relayed) << client.last_error();
            ASSERT_TRUE(client.bind_channel(0x4000, peer.local())) << client.last_error();
            body(relay, client, peer, *relayed);
        });
        if (!why.empty()) GTEST_SKIP() << why;
    }
};

INSTANTIATE_TEST_SUITE_P(Engines, RelayLinkTest,
                         ::testing::Values(Legs{"rangeIpv4", IoEngine::Range, "127.0.7.95", "127.0.0.9", 28},
                                           Legs{"rangeIpv6", IoEngine::Range, "fd00::1", "fd00::9", 48},
                                           Legs{"socketsIpv4", IoEngine::Sockets, "127.0.7.95", "127.0.0.9", 28},
                                           Legs{"socketsIpv6", IoEngine::Sockets, "fd00::1", "fd00::9", 48}),
                         [](const auto& of) { return std::string{of.param.name}; });

TEST_P(RelayLinkTest, DatagramsOfEverySizeArriveBothWays) {
    in_network([](TestRelay& relay, TestClient& client, UdpEnd& peer, const Endpoint& relayed) {
        const std::size_t fits = kMtu - GetParam().headers;
        // Those that fit, those that do not, and fitting ones behind them.
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3}, fits - 1, fits, fits + 1, std::size_t{9'001},
                                       std::size_t{120}, std::size_t{40'000}, std::size_t{60'000}, fits}) {
            std::string text(size, 'x');
            for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
            client.send_channel(0x4000, text);
            const auto up = peer.receive();
            ASSERT_TRUE(up) << size;
            EXPECT_EQ(relayed, up->from);
            EXPECT_EQ(text, as_text(up->bytes)) << size;
            peer.send(text, relayed);
            const auto down = client.receive();
            ASSERT_TRUE(down) << size;
            EXPECT_EQ(text, down->data()) << size;
        }
        EXPECT_EQ(0U, relay.pool->snapshot().send_drops);
    });
}

// A batch in whose middle one does not fit: the order stays within what fits, and none is lost.
TEST_P(RelayLinkTest, WhatDoesNotFitHoldsNothingUp) {
    in_network([](TestRelay& relay, TestClient& client, UdpEnd& peer, const Endpoint&) {
        constexpr int kRounds = 50;
        for (int i = 0; i < kRounds; ++i) {
            client.send_channel(0x4000, "before");
            client.send_channel(0x4000, std::string(3'000, 'l'));
            client.send_channel(0x4000, "behind");
            std::size_t bytes = 0;
            for (int n = 0; n < 3; ++n) {
                const auto up = peer.receive();
                ASSERT_TRUE(up) << i << ": " << n;
                bytes += up->bytes.size();
            }
            EXPECT_EQ(3'012U, bytes);
        }
        EXPECT_EQ(0U, relay.pool->snapshot().send_drops);
    });
}

// RFC 8656 §15: with DF nothing is fragmented, and the client hears how much would have fit (§11.5).
TEST_P(RelayLinkTest, WithDontFragmentTheClientHearsWhatTheLinkTakes) {
    in_network([](TestRelay&, TestClient& client, UdpEnd& peer, const Endpoint&) {
        const std::size_t fits = kMtu - GetParam().headers;
        client.send_indication(peer.local(), std::string(fits, 'x'), true);
        const auto up = peer.receive();
        ASSERT_TRUE(up);
        EXPECT_EQ(fits, up->bytes.size());

        client.send_indication(peer.local(), std::string(fits + 1, 'x'), true);
        const auto told = client.receive();
        ASSERT_TRUE(told);
        ASSERT_TRUE(told->is(Class::Indication, Method::Data));
        EXPECT_EQ(peer.local(), told->peer());
        const auto icmp = stun::decode_icmp(stun::MessageView::parse(told->bytes).value().find(Attribute::Icmp).value()).value();
        const bool v4 = peer.local().address.is_v4();
        EXPECT_EQ(v4 ? 3 : 2, icmp.type);
        EXPECT_EQ(v4 ? 4 : 0, icmp.code);
        EXPECT_EQ(unsigned{kMtu}, icmp.data);
        EXPECT_FALSE(peer.receive(50ms)) << "not even in fragments";

        client.send_channel(0x4000, std::string(fits + 1, 'y'));
        EXPECT_TRUE(peer.receive()) << "without DF, in fragments";
    });
}

TEST_P(RelayLinkTest, HeaderFieldsGoAlong) {
    in_network([](TestRelay&, TestClient& client, UdpEnd& peer, const Endpoint& relayed) {
        constexpr int kAf41Ect0 = (34 << 2) | 2;
        client.ttl = 40;
        client.traffic_class = kAf41Ect0;
        for (const std::size_t size : {std::size_t{10}, std::size_t{5'000}}) {  // from the raw socket, and in fragments
            client.send_channel(0x4000, std::string(size, 'x'));
            const auto up = peer.receive();
            ASSERT_TRUE(up) << size;
            EXPECT_EQ(39, up->ttl) << size;
            EXPECT_EQ(kAf41Ect0, up->traffic_class) << size;
            peer.send(std::string(size, 'x'), relayed, 30, kAf41Ect0);
            const auto down = client.receive();
            ASSERT_TRUE(down) << size;
            EXPECT_EQ(29, down->datagram.ttl) << size;
            EXPECT_EQ(kAf41Ect0, down->datagram.traffic_class) << size;
        }
    });
}

TEST_P(RelayLinkTest, TheClientHearsOfAClosedPort) {
    in_network([](TestRelay&, TestClient& client, UdpEnd&, const Endpoint&) {
        const Endpoint nobody = UdpEnd{GetParam().peer}.local();
        ASSERT_TRUE(client.permit(nobody));
        client.send_indication(nobody, "anybody?");
        const auto told = client.receive();
        ASSERT_TRUE(told);
        EXPECT_EQ(nobody, told->peer());
        const auto icmp = stun::decode_icmp(stun::MessageView::parse(told->bytes).value().find(Attribute::Icmp).value()).value();
        EXPECT_EQ(nobody.address.is_v4() ? 3 : 1, icmp.type);
        EXPECT_EQ(nobody.address.is_v4() ? 3 : 4, icmp.code);
    });
}

}  // namespace
}  // namespace turnpike::net
