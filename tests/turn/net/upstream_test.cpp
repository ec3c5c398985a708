#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <thread>

#include "tests/turn/net/relay_support.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {
namespace {

using stun::Method;
using testing::ManualClock;
using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

bool readable(int fd, Milliseconds wait) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, static_cast<int>(wait.count())) == 1;
}

/// What the listener's upstream is, by hand.
class Upstream {
public:
    Upstream() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_storage name{};
        const socklen_t size = Endpoint::parse("127.0.0.1:0")->to(name);
        EXPECT_EQ(0, ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size));
        EXPECT_EQ(0, ::listen(fd_.get(), 16));
        address_ = local_endpoint(fd_.get());
    }
    FileDescriptor accept(Milliseconds wait = 5000ms) const {
        if (!readable(fd_.get(), wait)) return {};
        return FileDescriptor{::accept(fd_.get(), nullptr, nullptr)};
    }
    void stop() { fd_.reset(); }
    const Endpoint& address() const { return address_; }

private:
    FileDescriptor fd_;
    Endpoint address_;
};

/// So many bytes, or what there is until the end.
std::string read_from(const FileDescriptor& fd, std::size_t size, bool* ended = nullptr) {
    std::string text;
    while (text.size() < size && readable(fd.get(), 5000ms)) {
        char space[16'384];
        const ssize_t got = ::recv(fd.get(), space, std::min(sizeof space, size - text.size()), 0);
        if (got <= 0) {
            if (ended != nullptr) *ended = got == 0;
            break;
        }
        text.append(space, static_cast<std::size_t>(got));
    }
    return text;
}

void write_to(const FileDescriptor& fd, std::string_view text) {
    ASSERT_EQ(static_cast<ssize_t>(text.size()), ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL));
}

/// A web client: TCP, or TLS with or without ALPN.
class WebClient {
public:
    WebClient(const Endpoint& server, bool tls, std::string_view protocols = {})
        : connection(Transport::Tcp, server), context_(nullptr, &::SSL_CTX_free) {
        if (!tls) return;
        context_.reset(::SSL_CTX_new(::TLS_client_method()));
        ssl_.reset(::SSL_new(context_.get()));
        if (!protocols.empty()) {
            ::SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                                  static_cast<unsigned>(protocols.size()));
        }
        ::SSL_set_fd(ssl_.get(), connection.fd());
        EXPECT_EQ(1, ::SSL_connect(ssl_.get()));
    }
    void write(std::string_view text) {
        if (ssl_) EXPECT_EQ(static_cast<int>(text.size()), ::SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())));
        else connection.send_raw(as_bytes(text));
    }
    std::string read(std::size_t size, bool* ended = nullptr) {
        std::string text;
        while (text.size() < size) {
            char space[16'384];
            const int most = static_cast<int>(std::min(sizeof space, size - text.size()));
            // The socket has a time-out of 5 s.
            const long got = ssl_ ? ::SSL_read(ssl_.get(), space, most) : ::recv(connection.fd(), space, static_cast<std::size_t>(most), 0);
            if (got <= 0) {
                if (ended != nullptr) *ended = ssl_ ? ::SSL_get_error(ssl_.get(), static_cast<int>(got)) == SSL_ERROR_ZERO_RETURN : got == 0;
                break;
            }
            text.append(space, static_cast<std::size_t>(got));
        }
        return text;
    }
    void finish() {
        if (ssl_) ::SSL_shutdown(ssl_.get());
        ::shutdown(connection.fd(), SHUT_WR);
    }

    TestClient connection;

private:
    std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
    Ssl ssl_;
};

struct Leg {
    Transport listener;
    bool also_secure, tls;
    const char* protocols;
};

class UpstreamTest : public ::testing::TestWithParam<Leg> {
protected:
    TestRelay::Setup setup() {
        TestRelay::Setup s;
        s.listen = {{GetParam().listener, "127.0.0.1:0"}};
        s.each = [this](Listener& listener) {
            listener.also_secure = GetParam().also_secure;
            listener.upstream = upstream.address();
        };
        return s;
    }
    WebClient web(const TestRelay& relay) const { return {relay.listener(), GetParam().tls, GetParam().protocols}; }
    Upstream upstream;
};

