#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/turn/net/dtls_support.hpp"
#include "turn/net/dtls_cookies.hpp"

namespace turnpike::net {
namespace {

using stun::Method;
using testing::dtls_client_hello;
using testing::dtls_record;
using testing::DtlsStepper;
using testing::ManualClock;
using testing::SelfSigned;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

constexpr std::uint8_t kAlert = 21, kHandshake = 22, kApplicationData = 23, kChangeCipherSpec = 20;

TestRelay::Setup dtls_listener() {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Dtls, "127.0.0.1:0"}};
    return setup;
}

void expect_relays(TestClient& client, UdpEnd& peer, const Endpoint& relayed, const std::string& text) {
    client.send_channel(0x4000, text);
    const auto up = peer.receive();
    ASSERT_TRUE(up) << text;
    EXPECT_EQ(text, as_text(up->bytes));
    peer.send(text, relayed);
    const auto down = client.receive();
    ASSERT_TRUE(down) << text;
    EXPECT_EQ(text, down->data());
}

// T32, security reference 6 row 45 and 46.
TEST(DtlsTest, NothingIsKeptBeforeTheCookieComesBack) {
    TestRelay relay{dtls_listener()};
    const Bytes hello = dtls_client_hello();
    for (int i = 0; i < 100; ++i) {
        UdpEnd stranger{"127.0.0.1"};
        stranger.send(hello, relay.listener());
        const auto verify = stranger.receive();
        ASSERT_TRUE(verify);
        EXPECT_EQ(3, verify->bytes[13]) << "HelloVerifyRequest";
        EXPECT_LE(verify->bytes.size(), hello.size());
    }
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(0U, snapshot.dtls_sessions);
    EXPECT_EQ(0U, snapshot.stream_sessions);
    EXPECT_EQ(0U, snapshot.tls_handshakes_failed);
}

TEST(DtlsTest, AStrangersRecordsThatAreNoClientHelloGetNoAnswer) {
    TestRelay relay{dtls_listener()};
    UdpEnd stranger{"127.0.0.1"};
    Bytes huge = dtls_client_hello();
    huge[14] = huge[15] = huge[16] = 0xFF;  // a message of 2^24 - 1 bytes begins
    Bytes tls = dtls_client_hello();
    tls[1] = 3;  // TLS's version
    Bytes later = dtls_client_hello();
    later[19] = 1;  // a fragment that does not begin the message
    for (const Bytes& datagram :
         {dtls_record(kApplicationData, 1, as_bytes("data")), dtls_record(kApplicationData, 0, as_bytes("data")),
          dtls_record(kAlert, 0, Bytes{2, 40}), dtls_record(kChangeCipherSpec, 0, Bytes{1}), dtls_record(24, 0, Bytes(20)),
          dtls_record(kHandshake, 0, Bytes{14, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}), huge, tls, later, Bytes{22}}) {
        stranger.send(datagram, relay.listener());
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.dropped_malformed >= 10; }));
    EXPECT_FALSE(stranger.receive(0ms));
    EXPECT_EQ(0U, relay.pool->snapshot().stream_sessions);
}

TEST(DtlsTest, ACookieOfAnotherAddressIsNone) {
    TestRelay relay{dtls_listener()};
    DtlsStepper stepper{relay.listener()};
    ASSERT_TRUE(stepper.show_cookie());
    ASSERT_TRUE(stepper.end().receive()) << "the server's flight";
    UdpEnd other{"127.0.0.1"};
    other.send(stepper.last_hello, relay.listener());
    const auto answer = other.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(3, answer->bytes[13]) << "HelloVerifyRequest, not ServerHello";
    EXPECT_EQ(1U, relay.pool->snapshot().dtls_sessions);
}

