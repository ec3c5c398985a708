#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/turn/net/relay_support.hpp"

namespace turnpike::net {
namespace {

using testing::SelfSigned;
using testing::TestClient;
using testing::TestRelay;

/// How a client with its own wishes fares.
struct Handshake {
    bool ok = false;
    std::string version, protocol, name;  // name: the certificate's CN
    int reason = 0;                       // OpenSSL's, when not ok
};

struct Wishes {
    std::string server_name{};
    std::string protocols{};  // as on the wire: length and name
    int version_max = 0;
};

Handshake shake_hands(const Endpoint& server, const Wishes& wishes) {
    TestClient connection{Transport::Tcp, server};
    SSL_CTX* const context = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_security_level(context, 0);
    ::SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    ::SSL_CTX_set_max_proto_version(context, wishes.version_max);
    SSL* const ssl = ::SSL_new(context);
    ::SSL_set_fd(ssl, connection.fd());
    if (!wishes.server_name.empty()) SSL_set_tlsext_host_name(ssl, wishes.server_name.c_str());
    if (!wishes.protocols.empty()) {
        ::SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wishes.protocols.data()),
                              static_cast<unsigned>(wishes.protocols.size()));
    }
    ::ERR_clear_error();
    Handshake result;
    result.ok = ::SSL_connect(ssl) == 1;
    if (result.ok) {
        result.version = ::SSL_get_version(ssl);
        result.protocol = application_protocol(ssl);
        X509* const certificate = ::SSL_get1_peer_certificate(ssl);
        char name[64] = {};
        ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
        result.name = name;
        ::X509_free(certificate);
        EXPECT_EQ(0U, ::SSL_SESSION_get_max_early_data(::SSL_get0_session(ssl)));
    } else {
        result.reason = ERR_GET_REASON(::ERR_peek_last_error());
    }
    ::SSL_free(ssl);
    ::SSL_CTX_free(context);
    return result;
}

TestRelay::Setup tls_listener() {
    TestRelay::Setup setup;
    setup.listen = {{Transport::Tls, "127.0.0.1:0"}};
    return setup;
}

TEST(TlsTest, TheServerNameChoosesTheCertificate) {
    const TempDir directory;
    const SelfSigned first{directory, "first", "DNS:turn.example.org"}, wild{directory, "wild", "DNS:*.example.org"},
        exact{directory, "exact", "DNS:a.example.org,DNS:b.example.net"};
    TestRelay::Setup setup = tls_listener();
    setup.each = [&](Listener& listener) {
        listener.certificate_file = first.certificate_file;
        listener.key_file = first.key_file;
        listener.more_certificates = {{wild.certificate_file, wild.key_file}, {exact.certificate_file, exact.key_file}};
    };
    TestRelay relay{setup};
    const auto name_for = [&](const std::string& asked, int version = 0) {
        return shake_hands(relay.listener(), {.server_name = asked, .version_max = version}).name;
    };
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        EXPECT_EQ("first", name_for("turn.example.org", version));
        EXPECT_EQ("exact", name_for("a.example.org", version)) << "before the wildcard";
        EXPECT_EQ("exact", name_for("B.Example.NET", version));
        EXPECT_EQ("wild", name_for("c.example.org", version));
        EXPECT_EQ("first", name_for("x.c.example.org", version)) << "a wildcard is one label";
        EXPECT_EQ("first", name_for("other.example", version));
        EXPECT_EQ("first", name_for("", version));
    }

    const SelfSigned renewed{directory, "exact", "DNS:d.example.com"};
    ASSERT_TRUE(relay.pool->reload_certificates());
    EXPECT_EQ("exact", name_for("d.example.com"));
    EXPECT_EQ("wild", name_for("a.example.org")) << "no longer the other's";
    directory.write("wild.key", "no key");
    const auto bad = relay.pool->reload_certificates();
    ASSERT_FALSE(bad);
    EXPECT_NE(std::string::npos, bad.error().message.find("wild.key"));
    EXPECT_EQ("wild", name_for("a.example.org")) << "all as before";
    EXPECT_EQ("exact", name_for("d.example.com"));
}

