#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "tests/signaling/net/web_fixture.hpp"

namespace turnpike::signaling {
namespace {

/// A fresh self-signed certificate of `name`, and its key, as two PEM texts.
std::pair<std::string, std::string> self_signed(const char* name) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    const auto text = [](auto write) {
        BIO* bio = BIO_new(BIO_s_mem());
        write(bio);
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        std::string pem{data, static_cast<std::size_t>(size)};
        BIO_free(bio);
        return pem;
    };
    std::pair<std::string, std::string> pems{text([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); }),
                                             text([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); })};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return pems;
}

constexpr auto kTls = RawClient::Over::Tls;

class WebTls : public WebFixture {
protected:
    WebTls() {
        write("first.example");
        web_config.certificate = directory.path() / "certificate.pem";
        web_config.key = directory.path() / "key.pem";
        directory.write("index.html", "<h1>page</h1>");
    }
    void write(const char* name) {
        const auto [certificate, key] = self_signed(name);
        directory.write("certificate.pem", certificate);
        directory.write("key.pem", key);
    }
};

TEST_F(WebTls, CarriesAWebSocket) {
    start();
    WsClient client{kTls};
    ASSERT_TRUE(client.open(address));
    EXPECT_TRUE(client.join("abc", "Ada").contains("peer_id"));
    client.call("session.bye");
    EXPECT_EQ(client.close_code(), 1000);
}

TEST_F(WebTls, ServesThePageWithStrictTransportSecurity) {
    start();
    RawClient client{address, kTls};
    ASSERT_TRUE(client.connected());
    EXPECT_EQ(client.certificate_name(), "first.example");
    const WebAnswer page = client.ask(get("/"));
    EXPECT_EQ(page.body, "<h1>page</h1>");
    EXPECT_EQ(page.field("strict-transport-security"), "max-age=31536000");
}

TEST_F(WebTls, UsesANewCertificateAfterAReloadAndKeepsConnections) {
    start();
    WsClient before{kTls};
    ASSERT_TRUE(before.open(address));
    write("second.example");
    EXPECT_TRUE(inside([&] { return server->reload_certificate().has_value(); }));
    RawClient after{address, kTls};
    ASSERT_TRUE(after.connected());
    EXPECT_EQ(after.certificate_name(), "second.example");
    EXPECT_TRUE(before.call("session.ping").contains("result"));
}

TEST_F(WebTls, KeepsTheOldCertificateWhenTheNewOneIsBad) {
    start();
    directory.write("certificate.pem", "nonsense");
    const std::string error = inside([&] {
        const auto reloaded = server->reload_certificate();
        return reloaded ? std::string{} : reloaded.error();
    });
    EXPECT_NE(error.find("certificate.pem"), std::string::npos) << error;
    EXPECT_TRUE((RawClient{address, kTls}.connected()));
}

TEST_F(WebTls, DoesNotStartWithoutAGoodCertificate) {
    web_config.certificate = directory.path() / "missing.pem";
    hub.emplace(hub_config, random);
    const auto opened = WebServer::open(*loop, web_config, *hub, clock, *this);
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().find("missing.pem"), std::string::npos) << opened.error();
}

TEST_F(WebTls, DropsWhoSpeaksPlainOrNothing) {
    web_config.limits.head = 200ms;
    start();
    RawClient plain{address}, silent{address};
    plain.send(get("/"));
    plain.read_all();
    silent.read_all();
    EXPECT_TRUE(eventually([&] { return server->counters().connections == 0; }));
}

}  // namespace
}  // namespace turnpike::signaling
