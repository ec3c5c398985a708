#include "common/ops/client_ip.hpp"

#include <gtest/gtest.h>

#include "common/ops/time_text.hpp"

namespace turnpike::ops {
namespace {

const IpAddress kV4 = *IpAddress::parse("192.0.2.7");
const IpAddress kV6 = *IpAddress::parse("2001:db8:1:2:3:4:5:6");
constexpr WallTime kNow = WallTime{Milliseconds{1'795'521'600'000}};

TEST(ClientIp, ShowsWhatTheSettingAllows) {
    const HashKey key{1, 2};
    EXPECT_EQ((ClientIpPrivacy{ClientIp::Truncate, key}.show(kV4, kNow)), "192.0.2.0/24");
    EXPECT_EQ((ClientIpPrivacy{ClientIp::Truncate, key}.show(kV6, kNow)), "2001:db8:1::/48");
    EXPECT_EQ((ClientIpPrivacy{ClientIp::Full, key}.show(kV4, kNow)), "192.0.2.7");
    EXPECT_EQ((ClientIpPrivacy{ClientIp::None, key}.show(kV4, kNow)), "-");
}

TEST(ClientIp, PseudonymsLastADayAndDependOnTheKey) {
    const ClientIpPrivacy hashed{ClientIp::Hash, {1, 2}};
    const std::string today = hashed.show(kV4, kNow);
    EXPECT_EQ(today.size(), 12u);
    EXPECT_EQ(today, hashed.show(kV4, kNow + 1h));
    EXPECT_NE(today, hashed.show(kV4, kNow + 25h));
    EXPECT_NE(today, hashed.show(kV6, kNow));
    EXPECT_NE(today, (ClientIpPrivacy{ClientIp::Hash, {3, 4}}.show(kV4, kNow)));
}

TEST(TimeText, IsRfc3339InUtc) {
    EXPECT_EQ(rfc3339(WallTime{Milliseconds{0}}), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(rfc3339(WallTime{Milliseconds{1'700'000'000'123}}), "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace turnpike::ops
