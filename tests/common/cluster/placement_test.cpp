#include "common/cluster/placement.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>

#include "common/cluster/rendezvous.hpp"

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

std::string room(int i) {
    return "room-" + std::to_string(i);
}

// Where the key goes when nobody holds seats: the draw alone decides.
std::string drawn(const std::vector<NodeInfo>& all, const std::string& key,
                  std::string_view region = {}) {
    const NodeInfo* node = place({key, 1, region}, all);
    return node == nullptr ? std::string{} : node->id;
}

// A table whose rooms' seats are counted, as signaling does.
struct Cluster {
    explicit Cluster(std::vector<NodeInfo> list)
        : all(std::move(list)), table(all), seats(all.size()) {}

    std::size_t open(const std::string& key, std::uint32_t wanted = 4,
                     std::string_view region = {}) {
        const auto placed = table.place({key, wanted, region});
        if (!placed) ADD_FAILURE() << "no node for " << key;
        table.add_seats(placed->node, wanted);
        seats[placed->node] += wanted;
        return placed->node;
    }
    void close(std::size_t at, std::uint32_t held = 4) {
        table.remove_seats(at, held);
        seats[at] -= held;
    }

    std::vector<NodeInfo> all;
    PlacementTable table;
    std::vector<std::uint64_t> seats;
};

TEST(Placement, HasNoAnswerWithoutAnActiveNode) {
    EXPECT_EQ(place({"room"}, {}), nullptr);
    EXPECT_FALSE(PlacementTable{}.place({"room"}));
    for (const NodeState state :
         {NodeState::Cordoned, NodeState::Draining, NodeState::Drained, NodeState::Lost}) {
        std::vector<NodeInfo> all{node("a")};
        all[0].state = state;
        EXPECT_EQ(place({"room"}, all), nullptr) << to_string(state);
    }
}

TEST(Placement, SkipsNodesThatCannotServe) {
    std::vector<NodeInfo> all{node("a"), node("b"), node("c"), node("d")};
    all[0].urls.clear();
    all[2].capacity = 0;
    all[3].state = NodeState::Draining;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(drawn(all, room(i)), "b");
}

TEST(Placement, DoesNotDependOnTheOrderOfNodes) {
    std::vector<NodeInfo> all = nodes(9);
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].seats = i * 3;
        all[i].load = static_cast<double>(i) / 20;
        if (i % 3 != 0) all[i].labels["region"] = i % 3 == 1 ? "fra" : "nyc";
    }
    std::vector<NodeInfo> shuffled = all;
    std::mt19937 random{7};
    for (int i = 0; i < 300; ++i) {
        std::ranges::shuffle(shuffled, random);
        for (const char* region : {"", "fra", "nyc", "nowhere"})
            EXPECT_EQ(drawn(all, room(i), region), drawn(shuffled, room(i), region));
    }
}

// These are facts of the algorithm: two machines, or two versions in one cluster, must agree on
// them.
TEST(Placement, AnswersWhatItAlwaysAnswered) {
    std::vector<NodeInfo> all{node("relay-1"), node("relay-2", 0.25), node("relay-3", 0.5)};
    std::string answers;
    for (int i = 0; i < 24; ++i) answers += drawn(all, room(i)).back();
    EXPECT_EQ(answers, "112221333312112211112121");
}

TEST(Placement, MovesOnlyTheKeysOfANodeThatGoes) {
    const std::vector<NodeInfo> before = nodes(10);
    std::vector<NodeInfo> after = before;
    after[3].state = NodeState::Lost;
    int moved = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::string was = drawn(before, room(i)), is = drawn(after, room(i));
        EXPECT_NE(is, "node-3");
        if (was != "node-3")
            EXPECT_EQ(was, is);
        else
            ++moved;
    }
    EXPECT_NEAR(moved, 200, 60);
}

TEST(Placement, MovesToANodeThatComesOnlyWhatItWins) {
    const std::vector<NodeInfo> before = nodes(10), after = nodes(11);
    int moved = 0;
    for (int i = 0; i < 2200; ++i) {
        const std::string was = drawn(before, room(i)), is = drawn(after, room(i));
        if (was == is) continue;
        EXPECT_EQ(is, "node-10");
        ++moved;
    }
    EXPECT_NEAR(moved, 200, 60);
}

