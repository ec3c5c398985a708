#include "tests/turn/net/relay_support.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>

#include "common/base/system_clock.hpp"
#include "turn/net/range_sockets.hpp"

namespace turnpike::net::testing {

SelfSigned::SelfSigned(const TempDir& directory, const std::string& name, const std::string& names)
    : certificate_file((directory.path() / (name + ".pem")).string()), key_file((directory.path() / (name + ".key")).string()) {
    EVP_PKEY* const key = ::EVP_EC_gen("P-256");
    X509* const certificate = ::X509_new();
    ::X509_set_version(certificate, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -60);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 3600);
    ::X509_set_pubkey(certificate, key);
    X509_NAME* const subject = ::X509_get_subject_name(certificate);
    ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    ::X509_set_issuer_name(certificate, subject);
    if (!names.empty()) {
        X509V3_CTX extensions{};
        ::X509V3_set_ctx(&extensions, certificate, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* const extension = ::X509V3_EXT_conf_nid(nullptr, &extensions, NID_subject_alt_name, names.c_str());
        ::X509_add_ext(certificate, extension, -1);
        ::X509_EXTENSION_free(extension);
    }
    ::X509_sign(certificate, key, ::EVP_sha256());
    std::FILE* file = std::fopen(certificate_file.c_str(), "w");
    ::PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(key_file.c_str(), "w");
    ::PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
}

namespace {

/// Without the rights for the engine that is asked for there is nothing to test.
class EngineIsThere final : public ::testing::Environment {
    void SetUp() override {
        if (engine_under_test() != IoEngine::Range) return;
        if (const std::string why = no_range_engine(); !why.empty()) GTEST_SKIP() << "no range engine here: " << why;
    }
};
[[maybe_unused]] ::testing::Environment* const kEngineIsThere = ::testing::AddGlobalTestEnvironment(new EngineIsThere);

}  // namespace

IoEngine engine_under_test() {
    const char* const name = std::getenv("TURNPIKE_IO_ENGINE");
    return name != nullptr && name == to_string(IoEngine::Range) ? IoEngine::Range : IoEngine::Sockets;
}

std::string no_range_engine() {
    static const std::string why = [] {
        crypto::SystemRandom random;
        const auto setup = RangeSetup::open({IpAddress::parse("127.0.0.1").value()}, {}, 61'000, 65'535, 1, 1 << 20, random);
        return setup ? std::string{} : setup.error();
    }();
    return why;
}

TestRelay::TestRelay(Setup setup) {
    static const SystemClock system_clock;
    Options options;
    for (const auto& [transport, address] : setup.listen) {
        Listener listener;
        listener.transport = transport;
        listener.address = Endpoint::parse(address).value();
        listener.realm = "test";
        if (setup.each) setup.each(listener);
        if (listener.secure() && listener.certificate_file.empty()) {
            if (!certificate) certificate.emplace(directory);
            listener.certificate_file = certificate->certificate_file;
            listener.key_file = certificate->key_file;
        }
        options.listeners.push_back(std::move(listener));
    }
    options.workers = setup.workers;
    options.relay_addresses = setup.relay_addresses;
    options.port_min = setup.port_min;
    options.port_max = setup.port_max;
    options.engine = setup.engine;
    options.core = setup.core;
    options.core.rate_exempt = {Cidr::parse("127.0.0.0/8").value(), Cidr::parse("::1/128").value()};
    options.limits = setup.limits;
    options.limits_exempt = setup.limits_exempt;
    options.upstream_failed = setup.upstream_failed;
    options.journal = setup.journal;

    std::vector<core::StaticUser> users;
    users.push_back({"alice", Secret{std::string_view{"wonderland"}}});
    users.push_back({"bob", Secret{std::string_view{"builder"}}});
    auto credentials = std::make_shared<const core::CredentialChain>(std::move(users), std::vector<crypto::RestSecret>{}, crypto::Capability{});
    core::PeerPolicy::Rules peers;
    peers.mode = core::PeerPolicy::Mode::Lab;
    peers.allow = {Cidr::parse("127.0.0.0/8").value(), Cidr::parse("::1/128").value()};
    peers.allow.insert(peers.allow.end(), setup.peers.begin(), setup.peers.end());
    pool = std::make_unique<WorkerPool>(std::move(options), std::move(credentials), std::move(peers),
                                        setup.clock != nullptr ? *setup.clock : system_clock, random,
                                        [this](const core::Action& action) {
                                            if (const auto* closed = std::get_if<core::AllocationClosed>(&action)) {
                                                const std::lock_guard lock{mutex_};
                                                closed_.push_back(*closed);
                                            }
                                        });
    const auto started = pool->start();
    EXPECT_TRUE(started) << started.error().message;
}

bool TestRelay::wait_for(const std::function<bool(const Snapshot&)>& until) const {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (std::chrono::steady_clock::now() < deadline) {
        if (until(pool->snapshot())) return true;
        std::this_thread::yield();
    }
    return false;
}

std::vector<core::AllocationClosed> TestRelay::closed() const {
    const std::lock_guard lock{mutex_};
    return closed_;
}

}  // namespace turnpike::net::testing