INSTANTIATE_TEST_SUITE_P(Legs, UpstreamTest,
                         ::testing::Values(Leg{Transport::Tcp, false, false, ""}, Leg{Transport::Tls, false, true, ""},
                                           Leg{Transport::Tls, false, true, "\x02h2\x08http/1.1"},
                                           Leg{Transport::Tcp, true, false, ""}, Leg{Transport::Tcp, true, true, "\x08http/1.1"}));

TEST_P(UpstreamTest, WhatIsNoTurnGoesThereAndBack) {
    TestRelay relay{setup()};
    WebClient client = web(relay);
    client.write("GET / HTTP/1.1\r\n");
    const FileDescriptor server = upstream.accept();
    ASSERT_TRUE(server);
    EXPECT_EQ("GET / HTTP/1.1\r\n", read_from(server, 16));
    write_to(server, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    EXPECT_EQ("HTTP/1.1 101 Switching Protocols\r\n\r\n", client.read(36));
    for (int i = 0; i < 100; ++i) {
        client.write("ping");
        ASSERT_EQ("ping", read_from(server, 4));
        write_to(server, "pong");
        ASSERT_EQ("pong", client.read(4));
    }
    EXPECT_EQ(1U, relay.pool->snapshot().upstream_connections);
    EXPECT_EQ(1U, relay.pool->snapshot().stream_sessions) << "it counts as its client's";

    // One side ends, the other goes on, and then it ends too.
    client.finish();
    bool ended = false;
    EXPECT_EQ("", read_from(server, 1, &ended));
    EXPECT_TRUE(ended);
    write_to(server, "last words");
    EXPECT_EQ("last words", client.read(10));
    ::shutdown(server.get(), SHUT_WR);
    ended = false;
    EXPECT_EQ("", client.read(1, &ended));
    EXPECT_TRUE(ended);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.upstream_connections == 0 && s.stream_sessions == 0; }));
}

TEST_P(UpstreamTest, TheUpstreamMayEndFirst) {
    TestRelay relay{setup()};
    WebClient client = web(relay);
    client.write("HEAD");
    const FileDescriptor server = upstream.accept();
    ASSERT_TRUE(server);
    write_to(server, "done");
    ::shutdown(server.get(), SHUT_WR);
    bool ended = false;
    EXPECT_EQ("done", client.read(5, &ended));
    EXPECT_TRUE(ended);
    client.write(" still");
    client.finish();
    EXPECT_EQ("HEAD still", read_from(server, 11, &ended));
}