TEST(Placement, SharesInProportionToFreeCapacity) {
    std::vector<NodeInfo> all{node("idle", 0.0), node("half", 0.5), node("busy", 0.75),
                              node("big", 0.5)};
    all[3].capacity = 4;
    std::map<std::string, int> count;
    constexpr int kRooms = 15'000;
    for (int i = 0; i < kRooms; ++i) ++count[drawn(all, room(i))];
    // 1 : 0.5 : 0.25 : 2
    EXPECT_NEAR(count["idle"], kRooms * 4 / 15, kRooms / 50);
    EXPECT_NEAR(count["half"], kRooms * 2 / 15, kRooms / 50);
    EXPECT_NEAR(count["busy"], kRooms * 1 / 15, kRooms / 50);
    EXPECT_NEAR(count["big"], kRooms * 8 / 15, kRooms / 50);
}

TEST(Placement, SharesSeatsInProportionToo) {
    std::vector<NodeInfo> list{node("small"), node("big")};
    list[1].capacity = 3;
    Cluster cluster{list};
    for (int i = 0; i < 400; ++i) cluster.open(room(i), 2);
    EXPECT_LE(cluster.seats[0], 230U);  // 1.15 × 800 / 4
    EXPECT_LE(cluster.seats[1], 690U);  // 1.15 × 800 × 3 / 4
}

TEST(Placement, KeepsTheMostLoadedWithinTheBound) {
    for (const int count : {1, 2, 3, 10, 100}) {
        Cluster cluster{nodes(count)};
        for (int i = 0; i < 12 * count; ++i) {
            cluster.open(room(i));
            const std::uint64_t most = *std::ranges::max_element(cluster.seats);
            const double mean = 4.0 * (i + 1) / count;
            // A room is not divided: where 1.15 of the mean is no whole number of rooms, the next
            // one above the mean.
            ASSERT_LE(static_cast<double>(most),
                      std::max(1.15 * mean, std::ceil(mean / 4) * 4) + 1e-9)
                << count << " nodes, room " << i;
        }
        EXPECT_LE(static_cast<double>(*std::ranges::max_element(cluster.seats)), 1.15 * 48)
            << count;
    }
}

// The acceptance of a small cluster: thirty rooms of four on three relays.
TEST(Placement, SpreadsThirtyRoomsOverThreeNodes) {
    for (int trial = 0; trial < 200; ++trial) {
        Cluster cluster{{node("relay-1"), node("relay-2"), node("relay-3")}};
        for (int i = 0; i < 30; ++i) cluster.open("trial-" + std::to_string(trial) + "-" + room(i));
        EXPECT_LE(*std::ranges::max_element(cluster.seats), 46U) << trial;  // 1.15 × 40
    }
}

TEST(Placement, KeepsTheBoundForRoomsOfAllSizesThatComeAndGo) {
    std::mt19937 random{11};
    Cluster cluster{nodes(20)};
    struct Open {
        std::size_t at;
        std::uint32_t seats;
    };
    std::vector<Open> rooms;
    std::uint64_t total = 0;
    for (int i = 0; i < 5000; ++i) {
        if (rooms.size() > 400) {
            std::swap(rooms[random() % rooms.size()], rooms.back());
            cluster.close(rooms.back().at, rooms.back().seats);
            total -= rooms.back().seats;
            rooms.pop_back();
        }
        const auto size = static_cast<std::uint32_t>(2 + random() % 15);
        const std::size_t at = cluster.open(room(i), size);
        rooms.push_back({at, size});
        total += size;
        const double share = static_cast<double>(total) / 20;
        ASSERT_LT(static_cast<double>(cluster.seats[at]),
                  std::max(1.15 * share, share + size) + 1e-9)
            << "room " << i;
    }
}

TEST(Placement, KeepsChosenNamesFromFillingANode) {
    const std::vector<NodeInfo> list = nodes(5);
    Cluster cluster{list};
    int rooms = 0;
    for (int i = 0; rooms < 200; ++i) {
        if (drawn(list, room(i)) != "node-2") continue;
        cluster.open(room(i));
        ++rooms;
    }
    EXPECT_LE(cluster.seats[2], 184U);  // 1.15 × 800 / 5
}

