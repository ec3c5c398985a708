#include "turn/server/listeners.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/system_clock.hpp"
#include "common/crypto/certificate.hpp"
#include "tests/support/self_signed.hpp"
#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

using ::testing::HasSubstr;

class TlsListener : public ::testing::Test {
protected:
    std::string report_for(const std::filesystem::path& certificate,
                           const std::filesystem::path& key, bool dev = false) {
        const std::string text = with_basics(
            "[[listen]]\ntransport = \"tls\"\naddress = \"192.0.2.10:5349\"\ncertificate = \"" +
            certificate.string() + "\"\nkey = \"" + key.string() + "\"\n");
        const ReadText read{text, {.dev = dev, .lab = dev, .now = SystemClock{}.wall()}};
        good_ = read.document.ok();
        until_ = read.config.certificates;
        return read.document.report();
    }
    TempDir dir_;
    bool good_ = false;
    std::map<std::string, WallTime> until_;
};

TEST_F(TlsListener, TakesACertificateAndItsKey) {
    const SelfSigned pair = SelfSigned::make();
    EXPECT_THAT(report_for(dir_.write("c.pem", pair.certificate), dir_.write("k.pem", pair.key)),
                ::testing::Not(HasSubstr("listen[1]")));
    EXPECT_TRUE(good_);
    ASSERT_TRUE(until_.contains("192.0.2.10:5349"));
    EXPECT_GT(until_.at("192.0.2.10:5349"), SystemClock{}.wall() + std::chrono::days{29});
}

// Security reference, section 6, row 68.
TEST_F(TlsListener, RefusesWhatClientsWouldRefuse) {
    const SelfSigned pair = SelfSigned::make(), other = SelfSigned::make();
    const SelfSigned expired = SelfSigned::make(-7200, -3600), early = SelfSigned::make(3600, 7200),
                     locked = SelfSigned::make(-60, 86400 * 30, "word");
    const auto c = dir_.write("c.pem", pair.certificate), k = dir_.write("k.pem", pair.key);
    const auto loop = dir_.path() / "loop";
    std::filesystem::create_symlink(loop, loop);

    EXPECT_THAT(report_for(c, dir_.write("other.pem", other.key)),
                HasSubstr("listen[1].key: " + (dir_.path() / "other.pem").string() +
                          " does not belong to the certificate"));
    EXPECT_THAT(report_for(dir_.write("expired.pem", expired.certificate),
                           dir_.write("ek.pem", expired.key)),
                HasSubstr("listen[1].certificate: " + (dir_.path() / "expired.pem").string() +
                          " expired at 2"));
    EXPECT_THAT(
        report_for(dir_.write("early.pem", early.certificate), dir_.write("yk.pem", early.key)),
        HasSubstr("is not valid before 2"));
    EXPECT_THAT(
        report_for(dir_.write("locked.pem", locked.certificate), dir_.write("lk.pem", locked.key)),
        HasSubstr("holds an encrypted key"));
    EXPECT_THAT(report_for(k, k), HasSubstr("holds no certificate"));
    EXPECT_THAT(report_for(c, c), HasSubstr("holds no private key"));
    EXPECT_THAT(report_for(dir_.write("empty.pem", ""), k), HasSubstr("holds no certificate"));
    EXPECT_THAT(report_for(dir_.path(), k), HasSubstr("it is a directory"));
    EXPECT_THAT(report_for(c, loop), HasSubstr("too many symbolic links"));
    EXPECT_THAT(report_for(c, dir_.path() / "none"),
                HasSubstr("listen[1].key: cannot read " + (dir_.path() / "none").string() +
                          ": no such file"));
    EXPECT_FALSE(good_);
}

TEST_F(TlsListener, RefusesAKeyThatEverybodyMayRead) {
    const SelfSigned pair = SelfSigned::make();
    const auto c = dir_.write("c.pem", pair.certificate, 0644),
               k = dir_.write("k.pem", pair.key, 0644);
    EXPECT_THAT(report_for(c, k), HasSubstr("everybody on this machine may read; chmod 0640 it"));
    report_for(c, k, true);
    EXPECT_TRUE(good_);
}

TEST_F(TlsListener, WarnsBeforeACertificateEnds) {
    const SelfSigned pair = SelfSigned::make(-60, 5 * 86400 + 60);
    EXPECT_THAT(report_for(dir_.write("c.pem", pair.certificate), dir_.write("k.pem", pair.key)),
                HasSubstr("warning: listen[1].certificate ends in 5 days"));
    EXPECT_TRUE(good_);
}

TEST_F(TlsListener, TakesMoreCertificates) {
    const SelfSigned first = SelfSigned::make(), second = SelfSigned::make(-60, 86400 * 20);
    const auto c = dir_.write("c.pem", first.certificate), k = dir_.write("k.pem", first.key);
    const auto c2 = dir_.write("c2.pem", second.certificate), k2 = dir_.write("k2.pem", second.key);
    const auto listener = [&](const std::string& key2) {
        return with_basics(
            "[[listen]]\ntransport = \"tcp+tls\"\naddress = \"192.0.2.10:443\"\nupstream = "
            "\"127.0.0.1:8080\"\ncertificate = \"" +
            c.string() + "\"\nkey = \"" + k.string() + "\"\ncertificates = [{certificate = \"" +
            c2.string() + "\", key = \"" + key2 + "\"}]\n");
    };
    const ReadText read{listener(k2.string()), {.now = SystemClock{}.wall()}};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    const net::Listener& net = read.config.net.listeners.at(1);
    EXPECT_EQ("tcp+tls", net.transports());
    EXPECT_EQ(2U, net.certificates().size());
    EXPECT_EQ(Endpoint::parse("127.0.0.1:8080"), net.upstream);
    const WallTime until = read.config.certificates.at("192.0.2.10:443");
    EXPECT_LT(until, SystemClock{}.wall() + std::chrono::days{20}) << "the first to end";
    EXPECT_EQ(until, certificates_until(net, SystemClock{}.wall()));

    const ReadText wrong{listener(k.string()), {.now = SystemClock{}.wall()}};
    EXPECT_THAT(wrong.document.report(),
                HasSubstr("certificates[0].key: " + k.string() + " does not belong"));
}

TEST(Certificate, TellsWhomItIsFor) {
    const SelfSigned pair = SelfSigned::make();
    const auto info = crypto::inspect_certificate(pair.certificate, pair.key, SystemClock{}.wall());
    ASSERT_TRUE(info);
    EXPECT_THAT(info->dns_names, ::testing::ElementsAre("localhost"));
    EXPECT_TRUE(info->covers(*IpAddress::parse("127.0.0.1")));
    EXPECT_TRUE(info->covers(*IpAddress::parse("::1")));
    EXPECT_FALSE(info->covers(*IpAddress::parse("127.0.0.2")));
}

}  // namespace
}  // namespace turnpike::relay
