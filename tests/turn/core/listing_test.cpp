#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

using core::AllocationFilter;
using core::AllocationSummary;

struct Listing : ::testing::Test {
    Listing() {
        for (int i = 0; i < 40; ++i) {
            clients.push_back(std::make_unique<TurnClient>(node, "192.0.2." + std::to_string(1 + i) + ":40000"));
            TurnClient& client = *clients.back();
            if (i % 4 == 0) {
                client.username = "bob";
                client.password = "builder";
            }
            // Every fifth has two relayed addresses, and counts once.
            const auto both = [&](stun::MessageBuilder& message) {
                TurnClient::transport_udp(message);
                if (i % 5 == 0) message.u32(Attribute::AdditionalAddressFamily, 0x02000000);
            };
            EXPECT_TRUE(client.request(Method::Allocate, both)->success());
        }
        for (int i = 0; i < 40; i += 7) clients[static_cast<std::size_t>(i)]->refresh(0);  // places that are free
    }
    std::vector<AllocationSummary> all(const AllocationFilter& filter, std::uint32_t at_once) {
        std::vector<AllocationSummary> listed;
        for (std::optional<std::uint32_t> from = 0; from;) {
            const std::size_t before = listed.size();
            from = node.server.list(filter, *from, at_once, node.now, listed);
            EXPECT_LE(listed.size() - before, at_once);
        }
        return listed;
    }
    TurnNode node;
    std::vector<std::unique_ptr<TurnClient>> clients;
};

TEST_F(Listing, InPartsItIsWhatItIsAtOnce) {
    const auto at_once = node.server.list(node.now);
    ASSERT_EQ(at_once.size(), 34U);
    EXPECT_EQ(at_once.size(), node.server.allocations());
    for (const std::uint32_t part : {1U, 3U, 7U, 1000U, UINT32_MAX}) {
        auto listed = all({}, part);
        std::ranges::sort(listed, {}, &AllocationSummary::id);
        ASSERT_EQ(listed.size(), at_once.size()) << part;
        for (std::size_t i = 0; i < listed.size(); ++i) {
            EXPECT_EQ(listed[i].id, at_once[i].id);
            EXPECT_EQ(listed[i].relayed, at_once[i].relayed);
        }
    }
}

TEST_F(Listing, AFilterIsForOneOrForASubject) {
    AllocationFilter of_bob;
    of_bob.subject = "bob";
    const auto bobs = all(of_bob, 3);
    EXPECT_EQ(bobs.size(), 8U);
    for (const auto& one : bobs) EXPECT_EQ(one.subject, "bob");
    AllocationFilter one;
    one.id = bobs[3].id;
    ASSERT_EQ(all(one, 5).size(), 1U);
    EXPECT_EQ(all(one, 5)[0].tuple, bobs[3].tuple);
    one.id->value = 1'000'000;
    EXPECT_TRUE(all(one, 5).empty());
}

TEST_F(Listing, WhatIsNotOpenYetIsNotListed) {
    node.opens = false;
    TurnClient waiting{node, "192.0.2.200:40000"};
    waiting.allocate();
    EXPECT_EQ(all({}, 10).size(), 34U);
    // A place that is beyond the end is the end.
    std::vector<AllocationSummary> listed;
    EXPECT_FALSE(node.server.list({}, 100'000, 10, node.now, listed));
    EXPECT_TRUE(listed.empty());
}

}  // namespace
}  // namespace turnpike::test
