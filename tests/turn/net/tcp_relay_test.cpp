#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/udp_socket.hpp"

// RFC 6062 over real sockets: connections to peers and from them, and the data connections that carry their bytes.

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Class;
using stun::Method;
using testing::ManualClock;
using testing::TestClient;
using testing::TestRelay;

/// One TCP connection of a peer, or the socket that takes them.
class TcpEnd {
public:
    static TcpEnd listening() {
        TcpEnd end;
        end.open();
        EXPECT_EQ(0, ::listen(end.fd_.get(), 16));
        end.local_ = local_endpoint(end.fd_.get());
        return end;
    }
    static TcpEnd connected(const Endpoint& to) {
        TcpEnd end;
        end.open();
        sockaddr_storage name{};
        const socklen_t size = to.to(name);
        end.connected_ = ::connect(end.fd_.get(), reinterpret_cast<sockaddr*>(&name), size) == 0;
        end.local_ = local_endpoint(end.fd_.get());
        return end;
    }
    TcpEnd accept() {
        TcpEnd end;
        if (readable(2000ms)) end.fd_ = FileDescriptor{::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        end.connected_ = static_cast<bool>(end.fd_);
        EXPECT_TRUE(end.connected_) << "nobody connected";
        return end;
    }
    Endpoint remote() const {
        sockaddr_storage name{};
        socklen_t size = sizeof name;
        ::getpeername(fd_.get(), reinterpret_cast<sockaddr*>(&name), &size);
        return Endpoint::from(reinterpret_cast<sockaddr&>(name));
    }

    const Endpoint& local() const { return local_; }
    bool connected() const { return connected_; }
    void send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// At most `size` bytes; fewer when the other side ends, or nothing comes for a while.
    std::string read(std::size_t size, Milliseconds wait = 2000ms) {
        std::string text;
        while (text.size() < size && readable(wait)) {
            std::array<char, 65536> space;
            const ssize_t got = ::recv(fd_.get(), space.data(), std::min(space.size(), size - text.size()), 0);
            if (got <= 0) break;
            text.append(space.data(), static_cast<std::size_t>(got));
        }
        return text;
    }
    /// Whether the other side has closed, orderly or not.
    bool closed(Milliseconds wait = 2000ms) {
        std::array<char, 1> space;
        return readable(wait) && ::recv(fd_.get(), space.data(), space.size(), 0) <= 0;
    }
    void end_writing() { ::shutdown(fd_.get(), SHUT_WR); }
    void end() { fd_.reset(); }

private:
    void open() {
        fd_ = FileDescriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        sockaddr_storage name{};
        const socklen_t size = Endpoint{IpAddress::parse("127.0.0.9").value(), 0}.to(name);
        EXPECT_EQ(0, ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size));
    }
    bool readable(Milliseconds wait) const {
        pollfd p{fd_.get(), POLLIN, 0};
        return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
    }
    FileDescriptor fd_;
    Endpoint local_;
    bool connected_ = false;
};

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 31 % 251 % 26);
    return text;
}

struct Case {
    unsigned workers;
    Transport data;
};
std::string name_of(const ::testing::TestParamInfo<Case>& c) {
    return std::string{to_string(c.param.data)} + "On" + std::to_string(c.param.workers);
}

class TcpRelayTest : public ::testing::TestWithParam<Case> {
protected:
    TcpRelayTest() {
        setup_.listen = {{Transport::Tcp, "127.0.0.1:0"}, {Transport::Tls, "127.0.0.1:0"}, {Transport::Udp, "127.0.0.1:0"}};
        setup_.workers = GetParam().workers;
        setup_.core.relay_tcp = true;
    }
    void start() { relay_ = std::make_unique<TestRelay>(setup_); }
    Endpoint listener() const { return relay_->listener(GetParam().data == Transport::Tcp ? 0 : 1); }
    std::unique_ptr<TestClient> client() { return std::make_unique<TestClient>(GetParam().data, listener()); }
    /// A data connection of its own, bound to a peer's.
    std::unique_ptr<TestClient> bound(std::uint32_t id) {
        auto data = client();
        EXPECT_TRUE(data->bind_connection(id)) << data->last_error();
        return data;
    }