// T33: 0 relayed packets are lost, and nobody is told that anything happened.
TEST(DtlsTest, WhatAnybodyCanSayFromAClientsAddressDoesItNoHarm) {
    TestRelay relay{dtls_listener()};
    TestClient client{Transport::Dtls, relay.listener()};
    ASSERT_TRUE(client.connected());
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));

    const auto inject = [&](const Bytes& datagram) { ::send(client.fd(), datagram.data(), datagram.size(), 0); };
    for (int i = 0; i < 20; ++i) {
        Bytes hello = dtls_client_hello();
        inject(hello);
        store_u16(hello, hello.size() - 4, 0);  // and one that is no good
        inject(hello);
        inject(dtls_record(kAlert, 0, Bytes{2, 40}));
        inject(dtls_record(kAlert, 0, Bytes{1, 0}));
        inject(dtls_record(kChangeCipherSpec, 0, Bytes{1}));
        inject(dtls_record(kHandshake, 1, Bytes(40)));
        inject(dtls_record(kApplicationData, 1, Bytes(40)));
        inject(dtls_record(kAlert, 1, Bytes(40)));
        // What comes back is for the stranger's hellos: cookies, and no alert.
        std::array<std::uint8_t, 2048> answer{};
        int verified = 0;
        while (verified < 2) {
            pollfd p{client.fd(), POLLIN, 0};
            ASSERT_EQ(1, ::poll(&p, 1, 2000));
            ASSERT_GT(::recv(client.fd(), answer.data(), answer.size(), 0), 13);
            EXPECT_EQ(kHandshake, answer[0]);
            EXPECT_EQ(3, answer[13]);
            ++verified;
        }
        expect_relays(client, peer, *relayed, "packet " + std::to_string(i));
    }
    EXPECT_EQ(600U, client.refresh(600));
    EXPECT_TRUE(relay.closed().empty());
    EXPECT_EQ(1U, relay.pool->snapshot().tls_handshakes_ok);
}

// RFC 6347 §4.2.8: a client that lost its state comes from the same port.
TEST(DtlsTest, ANewHandshakeReplacesTheOldAssociationOnceItIsDone) {
    TestRelay relay{dtls_listener()};
    TestClient client{Transport::Dtls, relay.listener()};
    UdpEnd peer;
    auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));

    ASSERT_TRUE(client.begin_anew());
    relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed) << client.last_error();
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    expect_relays(client, peer, *relayed, "anew");

    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(core::CloseReason::ClientGone, relay.closed()[0].reason);
    const Snapshot snapshot = relay.pool->snapshot();
    EXPECT_EQ(1U, snapshot.dtls_sessions);
    EXPECT_EQ(1U, snapshot.stream_sessions);
    EXPECT_EQ(1U, snapshot.allocations);
    EXPECT_EQ(2U, snapshot.tls_handshakes_ok);
}

TEST(DtlsTest, GoodbyeEndsTheAllocation) {
    TestRelay relay{dtls_listener()};
    {
        TestClient client{Transport::Dtls, relay.listener()};
        ASSERT_TRUE(client.allocate(Family::V4));
        EXPECT_EQ(1U, relay.pool->snapshot().allocations_by_transport[static_cast<std::size_t>(Transport::Dtls)]);
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.allocations == 0 && s.ports_used == 0; }));
    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(core::CloseReason::ClientGone, relay.closed()[0].reason);
    EXPECT_EQ(0U, relay.pool->snapshot().stream_sessions);
}

TEST(DtlsTest, TheServersEndIsSaid) {
    TestRelay relay{dtls_listener()};
    TestClient killed{Transport::Dtls, relay.listener()}, other{Transport::Dtls, relay.listener()};
    ASSERT_TRUE(killed.allocate(Family::V4));
    ASSERT_TRUE(other.request(Method::Binding));
    ASSERT_EQ(1U, relay.pool->kill(relay.pool->allocations().at(0).id, core::CloseReason::Killed));
    EXPECT_TRUE(killed.closed_by_server());
    EXPECT_TRUE(other.request(Method::Binding));
    relay.pool->stop();
    EXPECT_TRUE(other.closed_by_server());
}

