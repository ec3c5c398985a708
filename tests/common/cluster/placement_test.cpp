#include "common/cluster/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

namespace turnpike::cluster {
namespace {

NodeInfo node(std::string id, double load = 0) {
    NodeInfo info;
    info.id = std::move(id);
    info.state = NodeState::Active;
    info.urls = {"turn:192.0.2.1:3478?transport=udp"};
    info.load = load;
    return info;
}

std::vector<NodeInfo> nodes(int count) {
    std::vector<NodeInfo> all;
    for (int i = 0; i < count; ++i) all.push_back(node("node-" + std::to_string(i)));
    return all;
}

std::string room(int i) { return "room-" + std::to_string(i); }

TEST(Placement, HasNoAnswerWithoutAnActiveNode) {
    EXPECT_EQ(place("room", {}), nullptr);
    for (const NodeState state : {NodeState::Cordoned, NodeState::Draining, NodeState::Drained, NodeState::Lost}) {
        std::vector<NodeInfo> all{node("a")};
        all[0].state = state;
        EXPECT_EQ(place("room", all), nullptr) << to_string(state);
    }
}

TEST(Placement, SkipsANodeWithoutUrls) {
    std::vector<NodeInfo> all{node("a"), node("b")};
    all[0].urls.clear();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(place(room(i), all)->id, "b");
}

TEST(Placement, DoesNotDependOnTheOrderOfNodes) {
    std::vector<NodeInfo> all = nodes(9);
    std::vector<NodeInfo> reversed{all.rbegin(), all.rend()};
    for (int i = 0; i < 500; ++i) EXPECT_EQ(place(room(i), all)->id, place(room(i), reversed)->id);
}

TEST(Placement, MovesOnlyTheKeysOfANodeThatGoes) {
    const std::vector<NodeInfo> before = nodes(10);
    std::vector<NodeInfo> after = before;
    after[3].state = NodeState::Lost;
    for (int i = 0; i < 2000; ++i) {
        const std::string& was = place(room(i), before)->id;
        const std::string& is = place(room(i), after)->id;
        if (was != "node-3") {
            EXPECT_EQ(was, is);
        }
        EXPECT_NE(is, "node-3");
    }
}

TEST(Placement, SharesInProportionToFreeCapacity) {
    const std::vector<NodeInfo> all{node("idle", 0.0), node("half", 0.5), node("busy", 0.75)};
    std::map<std::string, int> count;
    constexpr int kRooms = 20'000;
    for (int i = 0; i < kRooms; ++i) ++count[place(room(i), all)->id];
    // 1 : 0.5 : 0.25
    EXPECT_NEAR(count["idle"], kRooms * 4 / 7, kRooms / 50);
    EXPECT_NEAR(count["half"], kRooms * 2 / 7, kRooms / 50);
    EXPECT_NEAR(count["busy"], kRooms * 1 / 7, kRooms / 50);
}

TEST(Placement, TakesAFullNodeOnlyWhenAllAreFull) {
    const std::vector<NodeInfo> one_free{node("full", 1.0), node("free", 0.99)};
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(place(room(i), one_free)->id, "free");
    const std::vector<NodeInfo> none_free{node("a", 1.0), node("b", 1.5)};
    EXPECT_NE(place("room", none_free), nullptr);
}

TEST(Placement, SpreadsEvenlyOverTenThousandNodes) {
    const std::vector<NodeInfo> all = nodes(10'000);
    std::map<std::string_view, int> count;
    // Two rooms per node would say nothing about balance; what matters here is that no node draws a crowd.
    for (int i = 0; i < 2'000; ++i) ++count[place(room(i), all)->id];
    int most = 0;
    for (const auto& [id, rooms] : count) most = std::max(most, rooms);
    EXPECT_LE(most, 6);  // Poisson with mean 0.2: P(>= 7 anywhere) is below 1e-4
    EXPECT_GT(count.size(), 1'700U);
}

TEST(NodeStateNames, AreReadAndWritten) {
    for (const NodeState state : {NodeState::Active, NodeState::Cordoned, NodeState::Draining,
                                  NodeState::Drained, NodeState::Lost}) {
        EXPECT_EQ(node_state(to_string(state)), state);
    }
    EXPECT_EQ(node_state("ACTIVE"), std::nullopt);
}

}  // namespace
}  // namespace turnpike::cluster