    ManualClock clock_;  // of the tests that say so
    TestRelay::Setup setup_;
    std::unique_ptr<TestRelay> relay_;
};

INSTANTIATE_TEST_SUITE_P(Workers, TcpRelayTest,
                         ::testing::Values(Case{1, Transport::Tcp}, Case{2, Transport::Tcp}, Case{4, Transport::Tcp},
                                           Case{1, Transport::Tls}, Case{2, Transport::Tls}, Case{4, Transport::Tls}),
                         name_of);

TEST_P(TcpRelayTest, AClientReachesPeersAndBytesPassBothWays) {
    start();
    const auto control = client();
    const auto relayed = control->allocate_tcp();
    ASSERT_TRUE(relayed);
    TcpEnd peers = TcpEnd::listening();
    // Each from another port, so that they arrive at different workers.
    for (int i = 0; i < 8; ++i) {
        TcpEnd other = TcpEnd::listening();
        const auto id = control->connect(other.local());
        ASSERT_TRUE(id) << control->last_error();
        TcpEnd peer = other.accept();
        EXPECT_EQ(peer.remote(), *relayed) << "connections leave from the relayed address";
        const auto data = bound(*id);
        data->send_raw(as_bytes("to the peer"));
        EXPECT_EQ("to the peer", peer.read(11));
        peer.send("to the client");
        EXPECT_EQ("to the client", data->read_bytes(13));
    }
    EXPECT_TRUE(relay_->wait_for([](const Snapshot& s) { return s.peer_connections == 0; })) << "both sides are gone";
    const Snapshot snapshot = relay_->pool->snapshot();
    EXPECT_EQ(snapshot.counters.traffic.bytes_to_peer, 88U);
    EXPECT_EQ(snapshot.counters.traffic.bytes_to_client, 104U);
    ASSERT_EQ(0U, control->refresh(0));
    ASSERT_EQ(1U, relay_->closed().size());
    EXPECT_EQ(relay_->closed()[0].traffic.bytes_to_client, 104U) << "the usage record";
    EXPECT_EQ(relay_->pool->snapshot().ports_used, 0U);
}

// Much more than any buffer holds, both ways at once.
TEST_P(TcpRelayTest, NothingIsLostOrReorderedUnderBackPressure) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    const auto data = bound(*id);
    const std::string text = pattern(8 << 20);

    // Nobody reads the client's side until the peer has sent everything that fits.
    std::thread sends{[&] { peer.send(text); }};
    const std::string at_client = data->read_bytes(text.size());
    sends.join();
    EXPECT_TRUE(at_client == text) << at_client.size();

    std::string at_peer;
    std::thread reads{[&] { at_peer = peer.read(text.size()); }};
    data->send_all(text);
    reads.join();
    EXPECT_TRUE(at_peer == text) << at_peer.size();
}

// Assertion 112.
TEST_P(TcpRelayTest, WhatThePeerSendsFirstIsDeliveredAfterConnectionBind) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    peer.send("220 hello");
    peer.end_writing();
    const auto data = bound(*id);
    EXPECT_EQ("220 hello", data->read_bytes(100)) << "and then its end";
    data->send_raw(as_bytes("QUIT"));
    EXPECT_EQ("QUIT", peer.read(4)) << "the other direction goes on";
}

TEST_P(TcpRelayTest, WhatTheClientSendsBehindItsRequestIsThePeers) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    for (int i = 0; i < 4; ++i) {
        TcpEnd listening = TcpEnd::listening();
        const auto id = control->connect(listening.local());
        ASSERT_TRUE(id);
        TcpEnd peer = listening.accept();
        const auto data = client();
        // Looks like a STUN message of ours; it is the peer's all the same.
        Bytes behind(20);
        stun::MessageBuilder{behind, Class::Request, Method::Binding, std::array<std::uint8_t, 12>{7}};
        data->behind = behind;
        ASSERT_TRUE(data->bind_connection(*id));
        EXPECT_EQ(peer.read(20), as_text(behind));
    }
}