TEST(DtlsTest, AnAssociationOutlivesItsAllocation) {
    TestRelay relay{dtls_listener()};
    TestClient client{Transport::Dtls, relay.listener()};
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_EQ(0U, client.refresh(0));
    EXPECT_TRUE(client.allocate(Family::V4));
    EXPECT_EQ(1U, relay.pool->snapshot().tls_handshakes_ok);
}

TEST(DtlsTest, ADatagramThatNoRecordHoldsIsDroppedAndCounted) {
    TestRelay relay{dtls_listener()};
    TestClient client{Transport::Dtls, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    peer.send(std::string(16'381, 'x'), *relayed);  // 4 bytes of header are too many
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.stream_queue_drops == 1; }));
    peer.send(std::string(16'380, 'x'), *relayed);
    const auto most = client.receive();
    ASSERT_TRUE(most);
    EXPECT_EQ(16'380U, most->data().size());
}

TEST(DtlsTest, AServersFlightThatWasLostIsSentAgain) {
    TestRelay relay{dtls_listener()};
    DtlsStepper stepper{relay.listener()};
    ASSERT_TRUE(stepper.show_cookie());
    Bytes first, again;
    while (const auto datagram = stepper.end().receive(200ms)) first.insert(first.end(), datagram->bytes.begin(), datagram->bytes.end());
    ASSERT_FALSE(first.empty());
    // Nobody says anything, and after a second it is there again.
    const auto datagram = stepper.end().receive(3000ms);
    ASSERT_TRUE(datagram);
    EXPECT_EQ(2, datagram->bytes[13]) << "ServerHello";
    EXPECT_EQ(1U, relay.pool->snapshot().dtls_sessions);
}

TEST(DtlsTest, AHandshakeHasADeadline) {
    ManualClock clock;
    TestRelay::Setup setup = dtls_listener();
    setup.clock = &clock;
    TestRelay relay{setup};
    DtlsStepper stepper{relay.listener()};
    ASSERT_TRUE(stepper.show_cookie());
    ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.dtls_sessions == 1; }));
    clock.advance(9900ms);
    EXPECT_EQ(1U, relay.pool->snapshot().dtls_sessions);
    clock.advance(201ms);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.dtls_sessions == 0 && s.stream_sessions == 0; }));
    EXPECT_EQ(1U, relay.pool->snapshot().tls_handshakes_failed);
}

TEST(DtlsTest, SilenceEndsAnAssociationButNotOneWithAnAllocation) {
    ManualClock clock;
    TestRelay::Setup setup = dtls_listener();
    setup.clock = &clock;
    setup.core.lifetime_max = 7200s;
    TestRelay relay{setup};
    TestClient silent{Transport::Dtls, relay.listener()}, idle{Transport::Dtls, relay.listener()},
        busy{Transport::Dtls, relay.listener()};
    silent.abandoned = idle.abandoned = true;
    ASSERT_TRUE(idle.request(Method::Binding));
    ASSERT_TRUE(busy.allocate(Family::V4, 3600));
    ASSERT_EQ(3U, relay.pool->snapshot().dtls_sessions);
    clock.advance(10101ms);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.dtls_sessions == 2; })) << "no first message";
    EXPECT_TRUE(silent.closed_by_server());
    clock.advance(290s);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.dtls_sessions == 1; }));
    EXPECT_TRUE(idle.closed_by_server());
    EXPECT_TRUE(busy.refresh(3600));
}

