#include "turn/server/usage_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "common/base/system_clock.hpp"

namespace turnpike::relay {
namespace {

core::AllocationClosed closed(std::uint64_t id) {
    core::AllocationClosed out;
    out.id = core::AllocationId{id};
    out.tuple.client = *Endpoint::parse("192.0.2.7:5000");
    out.tuple.transport = Transport::Tcp;
    out.relayed = *Endpoint::parse("203.0.113.7:50000");
    out.username = "1795000000:tag.alice;k=k1";
    out.subject = "tag.alice";
    out.realm = "turnpike";
    out.reason = core::CloseReason::Killed;
    out.traffic = {1200, 10, 2400, 20};
    out.duration = 90s;
    return out;
}

class UsageLogTest : public ::testing::Test {
protected:
    ops::ControlLoop loop_;
    std::vector<std::string> lines_;
    ops::Log log_{{ops::Level::Info, ops::Log::Format::Json},
                  [this](ops::Level, std::string_view line) { lines_.emplace_back(line); }};
    SystemClock clock_;
    UsageLog usage_{loop_, log_, ops::ClientIpPrivacy{ops::ClientIp::Truncate, {1, 2}}, clock_};
};

TEST_F(UsageLogTest, WritesOneRecordPerClosedAllocation) {
    usage_.report(closed(17));
    EXPECT_TRUE(lines_.empty());
    usage_.drain();
    ASSERT_EQ(lines_.size(), 1u);
    const auto record = nlohmann::json::parse(lines_[0]);
    EXPECT_EQ(record["event"], "allocation.closed");
    EXPECT_EQ(record["allocation"], 17);
    EXPECT_EQ(record["reason"], core::to_string(core::CloseReason::Killed));
    EXPECT_EQ(record["subject"], "tag.alice");
    EXPECT_EQ(record["transport"], "tcp");
    EXPECT_EQ(record["client"], "192.0.2.0/24");
    EXPECT_EQ(record["duration_seconds"], 90.0);
    EXPECT_EQ(record["bytes_to_peer"], 1200);
    EXPECT_EQ(record["packets_to_peer"], 10);
    EXPECT_EQ(record["bytes_to_client"], 2400);
    EXPECT_EQ(record["packets_to_client"], 20);
    EXPECT_EQ(usage_.durations().read().sum, 90.0);
}

TEST_F(UsageLogTest, TakesReportsFromWorkersAndWritesOnTheLoop) {
    std::vector<std::thread> workers;
    for (int w = 0; w < 4; ++w) {
        workers.emplace_back([this, w] {
            for (int i = 0; i < 100; ++i)
                usage_.report(closed(static_cast<std::uint64_t>(w * 100 + i)));
        });
    }
    for (std::thread& worker : workers) worker.join();
    int looks = 0;
    loop_.every(Milliseconds{1}, [&] {
        if (lines_.size() == 400 || ++looks == 10'000) loop_.stop();
    });
    loop_.run();
    EXPECT_EQ(lines_.size(), 400u);
    EXPECT_EQ(usage_.lost(), 0u);
}

TEST_F(UsageLogTest, BeginningsAreForDebugging) {
    core::AllocationOpened opened;
    opened.id.value = 17;
    usage_.report(opened);
    usage_.drain();
    EXPECT_TRUE(lines_.empty());
    log_.set_level(ops::Level::Debug);
    usage_.report(opened);
    usage_.drain();
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_EQ(nlohmann::json::parse(lines_[0])["event"], "allocation.opened");
}

TEST_F(UsageLogTest, CountsWhatDoesNotFit) {
    for (std::size_t i = 0; i < UsageLog::kQueueMax + 3; ++i) usage_.report(closed(i));
    EXPECT_EQ(usage_.lost(), 3u);
}

TEST_F(UsageLogTest, PassesOverRefusalsThatEveryClientSees) {
    usage_.report(core::RequestRefused{stun::Method::Allocate, stun::ErrorCode::Unauthenticated,
                                       Transport::Udp});
    usage_.report(core::RequestRefused{stun::Method::Allocate,
                                       stun::ErrorCode::InsufficientCapacity, Transport::Udp});
    usage_.drain();
    ASSERT_EQ(lines_.size(), 1u);
    EXPECT_EQ(nlohmann::json::parse(lines_[0])["code"], 508);
}

}  // namespace
}  // namespace turnpike::relay
