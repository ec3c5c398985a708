#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/turn/net/relay_support.hpp"

namespace turnpike::net {
namespace {

using stun::Class;
using stun::Method;
using testing::ManualClock;
using testing::SelfSigned;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

class StreamTest : public ::testing::TestWithParam<Transport> {
protected:
    TestRelay::Setup setup_ = [] {
        TestRelay::Setup s;
        s.listen = {{GetParam(), "127.0.0.1:0"}};
        return s;
    }();
};

std::string name_of(const ::testing::TestParamInfo<Transport>& leg) { return std::string{to_string(leg.param)}; }

INSTANTIATE_TEST_SUITE_P(Streams, StreamTest, ::testing::Values(Transport::Tcp, Transport::Tls), name_of);

Bytes binding_request(std::uint8_t n) {
    Bytes space(20);
    const std::array<std::uint8_t, 12> id{n};
    stun::MessageBuilder builder{space, Class::Request, Method::Binding, id};
    return {builder.bytes().begin(), builder.bytes().end()};
}

// RFC 8656 §3: framing depends on the bytes alone, not on how they were cut.
TEST_P(StreamTest, FramesMayArriveByteByByte) {
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    Bytes bytes{0x40, 0x00, 0x00, 0x05, 'h', 'e', 'l', 'l', 'o', 0, 0, 0};
    const Bytes request = binding_request(1);
    bytes.insert(bytes.end(), request.begin(), request.end());

    for (const std::uint8_t& byte : bytes) client.send_raw({&byte, 1});

    const auto at_peer = peer.receive();
    ASSERT_TRUE(at_peer);
    EXPECT_EQ("hello", as_text(at_peer->bytes));
    const auto response = client.receive();
    ASSERT_TRUE(response);
    EXPECT_TRUE(response->is(Class::Success, Method::Binding));
}

TEST_P(StreamTest, ManyFramesMayArriveAtOnce) {
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(client.allocate(Family::V4));
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    Bytes bytes;
    for (std::uint8_t i = 0; i < 100; ++i) bytes.insert(bytes.end(), {0x40, 0x00, 0x00, 0x01, i, 0, 0, 0});

    client.send_raw(bytes);

    for (std::uint8_t i = 0; i < 100; ++i) {
        const auto at_peer = peer.receive();
        ASSERT_TRUE(at_peer) << int{i};
        EXPECT_EQ(Bytes{i}, at_peer->bytes) << "in order";
    }
}

TEST_P(StreamTest, AStreamThatIsNoTurnIsClosed) {
    TestRelay relay{setup_};
    for (const std::string_view text : {"GET / HTTP/1.1\r\n\r\n", "\xFF\xFF\xFF\xFF"}) {
        TestClient client{GetParam(), relay.listener()};
        client.send_raw(as_bytes(text));
        EXPECT_TRUE(client.closed_by_server()) << text;
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.stream_sessions == 0; }));
}

TEST_P(StreamTest, AStrangersFirstFrameMayNotBeHuge) {
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    const Bytes header{0x00, 0x01, 0xFF, 0xFC};  // a STUN message of 65,552 bytes begins
    client.send_raw(header);
    EXPECT_TRUE(client.closed_by_server());
}

TEST_P(StreamTest, TheAllocationEndsWithItsConnection) {
    TestRelay relay{setup_};
    {
        TestClient client{GetParam(), relay.listener()};
        ASSERT_TRUE(client.allocate(Family::V4));
        EXPECT_EQ(1U, relay.pool->snapshot().allocations_by_transport[static_cast<std::size_t>(GetParam())]);
    }
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.allocations == 0 && s.ports_used == 0; }));
    ASSERT_EQ(1U, relay.closed().size());
    EXPECT_EQ(core::CloseReason::ClientGone, relay.closed()[0].reason);
    EXPECT_EQ(0U, relay.pool->snapshot().allocations_by_transport[static_cast<std::size_t>(GetParam())]);
}

// T37: memory stays bounded, the newest are dropped, and the client's control still works afterwards.
TEST_P(StreamTest, ASlowReaderCostsBoundedMemory) {
    setup_.limits.stream_queue_bytes_max = 32 * 1024;
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
    const std::string data(1200, 'd');

    // The client does not read. 32 KiB and what the kernel holds fill up; then frames are dropped.
    std::size_t sent = 0;
    constexpr std::size_t kSentMax = 100'000;
    while (sent < kSentMax) {
        for (int i = 0; i < 32; ++i, ++sent) peer.send(data, *relayed);
        if (relay.pool->snapshot().stream_queue_drops > 100) break;
    }
    EXPECT_LT(sent, kSentMax) << "drops begin";

    // What does arrive is whole frames, and then the answer to a request.
    std::size_t received = 0;
    ASSERT_TRUE(client.refresh(600));
    while (client.receive(0ms)) ++received;
    EXPECT_GT(received, 0U);
    EXPECT_LT(received, sent);
    // Reading again: media flows again.
    peer.send("fresh", *relayed);
    const auto fresh = client.receive();
    ASSERT_TRUE(fresh);
    EXPECT_EQ("fresh", fresh->data());
}

