#include "benchmarks/load/scenario.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

using testing::HasSubstr;

TEST(Scenario, KeepsItsDefaultsForWhatIsLeftOut) {
    const auto scenario =
        parse_scenario("[calls]\nparticipants = 3\nlive_max = 7\nlength = \"1m\"\n", "s.toml");
    ASSERT_TRUE(scenario) << scenario.error();
    EXPECT_EQ(scenario->members(), 21U);
    EXPECT_EQ(scenario->calls.length, Milliseconds{60'000});
    EXPECT_EQ(scenario->audio.packets_per_second, 50);
    EXPECT_TRUE(parse_scenario("", "s.toml"));
}

TEST(Scenario, SaysEveryMistakeWithItsPlace) {
    const auto scenario = parse_scenario("[audio]\nsize = 5\n[vidoe]\nshare = 2\n", "s.toml");
    ASSERT_FALSE(scenario);
    EXPECT_THAT(scenario.error(), HasSubstr("s.toml:2:8: audio.size is 5"));
    EXPECT_THAT(scenario.error(), HasSubstr("did you mean [video]"));
}

}  // namespace
}  // namespace turnpike::bench