// Neither side's slowness costs memory, and not a byte is lost.
TEST_P(UpstreamTest, ASlowReaderHoldsTheOtherSideBack) {
    TestRelay relay{setup()};
    WebClient client = web(relay);
    client.write("GET");
    const FileDescriptor server = upstream.accept();
    ASSERT_TRUE(server);
    std::string big(16 << 20, '\0');
    for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 2654435761U >> 24);

    std::size_t sent = 0;
    std::atomic<std::size_t> accepted{0};
    std::thread writer{[&] {
        while (sent < big.size()) {
            const ssize_t n = ::send(server.get(), big.data() + sent, std::min<std::size_t>(65'536, big.size() - sent), MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<std::size_t>(n);
            accepted = sent;
        }
        ::shutdown(server.get(), SHUT_WR);
    }};
    // It stands still while nobody reads: when nothing more is taken for a while, less than all was.
    std::size_t before = 1;
    pollfd none{-1, 0, 0};
    for (std::size_t now = 0; now != before; now = accepted) {
        before = now;
        ::poll(&none, 1, 300);
    }
    EXPECT_LT(accepted, big.size());
    EXPECT_EQ(big, client.read(big.size()));
    writer.join();
    EXPECT_EQ(big.size(), sent);

    std::thread other{[&] {
        client.write(big.substr(0, 8 << 20));
        client.finish();
    }};
    EXPECT_EQ("GET" + big.substr(0, 8 << 20), read_from(server, 3 + (8 << 20)));
    other.join();
}

TEST_P(UpstreamTest, TurnNeverGoesThere) {
    TestRelay relay{setup()};
    TestClient turn{GetParam().tls ? Transport::Tls : Transport::Tcp, relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(turn.allocate(Family::V4));
    ASSERT_TRUE(turn.bind_channel(0x4745, peer.local())) << "\"GE\", as a channel";
    turn.send_channel(0x4745, "T / HTTP/1.1");
    const auto up = peer.receive();
    ASSERT_TRUE(up);
    EXPECT_EQ("T / HTTP/1.1", as_text(up->bytes));
    for (const std::string_view first : {std::string_view{"\0\1\0\0GET ", 8}, std::string_view{"\r\n\r\n\0\r\nQUIT\n", 12},
                                         std::string_view{"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"}, std::string_view{"\x16\3\1\0\1"}}) {
        if (first[0] == '\x16' && !GetParam().tls) continue;  // TLS's own there
        WebClient stranger = web(relay);
        stranger.write(first);
        EXPECT_EQ("", stranger.read(1));
    }
    EXPECT_FALSE(upstream.accept(0ms));
    EXPECT_EQ(0U, relay.pool->snapshot().upstream_opened);
}

TEST_P(UpstreamTest, ADownUpstreamIsSaidAndItsClientsAreClosed) {
    std::mutex mutex;
    std::vector<std::pair<Endpoint, int>> failures;
    TestRelay::Setup s = setup();
    s.upstream_failed = [&](const Endpoint& where, int error) {
        const std::lock_guard lock{mutex};
        failures.emplace_back(where, error);
    };
    TestRelay relay{s};
    upstream.stop();
    WebClient client = web(relay);
    client.write("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ("", client.read(1));
    EXPECT_TRUE(relay.wait_for([](const Snapshot& now) { return now.upstream_failed == 1 && now.stream_sessions == 0; }));
    {
        const std::lock_guard lock{mutex};
        ASSERT_EQ(1U, failures.size());
        EXPECT_EQ((std::pair{upstream.address(), ECONNREFUSED}), failures[0]);
    }
    TestClient turn{GetParam().tls ? Transport::Tls : Transport::Tcp, relay.listener()};
    EXPECT_TRUE(turn.request(Method::Binding)) << "TURN goes on";
}

TEST_P(UpstreamTest, SilenceBothWaysEndsIt) {
    ManualClock clock;
    TestRelay::Setup s = setup();
    s.clock = &clock;
    TestRelay relay{s};
    WebClient client = web(relay);
    client.write("GET");
    const FileDescriptor server = upstream.accept();
    ASSERT_TRUE(server);
    EXPECT_EQ("GET", read_from(server, 3));
    clock.advance(299s);
    write_to(server, "x");
    EXPECT_EQ("x", client.read(1));
    clock.advance(299s);
    EXPECT_EQ(1U, relay.pool->snapshot().upstream_connections);
    clock.advance(2s);
    EXPECT_EQ("", client.read(1));
    EXPECT_TRUE(relay.wait_for([](const Snapshot& now) { return now.upstream_connections == 0; }));
}

TEST(UpstreamProtocolTest, WhoAgreedToSpeakOneProtocolSpeaksIt) {
    const Upstream upstream;
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    setup.each = [&](Listener& listener) { listener.upstream = upstream.address(); };
    TestRelay relay{setup};
    WebClient http_as_turn{relay.listener(), true, "\x09stun.turn"};
    http_as_turn.write("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ("", http_as_turn.read(1));
    Bytes binding(20);
    const std::array<std::uint8_t, 12> id{1};
    stun::MessageBuilder builder{binding, stun::Class::Request, Method::Binding, id};
    WebClient turn_as_http{relay.listener(), true, "\x08http/1.1"}, turn{relay.listener(), true, "\x09stun.turn"};
    turn_as_http.write(as_text(builder.bytes()));
    EXPECT_EQ("", turn_as_http.read(1));
    turn.write(as_text(builder.bytes()));
    EXPECT_EQ(32U, turn.read(32).size());
    EXPECT_FALSE(upstream.accept(0ms));
}

}  // namespace
}  // namespace turnpike::net
