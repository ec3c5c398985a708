#include "turn/server/reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/turn/server/config_support.hpp"

namespace turnpike::relay {
namespace {

using ::testing::ElementsAre;

TEST(Reload, NamesTheKeysThatWaitForARestart) {
    const ReadText before{with_basics("[relay]\nmin_port = 50000\n[log]\nlevel = \"info\"\n")};
    const ReadText after{
        with_basics("[relay]\nmin_port = 50001\n[log]\nlevel = \"debug\"\n[[listen]]\ntransport = "
                    "\"tcp\"\naddress = \"192.0.2.10:3478\"\n")};
    const auto keys = keys_for_restart(before.document.effective(), after.document.effective());
    EXPECT_THAT(keys, ::testing::Contains("relay.min_port"));
    EXPECT_THAT(keys, ::testing::Contains("listen[1].address"));
    EXPECT_THAT(keys, ::testing::Not(::testing::Contains("log.level")));
    EXPECT_THAT(keys_for_restart(before.document.effective(), before.document.effective()),
                ElementsAre());
}

TEST(Reload, KnowsThatAKeyMovedIsNoChange) {
    const ReadText before{with_basics("[quota]\nper_user = 48\n")};
    const ReadText after{with_basics("")};  // the default is the same
    EXPECT_THAT(keys_for_restart(before.document.effective(), after.document.effective()),
                ElementsAre());
}

}  // namespace
}  // namespace turnpike::relay