TEST(Placement, GoesAroundANodeThatIsLoadedByOthers) {
    Cluster cluster{{node("a", 0.9), node("b")}};
    for (int i = 0; i < 110; ++i) cluster.open(room(i), 1);
    // Free beside what a node at 1.15 times the mean load (0.52) has free: 0.1 to 0.48, so a sixth
    // of the seats.
    EXPECT_LE(cluster.seats[0], 22U);
    EXPECT_GT(cluster.seats[0], 0U);
}

// Loads that follow from the rooms themselves are no reason to leave the bound.
TEST(Placement, KeepsTheBoundWhileLoadsFollowTheRooms) {
    for (const int count : {3, 10, 100}) {
        std::vector<NodeInfo> list = nodes(count);
        std::vector<std::uint64_t> seats(list.size());
        PlacementTable table{list};
        for (int i = 0; i < 20 * count; ++i) {
            if (i % count == 0) {  // a heartbeat
                for (std::size_t n = 0; n < list.size(); ++n) {
                    list[n].seats = seats[n];
                    list[n].load = static_cast<double>(seats[n]) / 100;
                }
                table = PlacementTable{list};
            }
            const std::size_t at = table.place({room(i), 4})->node;
            table.add_seats(at, 4);
            seats[at] += 4;
        }
        EXPECT_LE(*std::ranges::max_element(seats), 92U) << count;  // 1.15 × 80
    }
}

TEST(Placement, TakesAFullNodeOnlyWhenAllAreFull) {
    const std::vector<NodeInfo> one_free{node("full", 1.0), node("free", 0.99)};
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(drawn(one_free, room(i)), "free");
    EXPECT_EQ(PlacementTable{one_free}.place({"room"})->fit, Placed::Fit::Wanted);
}

TEST(Placement, SpreadsByCapacityWhenAllAreFull) {
    std::vector<NodeInfo> list{node("a", 1.0), node("b", 1.5), node("c", 1.0)};
    list[2].capacity = 2;
    Cluster cluster{list};
    for (int i = 0; i < 400; ++i) {
        ASSERT_EQ(cluster.table.place({room(i)})->fit, Placed::Fit::Full);
        cluster.open(room(i), 1);
    }
    EXPECT_LE(cluster.seats[0], 115U);
    EXPECT_LE(cluster.seats[1], 115U);
    EXPECT_LE(cluster.seats[2], 230U);
}

TEST(Placement, PrefersTheWantedRegion) {
    std::vector<NodeInfo> all = nodes(9);
    for (std::size_t i = 0; i < 6; ++i) all[i].labels["region"] = i < 3 ? "fra" : "nyc";
    const PlacementTable table{all};
    for (int i = 0; i < 200; ++i) {
        EXPECT_LT(table.place({room(i), 1, "fra"})->node, 3U);
        const auto nyc = table.place({room(i), 1, "nyc"});
        EXPECT_TRUE(nyc->node >= 3 && nyc->node < 6);
        EXPECT_EQ(nyc->fit, Placed::Fit::Wanted);
        EXPECT_EQ(table.place({room(i), 1, "syd"})->fit, Placed::Fit::Elsewhere);
        EXPECT_EQ(table.place({room(i)})->fit, Placed::Fit::Wanted);
    }
}

TEST(Placement, LeavesARegionThatIsFull) {
    std::vector<NodeInfo> all{node("a", 1.0), node("b", 0.5)};
    all[0].labels["region"] = "fra";
    const auto placed = PlacementTable{all}.place({"room", 4, "fra"});
    EXPECT_EQ(placed->node, 1U);
    EXPECT_EQ(placed->fit, Placed::Fit::Elsewhere);
    all[1].load = 1;
    EXPECT_EQ(PlacementTable{all}.place({"room", 4, "fra"})->node,
              0U);  // full here as there: then at home
}

