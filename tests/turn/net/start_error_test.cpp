#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/base/system_clock.hpp"
#include "tests/turn/net/relay_support.hpp"
#include "turn/net/udp_socket.hpp"

namespace turnpike::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::SelfSigned;

class StartErrorTest : public ::testing::Test {
protected:
    Options options = [] {
        Options o;
        o.workers = 2;
        o.relay_addresses = {{IpAddress::parse("127.0.0.1").value(), IpAddress::parse("127.0.0.1").value()}};
        return o;
    }();

    void listen(Transport transport, const std::string& address, std::string certificate = {}, std::string key = {}) {
        Listener listener;
        listener.transport = transport;
        listener.address = Endpoint::parse(address).value();
        listener.realm = "test";
        listener.certificate_file = std::move(certificate);
        listener.key_file = std::move(key);
        options.listeners.push_back(listener);
    }

    /// The sentence; empty when it started.
    std::string start() {
        WorkerPool pool{options, std::make_shared<core::CredentialChain>(std::vector<core::StaticUser>{}, std::vector<crypto::RestSecret>{}, crypto::Capability{}),
                        {}, clock_, random_, {}};
        const auto started = pool.start();
        EXPECT_EQ(0U, pool.snapshot().heartbeats.size() * !started) << "nothing runs after a failure";
        return started ? "" : started.error().message;
    }

    TempDir directory;

private:
    SystemClock clock_;
    crypto::SystemRandom random_;
};

TEST_F(StartErrorTest, AUdpPortInUseIsNamed) {
    const auto other = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
    ASSERT_TRUE(other);
    listen(Transport::Udp, other->local.to_string());
    EXPECT_EQ("cannot listen on udp " + other->local.to_string() +
                  ": address already in use; stop the other server or change [[listen]] address",
              start());
}

TEST_F(StartErrorTest, APortThatAnotherServerWouldShareIsInUseToo) {
    const auto other = open_udp(Endpoint::parse("127.0.0.1:0").value(), {.reuse_port = true});
    ASSERT_TRUE(other);
    listen(Transport::Udp, other->local.to_string());
    EXPECT_THAT(start(), HasSubstr("address already in use"));
}

TEST_F(StartErrorTest, ATcpPortInUseIsNamed) {
    for (const int share : {0, 1}) {
        const FileDescriptor other{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        ::setsockopt(other.get(), SOL_SOCKET, SO_REUSEPORT, &share, sizeof share);
        sockaddr_storage name{};
        const socklen_t size = Endpoint::parse("127.0.0.1:0")->to(name);
        ASSERT_EQ(0, ::bind(other.get(), reinterpret_cast<sockaddr*>(&name), size));
        ASSERT_EQ(0, ::listen(other.get(), 1));
        options.listeners.clear();
        listen(Transport::Tcp, local_endpoint(other.get()).to_string());
        EXPECT_EQ("cannot listen on tcp " + local_endpoint(other.get()).to_string() +
                      ": address already in use; stop the other server or change [[listen]] address",
                  start());
    }
}

TEST_F(StartErrorTest, TwoListenersOnOneAddressAreSaidToCollide) {
    const auto probe = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
    const Endpoint address = probe->local;
    const_cast<UdpSocket&>(*probe).fd.reset();
    listen(Transport::Udp, address.to_string());
    listen(Transport::Udp, address.to_string());
    EXPECT_THAT(start(), HasSubstr("address already in use"));
}

TEST_F(StartErrorTest, AnAddressOfAnotherMachineIsNamed) {
    listen(Transport::Udp, "192.0.2.77:0");
    EXPECT_EQ("cannot listen on udp 192.0.2.77:0: this machine has no such address; "
              "change [[listen]] address (0.0.0.0 or [::] takes all)",
              start());
    options.listeners.clear();
    listen(Transport::Tcp, "[2001:db8::77]:0");
    EXPECT_THAT(start(), HasSubstr("cannot listen on tcp [2001:db8::77]:0: this machine has no such address"));
}

TEST_F(StartErrorTest, ARelayAddressOfAnotherMachineIsNamed) {
    listen(Transport::Udp, "127.0.0.1:0");
    options.relay_addresses = {{IpAddress::parse("192.0.2.77").value(), IpAddress::parse("192.0.2.77").value()}};
    EXPECT_THAT(start(), AllOf(HasSubstr("cannot relay on 192.0.2.77"), HasSubstr("external_ip")));
    options.relay_addresses = {{IpAddress::parse("0.0.0.0").value(), IpAddress::parse("0.0.0.0").value()}};
    EXPECT_THAT(start(), AllOf(HasSubstr("cannot relay on 0.0.0.0"), HasSubstr("change [relay] address")));
    options.relay_addresses.clear();
    EXPECT_THAT(start(), HasSubstr("set [relay] address"));
}

TEST_F(StartErrorTest, AnEmptyPortRangeIsNamed) {
    listen(Transport::Udp, "127.0.0.1:0");
    options.port_min = 50000;
    options.port_max = 49999;
    EXPECT_THAT(start(), AllOf(HasSubstr("50000 to 49999"), HasSubstr("min_port")));
}

TEST_F(StartErrorTest, NothingToListenOnIsSaid) { EXPECT_THAT(start(), HasSubstr("add a [[listen]]")); }

TEST_F(StartErrorTest, DtlsWantsACertificate) {
    listen(Transport::Dtls, "127.0.0.1:0");
    EXPECT_THAT(start(), HasSubstr("cannot listen on dtls 127.0.0.1:0: cannot read the certificate"));
}

TEST_F(StartErrorTest, CertificateTroubleNamesTheFile) {
    const SelfSigned one{directory, "one"}, two{directory, "two"};
    const std::string missing = (directory.path() / "missing.pem").string();
    const std::string junk = directory.write("junk.pem", "no PEM here\n").string();
    const std::string empty = directory.write("empty.pem", "").string();
    const struct {
        std::string certificate, key, says;
    } cases[] = {
        {missing, one.key_file, "cannot read the certificate " + missing + ": No such file or directory"},
        {one.certificate_file, missing, "cannot read the key " + missing + ": No such file or directory"},
        {"", "", "cannot read the certificate \"\""},
        {directory.path().string(), one.key_file, "cannot read the certificate " + directory.path().string()},
        {empty, one.key_file, "cannot read the certificate " + empty + ": it is empty"},
        {junk, one.key_file, "cannot use the certificate " + junk},
        {one.certificate_file, junk, "cannot use the key " + junk},
        {one.certificate_file, two.key_file,
         "the key " + two.key_file + " does not belong to the certificate " + one.certificate_file},
    };
    for (const auto& c : cases) {
        options.listeners.clear();
        listen(Transport::Tls, "127.0.0.1:0", c.certificate, c.key);
        EXPECT_THAT(start(), AllOf(HasSubstr("cannot listen on tls 127.0.0.1:0: "), HasSubstr(c.says)));
    }
    options.listeners.clear();
    listen(Transport::Tls, "127.0.0.1:0", one.certificate_file, one.key_file);
    EXPECT_EQ("", start());
}

TEST_F(StartErrorTest, WhatWasOpenedBeforeAFailureIsClosedAgain) {
    const auto probe = open_udp(Endpoint::parse("127.0.0.1:0").value(), {});
    const Endpoint address = probe->local;
    const_cast<UdpSocket&>(*probe).fd.reset();
    listen(Transport::Udp, address.to_string());
    listen(Transport::Udp, "192.0.2.77:0");
    EXPECT_NE("", start());
    EXPECT_TRUE(open_udp(address, {})) << "free again";
}

}  // namespace
}  // namespace turnpike::net