// Assertion 114.
TEST_P(TcpRelayTest, APermittedPeerConnectsAndAnotherDoesNot) {
    start();
    const auto control = client();
    const auto relayed = control->allocate_tcp();
    ASSERT_TRUE(relayed);
    TcpEnd stranger = TcpEnd::connected(*relayed);
    EXPECT_TRUE(!stranger.connected() || stranger.closed()) << "no permission";

    ASSERT_TRUE(control->permit({IpAddress::parse("127.0.0.9").value(), 1}));
    for (int i = 0; i < 4; ++i) {
        TcpEnd peer = TcpEnd::connected(*relayed);
        ASSERT_TRUE(peer.connected());
        const auto attempt = control->receive();
        ASSERT_TRUE(attempt && attempt->is(Class::Indication, Method::ConnectionAttempt));
        EXPECT_EQ(attempt->address(Attribute::XorPeerAddress), peer.local());
        peer.send("hello");
        const auto data = bound(attempt->u32(Attribute::ConnectionId));
        EXPECT_EQ("hello", data->read_bytes(5));
        data->send_raw(as_bytes("welcome"));
        EXPECT_EQ("welcome", peer.read(7));
    }
}

// Assertion 115, and half-close.
TEST_P(TcpRelayTest, EitherSidesEndIsTheOthers) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();

    auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    auto data = bound(*id);
    peer.send("last words");
    peer.end();
    EXPECT_EQ("last words", data->read_bytes(100));
    EXPECT_TRUE(data->closed_by_server());
    data.reset();
    ASSERT_TRUE(relay_->wait_for([](const Snapshot& s) { return s.peer_connections == 0; }));

    TcpEnd second = TcpEnd::listening();
    id = control->connect(second.local());
    ASSERT_TRUE(id);
    peer = second.accept();
    data = bound(*id);
    data->send_raw(as_bytes("over"));
    data->end_writing();
    EXPECT_EQ("over", peer.read(100)) << "and then its end";
    peer.send("and out");
    EXPECT_EQ("and out", data->read_bytes(7)) << "half-closed";
    peer.end();
    EXPECT_TRUE(data->closed_by_server());
    EXPECT_TRUE(relay_->wait_for([](const Snapshot& s) { return s.peer_connections == 0; }));
    EXPECT_TRUE(control->refresh(600)) << "the allocation goes on";
}

TEST_P(TcpRelayTest, TheAllocationsEndIsItsConnections) {
    start();
    const std::function<void(std::unique_ptr<TestClient>&)> ends[] = {
        [](std::unique_ptr<TestClient>& control) { control->refresh(0); },
        [](std::unique_ptr<TestClient>& control) { control.reset(); },
        [this](std::unique_ptr<TestClient>&) { relay_->pool->kill(relay_->pool->allocations()[0].id, core::CloseReason::Killed); },
        [this](std::unique_ptr<TestClient>&) { relay_->pool->revoke("test", "alice", WallTime{} + 1'000'000h); },
    };
    for (const auto& end : ends) {
        auto control = client();
        const auto relayed = control->allocate_tcp();
        ASSERT_TRUE(relayed);
        TcpEnd bound_to = TcpEnd::listening(), unbound_to = TcpEnd::listening();
        const auto id = control->connect(bound_to.local());
        ASSERT_TRUE(id && control->connect(unbound_to.local()));
        TcpEnd peer = bound_to.accept(), waiting = unbound_to.accept();
        const auto data = bound(*id);
        end(control);
        EXPECT_TRUE(peer.closed());
        EXPECT_TRUE(waiting.closed());
        EXPECT_TRUE(data->closed_by_server());
        EXPECT_TRUE(relay_->wait_for([](const Snapshot& s) { return s.peer_connections == 0 && s.ports_used == 0; }));
        EXPECT_FALSE(TcpEnd::connected(*relayed).connected()) << "nobody listens there";
    }
}