TEST(DtlsTest, CookiesOfTheLastKeyAreGoodAndOlderOnesAreNot) {
    crypto::SystemRandom random;
    const DtlsCookies cookies{random}, others{random};
    const FiveTuple tuple{Endpoint::parse("192.0.2.1:1000").value(), Endpoint::parse("192.0.2.2:5349").value(), Transport::Dtls};
    const Instant now{1000 * DtlsCookies::kRotation};
    const auto cookie = cookies.make(tuple, now);
    EXPECT_TRUE(cookies.valid(cookie, tuple, now));
    EXPECT_TRUE(cookies.valid(cookie, tuple, now + 2 * DtlsCookies::kRotation - 1ns));
    EXPECT_FALSE(cookies.valid(cookie, tuple, now + 2 * DtlsCookies::kRotation));
    EXPECT_FALSE(others.valid(cookie, tuple, now));
    EXPECT_FALSE(cookies.valid(ByteView{cookie}.first(15), tuple, now));
    EXPECT_FALSE(cookies.valid({}, tuple, now));
    FiveTuple moved = tuple;
    ++moved.client.port;
    EXPECT_FALSE(cookies.valid(cookie, moved, now));
    moved = tuple;
    moved.client.address = IpAddress::parse("192.0.2.3").value();
    EXPECT_FALSE(cookies.valid(cookie, moved, now));
}

TEST(DtlsTest, ACookieWorksAcrossOneRotation) {
    ManualClock clock;
    TestRelay::Setup setup = dtls_listener();
    setup.clock = &clock;
    TestRelay relay{setup};
    DtlsStepper stepper{relay.listener()};
    stepper.end().send(stepper.step({}), relay.listener());
    const auto verify = stepper.end().receive();
    ASSERT_TRUE(verify);
    const Bytes hello = stepper.step(verify->bytes);
    clock.advance(2 * DtlsCookies::kRotation);
    stepper.end().send(hello, relay.listener());
    const auto again = stepper.end().receive();
    ASSERT_TRUE(again);
    EXPECT_EQ(3, again->bytes[13]) << "too old: a new cookie";
    EXPECT_EQ(0U, relay.pool->snapshot().dtls_sessions);
}

// ---- limits, for TLS alike ----

class SecureLegTest : public ::testing::TestWithParam<Transport> {
protected:
    TestRelay::Setup setup_ = [] {
        TestRelay::Setup s;
        s.listen = {{GetParam(), "127.0.0.1:0"}};
        return s;
    }();
};

std::string name_of(const ::testing::TestParamInfo<Transport>& leg) { return std::string{to_string(leg.param)}; }
INSTANTIATE_TEST_SUITE_P(Secure, SecureLegTest, ::testing::Values(Transport::Tls, Transport::Dtls), name_of);

// T36.
TEST_P(SecureLegTest, OneSourceHasSoManyHandshakesASecond) {
    ManualClock clock;
    setup_.clock = &clock;
    setup_.limits.handshakes_per_second = 1;
    setup_.limits.handshakes_burst = 2;
    TestRelay relay{setup_};
    const auto connect = [&](const std::string& from) {
        return TestClient{GetParam(), relay.listener(), from, 300ms}.connected();
    };
    EXPECT_TRUE(connect("127.0.0.1"));
    EXPECT_TRUE(connect("127.0.0.1"));
    EXPECT_FALSE(connect("127.0.0.1"));
    EXPECT_TRUE(connect("127.0.0.2")) << "another source";
    EXPECT_GE(relay.pool->snapshot().tls_handshakes_refused, 1U);
    clock.advance(1s);
    EXPECT_TRUE(connect("127.0.0.1"));
}

TEST_P(SecureLegTest, TheNodeHasSoManyHandshakesAtOnce) {
    setup_.limits.handshakes_max = 1;
    TestRelay relay{setup_};
    std::optional<DtlsStepper> datagrams;
    std::optional<TestClient> stream;
    if (GetParam() == Transport::Dtls) {
        datagrams.emplace(relay.listener());
        ASSERT_TRUE(datagrams->show_cookie());
        ASSERT_TRUE(datagrams->end().receive());
    } else {
        stream.emplace(Transport::Tcp, relay.listener());
        stream->send_raw(Bytes{0x16, 0x03, 0x01, 0x02, 0x00});
        EXPECT_FALSE(stream->closed_by_server(100ms));
    }
    EXPECT_FALSE((TestClient{GetParam(), relay.listener(), "127.0.0.1", 300ms}.connected()));
    EXPECT_GE(relay.pool->snapshot().tls_handshakes_refused, 1U);
    stream.reset();
    if (GetParam() == Transport::Tls) {
        ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_failed == 1; }));
        EXPECT_TRUE((TestClient{GetParam(), relay.listener()}.connected())) << "its place is free again";
    }
}

