#include "turn/server/behaviour_discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> listeners_of(const Config& config) {
    std::vector<std::string> all;
    for (const net::Listener& listener : config.net.listeners) {
        all.push_back(std::string{to_string(listener.transport)} + " " +
                      listener.address.to_string());
    }
    return all;
}

TEST(BehaviourDiscoveryConfig, IsOffWhenAbsent) {
    const ReadText read{with_basics("")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_TRUE(read.config.net.core.behaviour_discovery.addresses.empty());
    EXPECT_THAT(listeners_of(read.config), ElementsAre("udp 192.0.2.10:3478"));
    EXPECT_EQ(discovery_amplification(read.config.net.core.behaviour_discovery), 0);
}

TEST(BehaviourDiscoveryConfig, AddsTheListenersThatAreMissing) {
    const ReadText read{
        with_basics("[behaviour_discovery]\naddresses = [\"192.0.2.10\", \"10.0.0.5\"]\nports = "
                    "[3478, 3480]\n")};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_THAT(listeners_of(read.config), ElementsAre("udp 192.0.2.10:3478", "udp 192.0.2.10:3480",
                                                       "udp 10.0.0.5:3478", "udp 10.0.0.5:3480"));
    EXPECT_THAT(read.config.net.core.behaviour_discovery.ports, ElementsAre(3478, 3480));
    EXPECT_EQ(discovery_amplification(read.config.net.core.behaviour_discovery), 2.8);
    EXPECT_THAT(summary(read.config), HasSubstr("discover 10.0.0.5, ports 3478 and 3480"));
}

// A wildcard listener has both addresses; another one beside it could not be bound.
TEST(BehaviourDiscoveryConfig, LeavesWhatAWildcardListenerHas) {
    const ReadText read{
        "[[listen]]\ntransport = \"udp\"\naddress = \"0.0.0.0:3478\"\n[auth]\nusers = [{name = "
        "\"ada\", password = "
        "{value = \"correct-horse\"}}]\n[behaviour_discovery]\naddresses = [\"192.0.2.10\", "
        "\"10.0.0.5\"]\n"};
    ASSERT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_THAT(listeners_of(read.config),
                ElementsAre("udp 0.0.0.0:3478", "udp 192.0.2.10:3479", "udp 10.0.0.5:3479"));
}

TEST(BehaviourDiscoveryConfig, SaysWhatCannotBeMeant) {
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"addresses = [\"192.0.2.10\"]\nports = [3478]\n", "ports must have two different ports"},
        {"addresses = [\"192.0.2.10\"]\nports = [3478, 3478]\n",
         "ports must have two different ports"},
        {"addresses = [\"192.0.2.10\", \"192.0.2.10\"]\n", "has 192.0.2.10 twice"},
        {"addresses = [\"198.51.100.1\"]\n", "no address of this machine"},
        {"addresses = [\"192.0.2.10\", \"10.0.0.5\", \"127.0.0.1\"]\n",
         "more than two addresses of a family"},
        {"adresses = []\n", "did you mean \"addresses\"?"},
    };
    for (const auto& [text, expected] : rows) {
        const ReadText read{with_basics("[behaviour_discovery]\n" + std::string{text})};
        EXPECT_FALSE(read.document.ok()) << text;
        EXPECT_THAT(read.document.report(), HasSubstr(expected)) << text;
    }
}

TEST(BehaviourDiscoveryConfig, WarnsOfWhatIpv6Amplifies) {
    const ReadText read{
        with_basics("[behaviour_discovery]\naddresses = [\"2001:db8::10\", \"::1\"]\n")};
    EXPECT_TRUE(read.document.ok()) << read.document.report();
    EXPECT_THAT(read.document.report(), HasSubstr("4.60 times the request"));
    EXPECT_THAT(summary(read.config), HasSubstr("at most 4.60 times"));
}

}  // namespace
}  // namespace turnpike::relay