TEST_P(StreamTest, OneSourceHasSoManySessionsAndNoMore) {
    setup_.limits.stream_sessions_per_source = 3;
    TestRelay relay{setup_};
    std::vector<std::unique_ptr<TestClient>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(std::make_unique<TestClient>(GetParam(), relay.listener(), "127.0.0.20"));
        EXPECT_TRUE(clients.back()->request(Method::Binding)) << i;
    }
    TestClient fourth{GetParam(), relay.listener(), "127.0.0.20"};
    EXPECT_TRUE(fourth.closed_by_server() || !fourth.connected());
    TestClient elsewhere{GetParam(), relay.listener(), "127.0.0.21"};
    EXPECT_TRUE(elsewhere.request(Method::Binding)) << "another source is not affected";
    EXPECT_EQ(1U, relay.pool->snapshot().stream_sessions_refused);

    clients.pop_back();
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.stream_sessions == 3; }));
    TestClient fifth{GetParam(), relay.listener(), "127.0.0.20"};
    EXPECT_TRUE(fifth.request(Method::Binding)) << "the place is free again";
}

TEST_P(StreamTest, TheNodeHasSoManySessionsAndNoMore) {
    setup_.limits.stream_sessions_max = 2;
    TestRelay relay{setup_};
    TestClient one{GetParam(), relay.listener(), "127.0.0.20"}, two{GetParam(), relay.listener(), "127.0.0.21"};
    ASSERT_TRUE(one.request(Method::Binding) && two.request(Method::Binding));
    TestClient three{GetParam(), relay.listener(), "127.0.0.22"};
    EXPECT_TRUE(three.closed_by_server() || !three.connected());
}

// RFC 8656 §12.5: ChannelData is padded to four bytes on streams, towards the client too.
TEST(StreamTcpTest, ChannelDataToTheClientIsPadded) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tcp, "127.0.0.1:0"}};
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    UdpEnd peer;
    const auto relayed = client.allocate(Family::V4);
    ASSERT_TRUE(relayed);
    ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));

    peer.send("abcde", *relayed);
    std::array<std::uint8_t, 12> raw{};
    std::size_t got = 0;
    while (got < raw.size()) {
        const ssize_t n = ::recv(client.fd(), raw.data() + got, raw.size() - got, 0);
        ASSERT_GT(n, 0);
        got += static_cast<std::size_t>(n);
    }
    EXPECT_EQ((std::array<std::uint8_t, 12>{0x40, 0, 0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0}), raw);
}

// ---- T35: deadlines, on a clock that the test moves ----

class StreamDeadlineTest : public StreamTest {
protected:
    StreamDeadlineTest() { setup_.clock = &clock_; }
    ManualClock clock_;
};

INSTANTIATE_TEST_SUITE_P(Streams, StreamDeadlineTest, ::testing::Values(Transport::Tcp, Transport::Tls), name_of);

TEST_P(StreamDeadlineTest, AConnectionWithoutAByteIsClosed) {
    TestRelay relay{setup_};
    TestClient client{Transport::Tcp, relay.listener()};  // no handshake on TLS either
    ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.stream_sessions == 1; }));
    clock_.advance(5s - 1ms);
    EXPECT_FALSE(client.closed_by_server(250ms));
    clock_.advance(101ms);  // the wheel's tick
    EXPECT_TRUE(client.closed_by_server());
}

TEST_P(StreamDeadlineTest, AClientThatNeverFinishesItsFirstFrameIsClosed) {
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    const Bytes request = binding_request(1);
    client.send_raw(ByteView{request}.first(10));
    if (GetParam() == Transport::Tls) {
        ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_ok == 1; }));
    } else {
        ASSERT_TRUE(relay.wait_for([](const Snapshot& s) { return s.stream_sessions == 1; }));
        EXPECT_FALSE(client.closed_by_server(150ms)) << "its byte has been read by now";
    }
    clock_.advance(9s);
    EXPECT_FALSE(client.closed_by_server(250ms));
    clock_.advance(1101ms);
    EXPECT_TRUE(client.closed_by_server());
}

TEST_P(StreamDeadlineTest, AHalfFrameMayNotStayHalf) {
    TestRelay relay{setup_};
    TestClient client{GetParam(), relay.listener()};
    ASSERT_TRUE(client.request(Method::Binding));
    const Bytes request = binding_request(1);
    client.send_raw(ByteView{request}.first(10));
    const std::uint64_t before = relay.pool->snapshot().counters.requests[1];
    for (int i = 0; i < 40 && !client.closed_by_server(120ms); ++i) clock_.advance(2s);
    EXPECT_TRUE(client.closed_by_server(0ms));
    EXPECT_EQ(before, relay.pool->snapshot().counters.requests[1]);
}

