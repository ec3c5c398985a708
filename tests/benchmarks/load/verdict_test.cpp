#include "benchmarks/load/verdict.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace turnpike::bench {
namespace {

using Kind = Verdict::Kind;
using testing::Contains;
using testing::HasSubstr;

Measurement run(std::uint64_t sent, std::uint64_t received, Nanoseconds latency = 100us,
                Nanoseconds slip = 5us) {
    Measurement m;
    m.elapsed = 1s;
    m.generator.planned = sent;
    m.delivery.sent = sent;
    for (std::uint64_t i = 0; i < received; ++i)
        m.delivery.arrived(FlowMeter::Arrival::New, 160, latency);
    for (std::uint64_t i = 0; i < sent; ++i) m.generator.slip.add(slip);
    if (slip > GeneratorHealth::kLate) m.generator.late = sent;
    return m;
}

TEST(Verdict, CleanWhenAllArrived) {
    const Verdict verdict = judge(run(1000, 1000), Purpose::Figures);
    EXPECT_EQ(verdict.kind, Kind::Clean);
    EXPECT_TRUE(verdict.reasons.empty());
}

TEST(Verdict, LossWithAHealthyGeneratorIsTheServers) {
    const Verdict verdict = judge(run(1000, 900), Purpose::Figures);
    EXPECT_EQ(verdict.kind, Kind::Imperfect);
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr("100 of 1000 packets were lost")));
}

TEST(Verdict, OwnDropsExplainLossFromATwentiethOn) {
    Measurement m = run(1000, 900);
    m.generator.drops = 5;
    EXPECT_EQ(judge(m, Purpose::Figures).kind, Kind::Saturated);
    EXPECT_EQ(judge(m, Purpose::Delivery).kind, Kind::Saturated);
    m.generator.drops = 4;
    EXPECT_EQ(judge(m, Purpose::Figures).kind, Kind::Imperfect);
}

TEST(Verdict, DropsOfOtherDatagramsHarmNothing) {
    Measurement m = run(1000, 1000);
    m.generator.drops = 50;
    EXPECT_EQ(judge(m, Purpose::Figures).kind, Kind::Clean);
}

TEST(Verdict, AScheduleThatWasNotKeptIsNoResult) {
    Measurement m = run(989, 989);
    m.generator.planned = 1000;
    EXPECT_EQ(judge(m, Purpose::Figures).kind, Kind::Saturated);
    EXPECT_EQ(judge(m, Purpose::Delivery).kind, Kind::Clean);
    m.generator.planned = 998;
    EXPECT_EQ(judge(m, Purpose::Figures).kind, Kind::Clean);
}

TEST(Verdict, WhatAConnectionRefusedIsTheServersSlowness) {
    Measurement m = run(500, 500);
    m.generator.planned = 1000;
    m.generator.refused = 500;
    const Verdict verdict = judge(m, Purpose::Figures);
    EXPECT_EQ(verdict.kind, Kind::Imperfect);
    EXPECT_THAT(verdict.reasons, Contains(HasSubstr("no room")));
}

TEST(Verdict, LatenessCountsWhereItMakesTheLatency) {
    EXPECT_EQ(judge(run(1000, 1000, 6ms, 5ms), Purpose::Figures).kind, Kind::Saturated);
    EXPECT_EQ(judge(run(1000, 1000, 100ms, 5ms), Purpose::Figures).kind, Kind::Clean)
        << "the server is the slow one";
    EXPECT_EQ(judge(run(1000, 1000, 2ms, 900us), Purpose::Figures).kind, Kind::Clean)
        << "not late enough";
    EXPECT_EQ(judge(run(1000, 1000, 6ms, 5ms), Purpose::Delivery).kind, Kind::Clean);
}

TEST(Verdict, SaysThatOthersHadTheCore) {
    Measurement m = run(1000, 1000, 6ms, 5ms);
    m.cpu.own_waiting = 400ms;
    EXPECT_THAT(judge(m, Purpose::Figures).reasons, Contains(HasSubstr("waited 40 %")));
}

TEST(Verdict, DuplicatesAndDamageAreNotClean) {
    Measurement twice = run(10, 10);
    twice.delivery.duplicated = 1;
    EXPECT_EQ(judge(twice, Purpose::Figures).kind, Kind::Imperfect);
    Measurement damaged = run(10, 10);
    damaged.damaged = 1;
    EXPECT_EQ(judge(damaged, Purpose::Figures).kind, Kind::Imperfect);
}

}  // namespace
}  // namespace turnpike::bench