TEST(Placement, BoundsEachRegionByItself) {
    std::vector<NodeInfo> list = nodes(6);
    for (std::size_t i = 0; i < 6; ++i) list[i].labels["region"] = i < 2 ? "fra" : "nyc";
    Cluster cluster{list};
    for (int i = 0; i < 400; ++i) cluster.open(room(i), 1, i < 300 ? "fra" : "nyc");
    EXPECT_LE(std::max(cluster.seats[0], cluster.seats[1]), 172U);         // 1.15 × 150
    for (std::size_t i = 2; i < 6; ++i) EXPECT_LE(cluster.seats[i], 28U);  // 1.15 × 25
}

TEST(Placement, CountsSeatsOfHostileRecordsWithoutOverflow) {
    std::vector<NodeInfo> all = nodes(3);
    all[0].seats = UINT64_MAX;
    all[1].seats = UINT64_MAX;
    all[2].capacity = 1e300;
    PlacementTable table{all};
    table.add_seats(0, UINT64_MAX);
    table.remove_seats(1, 5);
    table.remove_seats(2, UINT64_MAX);
    table.add_seats(99, 1);  // no such node
    for (int i = 0; i < 100; ++i) EXPECT_EQ(table.place({room(i), UINT32_MAX})->node, 2U);
    all[2].load = std::nan("");
    EXPECT_TRUE(PlacementTable{all}.place({"room", 0}));
}

TEST(Placement, SpreadsEvenlyOverTenThousandNodes) {
    Cluster cluster{nodes(10'000)};
    for (int i = 0; i < 20'000; ++i) cluster.open(room(i), 1);
    EXPECT_LE(*std::ranges::max_element(cluster.seats), 2U);
}

TEST(Rendezvous, LogarithmsAreRightToNineDigits) {
    std::mt19937_64 random{3};
    const auto check = [](std::uint64_t x) {
        const double u = static_cast<double>(x) * 0x1p-64;
        const double want = -std::log1p(-u),
                     is = static_cast<double>(rendezvous::minus_log_of_rest(x)) * 0x1p-58;
        if (want < 1)
            EXPECT_NEAR(is, want, want * 1e-9 + 0x1p-56) << x;
        else
            EXPECT_NEAR(is, want, 1e-3 * want) << x;  // `want` has lost digits where u is near 1
        EXPECT_GE(rendezvous::minus_log_of_rest(x), x >> 6);
    };
    for (int i = 0; i < 20'000; ++i) check(random() >> (random() % 40));
    for (const std::uint64_t x : {std::uint64_t{1}, std::uint64_t{1} << 63,
                                  (std::uint64_t{1} << 63) - 1, (std::uint64_t{1} << 63) + 1})
        check(x);
    EXPECT_NEAR(static_cast<double>(rendezvous::minus_log_of_rest(UINT64_MAX)) * 0x1p-58,
                64 * std::log(2), 1e-9);
}

TEST(Rendezvous, LogarithmsRise) {
    std::uint64_t last = 0;
    for (std::uint64_t x = 1; x < UINT64_MAX - (std::uint64_t{1} << 52);
         x += std::uint64_t{1} << 52) {
        const std::uint64_t now = rendezvous::minus_log_of_rest(x);
        ASSERT_GE(now, last) << x;
        last = now;
    }
}

TEST(NodeStateNames, AreReadAndWritten) {
    for (const NodeState state : {NodeState::Active, NodeState::Cordoned, NodeState::Draining,
                                  NodeState::Drained, NodeState::Lost}) {
        EXPECT_EQ(node_state(to_string(state)), state);
    }
    EXPECT_EQ(node_state("ACTIVE"), std::nullopt);
}

TEST(NodeStates, SayWhoTakesAndWhoKeepsRooms) {
    EXPECT_TRUE(takes_rooms(NodeState::Active) && keeps_rooms(NodeState::Active));
    EXPECT_TRUE(!takes_rooms(NodeState::Cordoned) && keeps_rooms(NodeState::Cordoned));
    for (const NodeState state : {NodeState::Draining, NodeState::Drained, NodeState::Lost}) {
        EXPECT_FALSE(takes_rooms(state) || keeps_rooms(state)) << to_string(state);
    }
}

}  // namespace
}  // namespace turnpike::cluster
