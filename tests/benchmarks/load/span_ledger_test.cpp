#include "benchmarks/load/span_ledger.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace turnpike::bench {
namespace {

constexpr Instant kBegin{1000s};

struct Closed {
    Instant from, to;
    std::uint64_t sent, received;
};

struct Collect {
    std::vector<Closed>& spans;
    void operator()(Instant from, Instant to, const Delivery& d) const {
        spans.push_back({from, to, d.sent, d.received});
    }
};

TEST(SpanLedger, LeavesTheWarmUpOut) {
    const SpanLedger ledger{kBegin, 1s};
    EXPECT_FALSE(ledger.counts(kBegin - 1ns));
    EXPECT_TRUE(ledger.counts(kBegin));
}

TEST(SpanLedger, ASpanWaitsForWhatIsUnderWay) {
    SpanLedger ledger{kBegin, 1s};
    std::vector<Closed> spans;
    const Instant due = kBegin + 999ms;
    ++ledger.of(due).sent;
    ledger.roll(kBegin + 1100ms, Collect{spans});
    EXPECT_TRUE(spans.empty());
    ledger.of(due).arrived(FlowMeter::Arrival::New, 100, 150ms);
    ledger.roll(kBegin + 1200ms, Collect{spans});
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_EQ(spans[0].from, kBegin);
    EXPECT_EQ(spans[0].to, kBegin + 1s);
    EXPECT_EQ(spans[0].received, 1U);
}

TEST(SpanLedger, APacketOfAClosedSpanIsInTheTotal) {
    SpanLedger ledger{kBegin, 1s};
    std::vector<Closed> spans;
    ++ledger.of(kBegin).sent;
    ledger.roll(kBegin + 2s, Collect{spans});
    EXPECT_EQ(ledger.missing(), 1U);
    ledger.of(kBegin).arrived(FlowMeter::Arrival::New, 100, 2s);
    EXPECT_EQ(ledger.missing(), 0U);
    ledger.finish(kBegin + 2s, Collect{spans});
    EXPECT_EQ(ledger.total().received, 1U);
    EXPECT_EQ(ledger.total().lost(), 0U);
}

TEST(SpanLedger, AStallOfSeveralSpansClosesThemAll) {
    SpanLedger ledger{kBegin, 100ms};
    std::vector<Closed> spans;
    ++ledger.of(kBegin + 150ms).sent;
    ledger.roll(kBegin + 1s, Collect{spans});
    ASSERT_EQ(spans.size(), 9U);
    EXPECT_EQ(spans[0].sent, 0U);
    EXPECT_EQ(spans[1].sent, 1U);
    ++ledger.of(kBegin + 950ms).sent;
    ledger.finish(kBegin + 1s, Collect{spans});
    EXPECT_EQ(ledger.total().sent, 2U);
    EXPECT_EQ(spans.back().to, kBegin + 1s);
}

}  // namespace
}  // namespace turnpike::bench