// RFC 7443; security reference 6, row 47.
TEST(TlsTest, TurnsProtocolsAreTakenUpAndOthersRefused) {
    TestRelay relay{tls_listener()};
    TestRelay::Setup shared = tls_listener();
    shared.each = [](Listener& listener) { listener.upstream = Endpoint::parse("127.0.0.1:9"); };
    TestRelay with_upstream{shared};
    const std::string turn = "\x09stun.turn", discovery = "\x12stun.nat-discovery", http = "\x08http/1.1", h2 = "\x02h2";
    struct {
        std::string offered, alone, with_upstream;  // "-": no_application_protocol
    } const rows[] = {
        {"", "", ""},           {turn, "stun.turn", "stun.turn"},        {discovery, "stun.nat-discovery", "stun.nat-discovery"},
        {h2, "-", "-"},         {http, "-", "http/1.1"},                 {h2 + http, "-", "http/1.1"},
        {h2 + turn, "stun.turn", "stun.turn"},                           {http + turn, "stun.turn", "stun.turn"},
    };
    for (const auto& row : rows) {
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            const auto check = [&](const TestRelay& on, const std::string& expected) {
                const Handshake done = shake_hands(on.listener(), {.protocols = row.offered, .version_max = version});
                if (expected == "-") {
                    EXPECT_FALSE(done.ok) << row.offered;
                    EXPECT_EQ(SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL, done.reason) << row.offered;
                } else {
                    EXPECT_TRUE(done.ok) << row.offered;
                    EXPECT_EQ(expected, done.protocol) << row.offered;
                }
            };
            check(relay, row.alone);
            check(with_upstream, row.with_upstream);
        }
    }
}

TEST(TlsTest, OldVersionsAreToldSo) {
    TestRelay relay{tls_listener()};
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        const Handshake done = shake_hands(relay.listener(), {.version_max = version});
        EXPECT_FALSE(done.ok);
        EXPECT_EQ(SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, done.reason);
    }
    // SSL 3's hello, and SSL 2's: not even a handshake.
    TestClient ssl3{Transport::Tcp, relay.listener()};
    Bytes hello{0x16, 3, 0, 0, 45, 1, 0, 0, 41, 3, 0};
    hello.resize(hello.size() + 32);
    hello.insert(hello.end(), {0, 0, 2, 0, 0x2F, 1, 0});
    ssl3.send_raw(hello);
    EXPECT_TRUE(ssl3.closed_by_server());
    TestClient ssl2{Transport::Tcp, relay.listener()};
    ssl2.send_raw(Bytes{0x80, 0x2E, 1, 3, 1, 0, 0x15});
    EXPECT_TRUE(ssl2.closed_by_server());
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_failed == 4 && s.stream_sessions == 0; }));
}

TEST(TlsTest, RenegotiationIsRefused) {
    TestRelay relay{tls_listener()};
    TestClient connection{Transport::Tcp, relay.listener()};
    SSL_CTX* const context = ::SSL_CTX_new(::TLS_client_method());
    ::SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL* const ssl = ::SSL_new(context);
    ::SSL_set_fd(ssl, connection.fd());
    ASSERT_EQ(1, ::SSL_connect(ssl));
    // Before it asks for more: what comes in one piece with the handshake's end is read with it.
    EXPECT_TRUE(relay.wait_for([](const Snapshot& s) { return s.tls_handshakes_ok == 1; }));
    ASSERT_EQ(1, ::SSL_renegotiate(ssl));
    ::ERR_clear_error();
    EXPECT_NE(1, ::SSL_do_handshake(ssl));
    EXPECT_EQ(SSL_R_NO_RENEGOTIATION, ERR_GET_REASON(::ERR_peek_last_error()));
    ::SSL_free(ssl);
    ::SSL_CTX_free(context);
    EXPECT_EQ(1U, relay.pool->snapshot().tls_handshakes_ok);
}

}  // namespace
}  // namespace turnpike::net
