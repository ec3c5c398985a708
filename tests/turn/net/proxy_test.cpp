#include "turn/net/proxy_header.hpp"

#include <gtest/gtest.h>

#include "tests/turn/net/dtls_support.hpp"
#include "turn/net/first_bytes.hpp"

namespace turnpike::net {
namespace {

using stun::Attribute;
using stun::Class;
using stun::Method;
using testing::DtlsStepper;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;
using Error = ProxyHeader::Error;
using Carries = ProxyHeader::Carries;

const Endpoint kClient = Endpoint::parse("203.0.113.9:4242").value(), kOther = Endpoint::parse("203.0.113.10:4242").value(),
               kServer = Endpoint::parse("198.51.100.1:443").value();

// What a proxy would write.
Bytes header_of(std::uint8_t command, std::uint8_t family, ByteView rest) {
    Bytes header{'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n', command, family, 0, 0};
    store_u16(header, 14, static_cast<std::uint16_t>(rest.size()));
    header.insert(header.end(), rest.begin(), rest.end());
    return header;
}

Bytes addresses_of(const Endpoint& source, const Endpoint& destination) {
    Bytes bytes{source.address.bytes().begin(), source.address.bytes().end()};
    bytes.insert(bytes.end(), destination.address.bytes().begin(), destination.address.bytes().end());
    bytes.resize(bytes.size() + 4);
    store_u16(bytes, bytes.size() - 4, source.port);
    store_u16(bytes, bytes.size() - 2, destination.port);
    return bytes;
}

Bytes header_for(const Endpoint& source, Carries carries, std::size_t extensions = 0) {
    const bool v4 = source.address.is_v4();
    Bytes rest = addresses_of(source, v4 ? kServer : Endpoint::parse("[2001:db8::64]:443").value());
    rest.resize(rest.size() + extensions);
    return header_of(0x21, static_cast<std::uint8_t>((v4 ? 0x10 : 0x20) | static_cast<int>(carries)), rest);
}

std::optional<Error> error_of(const Bytes& header, Carries carries = Carries::Stream) {
    const auto parsed = ProxyHeader::parse(header, carries);
    if (parsed) return {};
    return parsed.error();
}

TEST(ProxyHeaderTest, SaysForWhomTheProxySpeaks) {
    for (const char* text : {"203.0.113.9:4242", "[2001:db8::9]:4242"}) {
        const Endpoint client = Endpoint::parse(text).value();
        for (const Carries carries : {Carries::Stream, Carries::Datagrams}) {
            Bytes bytes = header_for(client, carries, 7);
            const std::size_t size = bytes.size();
            bytes.push_back(0x16);  // what follows is not the header's
            const auto header = ProxyHeader::parse(bytes, carries);
            ASSERT_TRUE(header && header->addresses);
            EXPECT_EQ(client, header->addresses->source);
            EXPECT_EQ(443, header->addresses->destination.port);
            EXPECT_EQ(size, header->size);
            EXPECT_EQ(size, ProxyHeader::measure(bytes)->value());
            for (std::size_t cut = 0; cut < size; ++cut) {
                const ByteView part = ByteView{bytes}.first(cut);
                ASSERT_TRUE(ProxyHeader::measure(part)) << cut;
                EXPECT_EQ(cut >= ProxyHeader::kFixedSize, ProxyHeader::measure(part)->has_value()) << cut;
                EXPECT_EQ(Error::TooShort, ProxyHeader::parse(part, carries).error()) << cut;
            }
        }
    }
}

TEST(ProxyHeaderTest, LocalAndUnspecifiedNameNobody) {
    for (const Bytes& bytes : {header_of(0x20, 0x00, {}), header_of(0x20, 0x11, addresses_of(kClient, kServer)),
                               header_of(0x20, 0xFF, Bytes(3)), header_of(0x21, 0x00, {}), header_of(0x21, 0x00, Bytes(9))}) {
        const auto header = ProxyHeader::parse(bytes, Carries::Stream);
        ASSERT_TRUE(header);
        EXPECT_FALSE(header->addresses);
        EXPECT_EQ(bytes.size(), header->size);
    }
}

TEST(ProxyHeaderTest, AnythingElseIsRefused) {
    const Bytes addresses = addresses_of(kClient, kServer);
    EXPECT_EQ(Error::NoHeader, error_of(Bytes{'P', 'R', 'O', 'X', 'Y', ' ', 'T', 'C', 'P', '4', ' ', '1', '.', '2', '.', '3', '.', '4'}));
    EXPECT_EQ(Error::NoHeader, ProxyHeader::measure(Bytes{'\r', '\r'}).error());
    EXPECT_EQ(Error::UnknownVersion, error_of(header_of(0x11, 0x11, addresses)));
    EXPECT_EQ(Error::UnknownVersion, error_of(header_of(0x31, 0x11, addresses)));
    EXPECT_EQ(Error::UnknownCommand, error_of(header_of(0x22, 0x11, addresses)));
    EXPECT_EQ(Error::UnknownFamily, error_of(header_of(0x21, 0x31, Bytes(216)))) << "AF_UNIX";
    EXPECT_EQ(Error::UnknownFamily, error_of(header_of(0x21, 0x10, addresses)));
    EXPECT_EQ(Error::UnknownFamily, error_of(header_of(0x21, 0x13, addresses)));
    EXPECT_EQ(Error::UnknownFamily, error_of(header_of(0x21, 0x12, addresses))) << "datagrams, on a stream";
    EXPECT_EQ(Error::UnknownFamily, error_of(header_of(0x21, 0x11, addresses), Carries::Datagrams));
    EXPECT_EQ(Error::TooShort, error_of(header_of(0x21, 0x11, ByteView{addresses}.first(11))));
    EXPECT_EQ(Error::TooShort, error_of(header_of(0x21, 0x21, Bytes(35))));
    EXPECT_EQ(Error::TooLong, error_of(header_of(0x21, 0x11, Bytes(ProxyHeader::kSizeMax))));
    EXPECT_EQ(Error::TooLong, ProxyHeader::measure(header_of(0x20, 0x00, Bytes(ProxyHeader::kSizeMax))).error());
}

TEST(FirstBytesTest, TellTurnFromOtherProtocols) {
    const auto is = [](std::string_view text) { return classify_first_bytes(as_bytes(text)); };
    EXPECT_EQ(FirstBytes::NeedMore, is(""));
    EXPECT_EQ(FirstBytes::Turn, is(std::string_view{"\0\1\0\0", 4}));
    EXPECT_EQ(FirstBytes::Turn, is("\3"));
    EXPECT_EQ(FirstBytes::Refused, is("\4"));
    EXPECT_EQ(FirstBytes::Refused, is("\r\n\r\n"));
    EXPECT_EQ(FirstBytes::Refused, is("\x16\3\1"));
    EXPECT_EQ(FirstBytes::Foreign, is("G"));
    EXPECT_EQ(FirstBytes::Foreign, is("GET / HTTP/1.1\r\n"));
    EXPECT_EQ(FirstBytes::Foreign, is("PRI * HTTP/2.0"));
    EXPECT_EQ(FirstBytes::NeedMore, is("P"));
    EXPECT_EQ(FirstBytes::NeedMore, is("PROXY"));
    EXPECT_EQ(FirstBytes::Refused, is("PROXY "));
    EXPECT_EQ(FirstBytes::Refused, is("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"));
    EXPECT_EQ(FirstBytes::Foreign, is("PROPFIND / HTTP/1.1"));
}

// ---- behind a proxy: this machine's loopback is the trusted network ----

TestRelay::Setup behind(Transport transport, bool also_secure = false, const char* trusted = "127.0.0.1/32") {
    TestRelay::Setup setup;
    setup.listen = {{transport, "127.0.0.1:0"}};
    setup.each = [=](Listener& listener) {
        listener.proxy_protocol = {Cidr::parse(trusted).value()};
        listener.also_secure = also_secure;
    };
    return setup;
}

std::optional<Endpoint> mapped(TestClient& client) {
    const auto answer = client.request(Method::Binding);
    return answer ? answer->address(Attribute::XorMappedAddress) : std::nullopt;
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

TEST(ProxiedStreamTest, TheClientIsTheOneThatTheHeaderNames) {
    for (const Transport transport : {Transport::Tcp, Transport::Tls}) {
        for (const bool one_port : {false, true}) {
            TestRelay relay{one_port ? behind(Transport::Tcp, true) : behind(transport)};
            TestClient client{transport, relay.listener(), "127.0.0.1", 5000ms, header_for(kClient, Carries::Stream, 100)};
            ASSERT_TRUE(client.connected());
            EXPECT_EQ(kClient, mapped(client));
            UdpEnd peer;
            const auto relayed = client.allocate(Family::V4);
            ASSERT_TRUE(relayed);
            ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
            expect_relays(client, peer, *relayed, "proxied");
            const auto listed = relay.pool->allocations();
            ASSERT_EQ(1U, listed.size());
            EXPECT_EQ((FiveTuple{kClient, kServer, transport}), listed[0].tuple);
        }
    }
}

TEST(ProxiedStreamTest, TheHeaderMayComeByteByByte) {
    TestRelay relay{behind(Transport::Tcp)};
    TestClient client{Transport::Tcp, relay.listener()};
    for (const std::uint8_t byte : header_for(Endpoint::parse("[2001:db8::9]:4242").value(), Carries::Stream)) client.send_raw({&byte, 1});
    EXPECT_EQ(Endpoint::parse("[2001:db8::9]:4242"), mapped(client));
}

TEST(ProxiedStreamTest, AProxyMaySpeakForItself) {
    TestRelay relay{behind(Transport::Tcp)};
    TestClient client{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, header_of(0x20, 0x00, {})};
    EXPECT_EQ(client.local(), mapped(client));
}

// Security reference 6, row 49.
TEST(ProxiedStreamTest, WithoutAGoodHeaderItIsClosed) {
    TestRelay relay{behind(Transport::Tcp)};
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, Class::Request, Method::Binding, id};
    const Bytes plain{builder.bytes().begin(), builder.bytes().end()};
    const std::string version1 = "PROXY TCP4 203.0.113.9 198.51.100.1 4242 443\r\n";
    for (const Bytes& first : {plain, Bytes{version1.begin(), version1.end()}, header_of(0x31, 0x11, addresses_of(kClient, kServer)),
                               header_for(kClient, Carries::Datagrams), header_of(0x21, 0x11, Bytes(4)),
                               header_of(0x20, 0x00, Bytes(ProxyHeader::kSizeMax))}) {
        TestClient client{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, first};
        EXPECT_TRUE(client.closed_by_server());
        EXPECT_FALSE(client.receive(0ms)) << "not a byte";
    }
    EXPECT_EQ(0U, relay.pool->snapshot().stream_sessions);
}

TEST(ProxiedStreamTest, FromElsewhereNoHeaderIsBelievedAndNoneIsNeeded) {
    TestRelay relay{behind(Transport::Tcp, false, "127.0.0.77/32")};
    TestClient liar{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, header_for(kClient, Carries::Stream)};
    EXPECT_TRUE(liar.closed_by_server());
    EXPECT_FALSE(liar.receive(0ms));
    TestClient direct{Transport::Tcp, relay.listener()};
    EXPECT_EQ(direct.local(), mapped(direct));
    TestRelay::Setup without;
    without.listen = {{Transport::Tcp, "127.0.0.1:0"}};
    TestRelay off{without};
    TestClient early{Transport::Tcp, off.listener(), "127.0.0.1", 5000ms, header_for(kClient, Carries::Stream)};
    EXPECT_TRUE(early.closed_by_server());
}

TEST(ProxiedStreamTest, LimitsCountTheClientAndNotTheProxy) {
    TestRelay::Setup setup = behind(Transport::Tcp);
    setup.limits.stream_sessions_per_source = 1;
    TestRelay relay{setup};
    TestClient first{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, header_for(kClient, Carries::Stream)},
        other{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, header_for(kOther, Carries::Stream)};
    EXPECT_EQ(kClient, mapped(first));
    EXPECT_EQ(kOther, mapped(other));
    Endpoint again = kClient;
    ++again.port;
    TestClient second{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, header_for(again, Carries::Stream)};
    EXPECT_TRUE(second.closed_by_server());
    EXPECT_EQ(1U, relay.pool->snapshot().stream_sessions_refused);
}

TEST(ProxiedStreamTest, AHeaderHasADeadline) {
    testing::ManualClock clock;
    TestRelay::Setup setup = behind(Transport::Tcp);
    setup.clock = &clock;
    TestRelay relay{setup};
    TestClient client{Transport::Tcp, relay.listener(), "127.0.0.1", 5000ms, Bytes{'\r', '\n'}};
    EXPECT_FALSE(client.closed_by_server(100ms));
    clock.advance(5101ms);
    EXPECT_TRUE(client.closed_by_server());
}

TEST(ProxiedDatagramTest, AnswersGoToTheProxyAndNameTheClient) {
    for (const unsigned workers : {1U, 4U}) {
        TestRelay::Setup setup = behind(Transport::Udp);
        setup.workers = workers;
        TestRelay relay{setup};
        TestClient client{Transport::Udp, relay.listener()};
        client.prefix = header_for(kClient, Carries::Datagrams);
        EXPECT_EQ(kClient, mapped(client));
        UdpEnd peer;
        const auto relayed = client.allocate(Family::V4);
        ASSERT_TRUE(relayed) << client.last_error();
        ASSERT_TRUE(client.bind_channel(0x4000, peer.local()));
        expect_relays(client, peer, *relayed, "proxied");
        const FiveTuple tuple{kClient, relay.listener(), Transport::Udp};
        EXPECT_EQ(tuple, relay.pool->allocations().at(0).tuple);

        // Another port of the proxy, or another proxy: what is for the client follows.
        client.change_port();
        client.send_channel(0x4000, "from elsewhere");
        ASSERT_TRUE(peer.receive());
        expect_relays(client, peer, *relayed, "moved proxy");
        for (unsigned to = 0; to < workers; ++to) {
            ASSERT_TRUE(relay.pool->transfer(tuple, to));
            peer.send("after the move", *relayed);
            const auto down = client.receive();
            ASSERT_TRUE(down) << "to the proxy without waiting for it";
            EXPECT_EQ("after the move", down->data());
            expect_relays(client, peer, *relayed, "worker " + std::to_string(to));
        }
    }
}

TEST(ProxiedDatagramTest, ClientsOfOneProxyAreToldApart) {
    TestRelay relay{behind(Transport::Udp)};
    UdpEnd proxy{"127.0.0.1"};
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, Class::Request, Method::Binding, id};
    for (const char* text : {"203.0.113.9:1", "203.0.113.9:2", "[2001:db8::9]:1"}) {
        const Endpoint client = Endpoint::parse(text).value();
        Bytes datagram = header_for(client, Carries::Datagrams);
        datagram.insert(datagram.end(), builder.bytes().begin(), builder.bytes().end());
        proxy.send(datagram, relay.listener());
        auto answer = proxy.receive();
        ASSERT_TRUE(answer) << text;
        testing::Incoming incoming;
        incoming.bytes = answer->bytes;
        EXPECT_EQ(client, incoming.address(Attribute::XorMappedAddress));
    }
}

TEST(ProxiedDatagramTest, WithoutAGoodHeaderItIsDropped) {
    TestRelay relay{behind(Transport::Udp)};
    UdpEnd proxy{"127.0.0.1"}, other{"127.0.0.2"};
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, Class::Request, Method::Binding, id};
    const auto send = [&](UdpEnd& from, Bytes first) {
        first.insert(first.end(), builder.bytes().begin(), builder.bytes().end());
        from.send(first, relay.listener());
    };
    send(proxy, {});
    send(proxy, header_for(kClient, Carries::Stream));
    send(proxy, header_of(0x21, 0x12, Bytes(3)));
    proxy.send(ByteView{header_for(kClient, Carries::Datagrams)}.first(20), relay.listener());
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.counters.dropped_malformed == 4; }));
    send(other, header_for(kClient, Carries::Datagrams));  // not trusted: no TURN, then
    proxy.send(header_for(kClient, Carries::Datagrams), relay.listener());  // nothing in it
    send(other, {});
    EXPECT_TRUE(other.receive()) << "direct clients need no header";
    EXPECT_FALSE(proxy.receive(0ms));
    EXPECT_FALSE(other.receive(0ms));
    send(proxy, header_of(0x20, 0x00, {}));
    const auto own = proxy.receive();
    ASSERT_TRUE(own);
    testing::Incoming incoming;
    incoming.bytes = own->bytes;
    EXPECT_EQ(proxy.local(), incoming.address(Attribute::XorMappedAddress));
}

TEST(ProxiedDatagramTest, DtlsWorksBehindIt) {
    TestRelay relay{behind(Transport::Udp, true)};
    DtlsStepper client{relay.listener()};
    const Bytes prefix = header_for(kClient, Carries::Datagrams);
    ASSERT_TRUE(client.handshake(prefix));
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, Class::Request, Method::Binding, id};
    client.say(builder.bytes(), prefix);
    testing::Incoming incoming;
    for (int i = 0; i < 3 && !incoming.is(Class::Success, Method::Binding); ++i) incoming.bytes = client.hear();
    EXPECT_EQ(kClient, incoming.address(Attribute::XorMappedAddress));
    EXPECT_EQ(1U, relay.pool->snapshot().dtls_sessions);
}

}  // namespace
}  // namespace turnpike::net