TEST_P(StreamDeadlineTest, SilenceEndsASessionButNotOneWithAnAllocation) {
    setup_.limits.idle = 60s;
    TestRelay relay{setup_};
    TestClient idle{GetParam(), relay.listener()}, busy{GetParam(), relay.listener()};
    ASSERT_TRUE(idle.request(Method::Binding));
    ASSERT_TRUE(busy.allocate(Family::V4));
    UdpEnd peer;
    ASSERT_TRUE(busy.bind_channel(0x4000, peer.local()));

    for (int i = 0; i < 30 && !idle.closed_by_server(110ms); ++i) clock_.advance(20s);

    EXPECT_TRUE(idle.closed_by_server(0ms));
    EXPECT_FALSE(busy.closed_by_server(0ms));
    busy.send_channel(0x4000, "still here");
    EXPECT_TRUE(peer.receive());
}

TEST(StreamTlsTest, AStalledHandshakeIsClosedAndCounted) {
    ManualClock clock;
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    setup.clock = &clock;
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    client.send_raw(Bytes{0x16, 0x03, 0x01, 0x02, 0x00});  // a record header, and no record
    EXPECT_FALSE(client.closed_by_server(150ms));
    clock.advance(5101ms);
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_failed == 1; }));
}

TEST(StreamTlsTest, PlainTextAtATlsListenerFailsTheHandshake) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener()};
    client.send_raw(binding_request(1));
    EXPECT_TRUE(client.closed_by_server());
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_failed == 1 && s.stream_sessions == 0; }));
}

// What a client with such limits negotiates; empty when it cannot.
std::string negotiate(const Endpoint& server, int version_max, const char* ciphers, Bytes* certificate = nullptr) {
    const FileDescriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage name{};
    const socklen_t size = server.to(name);
    EXPECT_EQ(0, ::connect(fd.get(), reinterpret_cast<sockaddr*>(&name), size));
    SSL_CTX* const context = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_security_level(context, 0);
    ::SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    ::SSL_CTX_set_max_proto_version(context, version_max);
    if (ciphers != nullptr) ::SSL_CTX_set_cipher_list(context, ciphers);
    SSL* const ssl = ::SSL_new(context);
    ::SSL_set_fd(ssl, fd.get());
    std::string result;
    if (::SSL_connect(ssl) == 1) {
        result = std::string{::SSL_get_version(ssl)} + " " + ::SSL_get_cipher(ssl);
        if (certificate != nullptr) {
            X509* const x509 = ::SSL_get1_peer_certificate(ssl);
            certificate->resize(static_cast<std::size_t>(::i2d_X509(x509, nullptr)));
            std::uint8_t* at = certificate->data();
            ::i2d_X509(x509, &at);
            ::X509_free(x509);
        }
    }
    ::SSL_free(ssl);
    ::SSL_CTX_free(context);
    return result;
}

TEST(StreamTlsTest, OnlyModernVersionsAndCiphersAreSpoken) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    TestRelay relay{setup};
    const Endpoint server = relay.listener();
    EXPECT_EQ(0U, negotiate(server, 0, nullptr).find("TLSv1.3 "));
    EXPECT_EQ(0U, negotiate(server, TLS1_2_VERSION, nullptr).find("TLSv1.2 ECDHE-ECDSA-"));
    EXPECT_EQ("TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256", negotiate(server, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
    EXPECT_EQ("", negotiate(server, TLS1_1_VERSION, nullptr));
    EXPECT_EQ("", negotiate(server, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256")) << "CBC";
    EXPECT_EQ("", negotiate(server, TLS1_2_VERSION, "AES128-GCM-SHA256")) << "no forward secrecy";
}

TEST(StreamTlsTest, AReloadSwapsTheCertificateAndABadOneLeavesTheOld) {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    TestRelay relay{setup};
    Bytes first, second, third;
    TestClient before{Transport::Tls, relay.listener()};
    ASSERT_NE("", negotiate(relay.listener(), 0, nullptr, &first));

    const SelfSigned renewed{relay.directory, "relay"};  // over the same files
    ASSERT_TRUE(relay.pool->reload_certificates());
    ASSERT_NE("", negotiate(relay.listener(), 0, nullptr, &second));
    EXPECT_NE(first, second);
    EXPECT_TRUE(before.request(Method::Binding)) << "live connections go on";

    relay.directory.write("relay.pem", "half a certif");
    const auto bad = relay.pool->reload_certificates();
    ASSERT_FALSE(bad);
    EXPECT_NE(std::string::npos, bad.error().message.find("relay.pem"));
    ASSERT_NE("", negotiate(relay.listener(), 0, nullptr, &third));
    EXPECT_EQ(second, third);
}

}  // namespace
}  // namespace turnpike::net