// Assertions 111 and 113.
TEST_P(TcpRelayTest, SaysWhyNot) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    Endpoint nobody;
    {
        TcpEnd gone = TcpEnd::listening();
        nobody = gone.local();
    }
    EXPECT_FALSE(control->connect(nobody));
    EXPECT_EQ(447, control->last_error());
    EXPECT_FALSE(control->connect({IpAddress::parse("10.1.2.3").value(), 5000}));
    EXPECT_EQ(403, control->last_error());
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    EXPECT_FALSE(control->connect(listening.local()));
    EXPECT_EQ(446, control->last_error());

    TestClient udp{Transport::Udp, relay_->listener(2)};
    EXPECT_FALSE(udp.allocate_tcp());
    EXPECT_EQ(400, udp.last_error());
    EXPECT_FALSE(udp.bind_connection(*id));
    EXPECT_EQ(400, udp.last_error());
    EXPECT_FALSE(control->bind_connection(*id));
    EXPECT_EQ(400, control->last_error()) << "the control connection";
    for (std::uint32_t unknown = *id + 1; unknown < *id + 5; ++unknown) {  // of every worker
        const auto data = client();
        EXPECT_FALSE(data->bind_connection(unknown));
        EXPECT_EQ(400, data->last_error());
        data->username = "bob";
        data->password = "builder";
        EXPECT_FALSE(data->bind_connection(*id)) << "another user";
        EXPECT_EQ(400, data->last_error());
        data->username = "alice";
        data->password = "wrong";
        EXPECT_FALSE(data->bind_connection(*id));
        EXPECT_EQ(401, data->last_error());
    }
    const auto data = bound(*id), again = client();
    EXPECT_FALSE(again->bind_connection(*id));
    EXPECT_EQ(400, again->last_error()) << "twice";
    peer.send("still there");
    EXPECT_EQ("still there", data->read_bytes(11));
}

// A connection that was refused is no data connection: it may try again, or be a control connection.
TEST_P(TcpRelayTest, ARefusedDataConnectionGoesOn) {
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    const auto data = client();
    for (std::uint32_t i = 1; i <= 4; ++i) EXPECT_FALSE(data->bind_connection(*id + i));
    // A request right behind one that is refused, wherever that was, is answered too.
    Bytes binding(20);
    stun::MessageBuilder{binding, Class::Request, Method::Binding, std::array<std::uint8_t, 12>{9}};
    data->behind = binding;
    EXPECT_FALSE(data->bind_connection(*id + 1));
    data->behind.clear();
    const auto answer = data->receive();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->is(Class::Success, Method::Binding));
    ASSERT_TRUE(data->bind_connection(*id));
    peer.send("at last");
    EXPECT_EQ("at last", data->read_bytes(7));
}

TEST_P(TcpRelayTest, TwoClientsOfOneNodeReachEachOther) {
    start();
    const auto alice = client(), bob = client();
    const auto to_alice = alice->allocate_tcp(), to_bob = bob->allocate_tcp();
    ASSERT_TRUE(to_alice && to_bob);
    ASSERT_TRUE(bob->permit(*to_alice));
    const auto outgoing = alice->connect(*to_bob);
    ASSERT_TRUE(outgoing) << alice->last_error();
    const auto attempt = bob->receive();
    ASSERT_TRUE(attempt && attempt->is(Class::Indication, Method::ConnectionAttempt));
    EXPECT_EQ(attempt->address(Attribute::XorPeerAddress), *to_alice);
    const auto alices = bound(*outgoing), bobs = bound(attempt->u32(Attribute::ConnectionId));
    alices->send_raw(as_bytes("hello bob"));
    EXPECT_EQ("hello bob", bobs->read_bytes(9));
    bobs->send_raw(as_bytes("hello alice"));
    EXPECT_EQ("hello alice", alices->read_bytes(11));
}