TEST_P(SecureLegTest, OneSourceHasSoManySessions) {
    setup_.limits.stream_sessions_per_source = 2;
    TestRelay relay{setup_};
    TestClient first{GetParam(), relay.listener()}, second{GetParam(), relay.listener()};
    ASSERT_TRUE(first.connected() && second.connected());
    EXPECT_FALSE((TestClient{GetParam(), relay.listener(), "127.0.0.1", 300ms}.connected()));
    EXPECT_TRUE((TestClient{GetParam(), relay.listener(), "127.0.0.2", 2000ms}.connected()));
    EXPECT_GE(relay.pool->snapshot().stream_sessions_refused, 1U);
}

TEST_P(SecureLegTest, ANewCertificateIsForNewClients) {
    TestRelay relay{setup_};
    const auto certificate = [](const TestClient& client) {
        X509* const x509 = ::SSL_get1_peer_certificate(client.ssl());
        Bytes der(static_cast<std::size_t>(::i2d_X509(x509, nullptr)));
        std::uint8_t* at = der.data();
        ::i2d_X509(x509, &at);
        ::X509_free(x509);
        return der;
    };
    TestClient before{GetParam(), relay.listener()};
    ASSERT_TRUE(before.allocate(Family::V4));
    const SelfSigned renewed{relay.directory, "relay"};
    ASSERT_TRUE(relay.pool->reload_certificates());
    TestClient after{GetParam(), relay.listener()};
    ASSERT_TRUE(after.connected());
    EXPECT_NE(certificate(before), certificate(after));
    EXPECT_EQ(600U, before.refresh(600));
}

// ---- one port for both, RFC 7983 ----

TEST(OnePortTest, PlainAndSecureClientsShareIt) {
    for (const bool stream : {false, true}) {
        TestRelay::Setup setup;
        setup.listen = {{stream ? Transport::Tcp : Transport::Udp, "127.0.0.1:0"}};
        setup.each = [](Listener& listener) { listener.also_secure = true; };
        TestRelay relay{setup};
        TestClient plain{stream ? Transport::Tcp : Transport::Udp, relay.listener()},
            secure{stream ? Transport::Tls : Transport::Dtls, relay.listener()};
        UdpEnd peer;
        for (TestClient* const client : {&plain, &secure}) {
            const auto relayed = client->allocate(Family::V4);
            ASSERT_TRUE(relayed);
            ASSERT_TRUE(client->bind_channel(0x4000, peer.local()));
            expect_relays(*client, peer, *relayed, std::string{to_string(client->tuple().transport)});
        }
        const Snapshot snapshot = relay.pool->snapshot();
        EXPECT_EQ(1U, snapshot.allocations_by_transport[static_cast<std::size_t>(plain.tuple().transport)]);
        EXPECT_EQ(1U, snapshot.allocations_by_transport[static_cast<std::size_t>(secure.tuple().transport)]);
    }
}

TEST(OnePortTest, APortOfOneKindDropsTheOther) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Udp, "127.0.0.1:0"}, {Transport::Dtls, "127.0.0.1:0"}};
    TestRelay relay{setup};
    UdpEnd stranger{"127.0.0.1"};
    stranger.send(dtls_client_hello(), relay.listener(0));
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, stun::Class::Request, Method::Binding, id};
    stranger.send(builder.bytes(), relay.listener(1));
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.datagrams_received == 2; }));
    EXPECT_FALSE(stranger.receive(100ms));
    stranger.send(builder.bytes(), relay.listener(0));
    EXPECT_TRUE(stranger.receive());
}

}  // namespace
}  // namespace turnpike::net
