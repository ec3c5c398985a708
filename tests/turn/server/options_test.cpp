#include "turn/server/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnpike::relay {
namespace {

std::variant<Options, int> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "turnpike-relay");
    return Options::parse(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RelayOptions, AreTakenInOrder) {
    const auto parsed =
        parse({"--config", "/tmp/relay.toml", "--set", "a=1", "--set", "b=[1,2]", "--dev"});
    ASSERT_TRUE(std::holds_alternative<Options>(parsed));
    const Options& options = std::get<Options>(parsed);
    EXPECT_EQ(options.config, "/tmp/relay.toml");
    EXPECT_THAT(options.set, ::testing::ElementsAre("a=1", "b=[1,2]"));
    EXPECT_TRUE(options.dev);
    EXPECT_FALSE(options.check);
}

TEST(RelayOptions, ExitWithHelpVersionAndUsage) {
    EXPECT_EQ(std::get<int>(parse({"--help"})), 0);
    EXPECT_EQ(std::get<int>(parse({"--version"})), 0);
    EXPECT_EQ(std::get<int>(parse({"--cofnig", "x"})), kExitUsage);
    EXPECT_EQ(std::get<int>(parse({"--config"})), kExitUsage);
    EXPECT_EQ(std::get<int>(parse({"stray"})), kExitUsage);
}

TEST(RelayOptions, TakeOneConfigurationOnly) {
    const auto parsed = parse({"--coturn-conf", "/tmp/turnserver.conf", "--check"});
    ASSERT_TRUE(std::holds_alternative<Options>(parsed));
    EXPECT_EQ(std::get<Options>(parsed).coturn_conf, "/tmp/turnserver.conf");
    EXPECT_EQ(std::get<int>(parse({"--coturn-conf", "a", "--config", "b"})), kExitUsage);
    EXPECT_EQ(std::get<int>(parse({"--coturn-conf"})), kExitUsage);
}

}  // namespace
}  // namespace turnpike::relay