TEST_P(TcpRelayTest, NobodyComesWithinThirtySeconds) {
    setup_.clock = &clock_;
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    clock_.advance(29s);
    EXPECT_EQ(1U, relay_->pool->snapshot().peer_connections);
    EXPECT_FALSE(peer.closed(0ms));
    clock_.advance(1101ms);
    EXPECT_TRUE(peer.closed());
    const auto data = client();
    EXPECT_FALSE(data->bind_connection(*id));
    EXPECT_EQ(400, data->last_error());
}

TEST_P(TcpRelayTest, TheBandwidthLimitSlowsBothDirections) {
    setup_.clock = &clock_;
    setup_.core.bandwidth_kbit_s = 64;  // 8,000 bytes a second, 16 KiB at once
    start();
    const auto control = client();
    ASSERT_TRUE(control->allocate_tcp());
    TcpEnd listening = TcpEnd::listening();
    const auto id = control->connect(listening.local());
    ASSERT_TRUE(id);
    TcpEnd peer = listening.accept();
    const auto data = bound(*id);
    peer.send(pattern(30'000));
    EXPECT_EQ(16'384U, data->read_bytes(16'384).size());
    EXPECT_EQ("", data->read_bytes(1, 100ms)) << "while time stands still";
    clock_.advance(1s);
    EXPECT_EQ(8'000U, data->read_bytes(8'000).size());
    EXPECT_EQ("", data->read_bytes(1, 100ms));
    clock_.advance(1s);
    EXPECT_EQ(5'616U, data->read_bytes(5'616).size());
    data->send_raw(as_bytes("and up"));
    EXPECT_EQ("and up", peer.read(6)) << "from the same bucket";
}

TEST_P(TcpRelayTest, WithoutConnectionsAnAllocationMovesAndListensStill) {
    start();
    const auto control = client();
    const auto relayed = control->allocate_tcp();
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(control->permit({IpAddress::parse("127.0.0.9").value(), 1}));
    for (unsigned worker = 0; worker < setup_.workers; ++worker) {
        ASSERT_TRUE(relay_->pool->transfer(control->tuple(), worker));
        TcpEnd peer = TcpEnd::connected(*relayed);
        const auto attempt = control->receive();
        ASSERT_TRUE(attempt && attempt->is(Class::Indication, Method::ConnectionAttempt));
        const auto data = bound(attempt->u32(Attribute::ConnectionId));
        peer.send("moved");
        EXPECT_EQ("moved", data->read_bytes(5));
        if (setup_.workers > 1) {
            EXPECT_FALSE(relay_->pool->transfer(control->tuple(), (worker + 1) % setup_.workers)) << "with one it stays";
        }
        peer.end();
        EXPECT_TRUE(data->closed_by_server());
        data->end_writing();
        ASSERT_TRUE(relay_->wait_for([](const Snapshot& s) { return s.peer_connections == 0; }));
    }
}

// A port that somebody else listens on is not shared with them.
TEST(TcpRelayPortTest, APortThatIsTakenIsNotGivenOut) {
    ManualClock clock;
    TcpEnd taken = TcpEnd::listening();
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tcp, "127.0.0.1:0"}};
    setup.core.relay_tcp = true;
    setup.clock = &clock;
    setup.relay_addresses = {{taken.local().address, taken.local().address}};
    setup.port_min = setup.port_max = taken.local().port;
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    EXPECT_FALSE(client.allocate_tcp());
    EXPECT_EQ(508, client.last_error());
    EXPECT_EQ(0U, relay.pool->snapshot().ports_used);
    taken.end();
    clock.advance(6s);
    EXPECT_EQ(taken.local(), client.allocate_tcp());
}

}  // namespace
}  // namespace turnpike::net
