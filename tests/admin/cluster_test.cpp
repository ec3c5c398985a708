#include <algorithm>
#include <cmath>

#include "admin/placement_simulation.hpp"
#include "tests/admin/cli_fixture.hpp"

namespace turnpike::admin::test {
namespace {

constexpr double kBound = cluster::PlacementTable::kBoundPercent / 100.0;

// A room is not divided: with few rooms a node, one room above the mean may be more than the bound.
double bound_of(const PlacementSimulation::Result& result) {
    const double rooms_a_node =
        static_cast<double>(result.rooms) / static_cast<double>(result.nodes);
    return std::max(kBound, std::ceil(rooms_a_node) / rooms_a_node) + 1e-9;
}

TEST(PlacementSimulation, HoldsTheBoundForAllSizesOfClusters) {
    for (const std::size_t nodes : {10UL, 100UL, 1000UL, 10'000UL}) {
        const std::uint64_t seed = nodes + 5;
        SCOPED_TRACE(::testing::Message() << nodes << " nodes, seed " << seed);
        PlacementSimulation simulation{{nodes, nodes > 1000 ? 4U : 10U, seed, 20}};
        const auto filled = simulation.fill({});
        EXPECT_LE(filled.turnpike.most, bound_of(filled));
        EXPECT_EQ(filled.rooms, nodes * (nodes > 1000 ? 4U : 10U));

        // Rooms stay where they are: only the mean has sunk.
        const auto joined = simulation.join(nodes / 10, {});
        EXPECT_EQ(joined.turnpike.moved, 0U);
        EXPECT_EQ(joined.nodes, nodes + nodes / 10);
        EXPECT_GT(joined.ring.moved, 0U);

        const auto lost = simulation.lose(nodes / 10, {});
        EXPECT_EQ(lost.turnpike.moved, lost.displaced);  // those that had to, and no other
        EXPECT_NEAR(static_cast<double>(lost.displaced), static_cast<double>(lost.rooms) / 11,
                    static_cast<double>(lost.rooms) / 11);

        const auto drained = simulation.drain(nodes / 10, {});
        EXPECT_EQ(drained.turnpike.moved, drained.displaced);
        EXPECT_EQ(drained.nodes, nodes - nodes / 10);

        const auto renewed = simulation.churn(simulation.rooms(), {});
        EXPECT_LE(renewed.turnpike.most, bound_of(renewed));
        EXPECT_LT(renewed.turnpike.most, renewed.ring.most);
        EXPECT_EQ(renewed.turnpike.moved, 0U);
    }
}

TEST(PlacementSimulation, IsTheSameForTheSameSeed) {
    const auto last = [](std::uint64_t seed) {
        PlacementSimulation simulation{{30, 7, seed, 20}};
        simulation.fill({});
        simulation.lose(4, {});
        return simulation.churn(50, {});
    };
    EXPECT_EQ(last(3).displaced, last(3).displaced);
    EXPECT_EQ(last(3).ring.most, last(3).ring.most);
    EXPECT_NE(last(3).ring.most, last(4).ring.most);
}

TEST(PlacementSimulation, SaysHowFarItIs) {
    std::size_t calls = 0, last = 0;
    PlacementSimulation simulation{{10, 10, 1, 20}};
    simulation.fill([&](std::size_t done, std::size_t all) {
        EXPECT_GE(done, last);
        EXPECT_EQ(all, 100U);
        last = done;
        ++calls;
    });
    EXPECT_EQ(last, 100U);
    EXPECT_GT(calls, 10U);
}

TEST(RingHash, GivesTheKeysOfANodeThatGoesToOthers) {
    RingHash before{20};
    for (std::uint32_t i = 0; i < 5; ++i) before.add("node-" + std::to_string(i), i);
    before.sort();
    RingHash after = before;
    after.remove(2);
    for (int i = 0; i < 500; ++i) {
        const std::string key = "room-" + std::to_string(i);
        if (before.find(key) == 2)
            EXPECT_NE(after.find(key), 2U);
        else
            EXPECT_EQ(after.find(key), before.find(key));
    }
}

using Cluster = CliTest;

TEST_F(Cluster, SimulatesForPrograms) {
    const Json json = json_of(
        {"cluster", "simulate", "--nodes", "5,20", "--step", "lose:1,join:10%", "--seed", "9"},
        "PlacementSimulation");
    ASSERT_EQ(json["items"].size(), 6U);
    EXPECT_EQ(json["items"][0]["step"], "fill");
    EXPECT_EQ(json["items"][0]["cluster"], 5);
    EXPECT_EQ(json["items"][1]["nodes"], 4);
    EXPECT_EQ(json["items"][1]["displaced_rooms"], json["items"][1]["turnpike"]["moved_rooms"]);
    EXPECT_EQ(json["items"][5]["nodes"], 21);
    EXPECT_GT(json["items"][3]["ring"]["most_of_mean"],
              json["items"][3]["turnpike"]["most_of_mean"]);
    EXPECT_LE(json["items"][3]["turnpike"]["most_of_mean"], kBound);
}

TEST_F(Cluster, SimulatesForPeople) {
    const Outcome run = on_terminal({"cluster", "simulate", "--nodes", "10", "--no-color"});
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("10 nodes, 100 rooms of 4"));
    for (const char* part :
         {"fill", "join:10%", "lose:5%", "drain:5%", "churn:50%", "Turnpike", "Tinode"})
        EXPECT_THAT(run.out, HasSubstr(part));
    EXPECT_THAT(run.out, Not(HasSubstr("\x1b[")));
    EXPECT_THAT(run.err, HasSubstr("rooms placed"));  // progress, and gone at the end
    EXPECT_TRUE(run.err.ends_with("\r\x1b[K"));
    environment_["TERM"] = "xterm";
    EXPECT_THAT(on_terminal({"cluster", "simulate", "--nodes", "10"}).out, HasSubstr("\x1b[32m"));
}

TEST_F(Cluster, IsPlainInAPipe) {
    const Outcome run = cli({"cluster", "simulate", "--nodes", "3", "--step", "lose:1"});
    EXPECT_EQ(run.code, 0);
    EXPECT_TRUE(run.out.starts_with(
        "cluster\tstep\tnodes\trooms\tdisplaced_rooms\tturnpike.most_of_mean\t"))
        << run.out;
    EXPECT_EQ(std::ranges::count(run.out, '\n'), 3);
    EXPECT_EQ(run.err, "");
}

TEST_F(Cluster, RefusesWhatCannotBeSimulated) {
    for (const auto& [option, value] :
         std::vector<std::pair<std::string, std::string>>{{"--nodes", "0"},
                                                          {"--nodes", "ten"},
                                                          {"--nodes", "100001"},
                                                          {"--rooms", "0"},
                                                          {"--rooms", "1x"},
                                                          {"--ring-points", "0"},
                                                          {"--step", "lose"},
                                                          {"--step", "vanish:3"},
                                                          {"--step", "join:0"},
                                                          {"--step", "join:101%"},
                                                          {"--seed", "x"}}) {
        const Outcome run = cli({"cluster", "simulate", option, value});
        EXPECT_EQ(run.code, 2) << option << value;
        EXPECT_THAT(run.err, HasSubstr(option)) << value;
        EXPECT_EQ(run.out, "");
    }
    const Outcome none_left = cli({"cluster", "simulate", "--nodes", "3", "--step", "drain:3"});
    EXPECT_EQ(none_left.code, 5);
    EXPECT_THAT(none_left.err, HasSubstr("fix: take fewer"));
}

}  // namespace
}  // namespace turnpike::admin::test
