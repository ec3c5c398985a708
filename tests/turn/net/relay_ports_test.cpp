#include "turn/net/relay_ports.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

namespace turnpike::net {
namespace {

class SeededRandom final : public Random {
public:
    explicit SeededRandom(unsigned seed) : engine_(seed) {}
    void fill_public(ByteSpan out) noexcept override {
        for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
    }
    void fill_secret(ByteSpan out) noexcept override { fill_public(out); }

private:
    std::mt19937 engine_;
};

const IpAddress kV4 = IpAddress::parse("192.0.2.1").value();
const IpAddress kV6 = IpAddress::parse("2001:db8::1").value();
constexpr Instant kStart{1000s};

void expect_conserved(const RelayPorts& ports, Instant now) {
    const auto c = ports.census(now);
    ASSERT_EQ(c.total, c.free + c.used + c.reserved + c.quarantined);
    ASSERT_EQ(ports.used(), c.used);
    ASSERT_EQ(ports.reserved(), c.reserved);
}

TEST(RelayPortsTest, DrawsEveryPortOnceAndThenNone) {
    SeededRandom random{1};
    RelayPorts ports{{kV4, kV6}, 50000, 50099};
    std::set<std::uint16_t> drawn;
    for (int i = 0; i < 100; ++i) {
        const auto port = ports.draw(0, kStart, random);
        ASSERT_TRUE(port);
        EXPECT_TRUE(*port >= 50000 && *port <= 50099);
        EXPECT_TRUE(drawn.insert(*port).second) << *port << " twice";
    }
    EXPECT_FALSE(ports.draw(0, kStart, random));
    EXPECT_TRUE(ports.draw(1, kStart, random)) << "the other address has its own";
    expect_conserved(ports, kStart);
}

TEST(RelayPortsTest, DrawsAreNotInOrder) {
    SeededRandom random{2};
    RelayPorts ports{{kV4}, 49152, 65535};
    int neighbours = 0;
    int previous = *ports.draw(0, kStart, random);
    for (int i = 0; i < 1000; ++i) {
        const int port = *ports.draw(0, kStart, random);
        if (std::abs(port - previous) == 1) ++neighbours;
        previous = port;
    }
    EXPECT_LT(neighbours, 10);
}

TEST(RelayPortsTest, AReleasedPortRestsWhileOthersAreFree) {
    SeededRandom random{3};
    RelayPorts ports{{kV4}, 50000, 50009};
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(ports.draw(0, kStart, random));
    for (std::uint16_t port = 50000; port < 50005; ++port) ports.release({kV4, port}, kStart);
    for (std::uint16_t port = 50005; port < 50010; ++port) ports.release({kV4, port}, kStart + 100s);
    EXPECT_EQ(10U, ports.census(kStart + 100s).quarantined);

    // 120 s after the first half's end they go first, whatever the dice say.
    const Instant now = kStart + RelayPorts::kRest;
    EXPECT_EQ(5U, ports.census(now).quarantined);
    std::set<std::uint16_t> drawn;
    for (int i = 0; i < 5; ++i) drawn.insert(*ports.draw(0, now, random));
    EXPECT_EQ((std::set<std::uint16_t>{50000, 50001, 50002, 50003, 50004}), drawn);
    expect_conserved(ports, now);
}

TEST(RelayPortsTest, WithoutRestedOnesTheLongestFreeGoesFirst) {
    SeededRandom random{4};
    RelayPorts ports{{kV4}, 50000, 50002};
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(ports.draw(0, kStart, random));
    ports.release({kV4, 50001}, kStart);
    ports.release({kV4, 50002}, kStart + 1s);
    ports.release({kV4, 50000}, kStart + 2s);

    const Instant just_before = kStart + RelayPorts::kRestMin - 1ns;
    EXPECT_FALSE(ports.draw(0, just_before, random)) << "none has rested the least of 5 s";
    EXPECT_EQ(50001, ports.draw(0, kStart + RelayPorts::kRestMin, random));
    EXPECT_FALSE(ports.draw(0, kStart + RelayPorts::kRestMin, random));
    EXPECT_EQ(50002, ports.draw(0, kStart + 20s, random));
    EXPECT_EQ(50000, ports.draw(0, kStart + 20s, random));
}

TEST(RelayPortsTest, PairsAreEvenAndTheNext) {
    SeededRandom random{5};
    RelayPorts ports{{kV4}, 50001, 50010};  // pairs 50002.. to 50009; 50010 has no partner
    std::set<std::uint16_t> drawn;
    for (int i = 0; i < 4; ++i) {
        const auto even = ports.draw_pair(0, kStart, random);
        ASSERT_TRUE(even);
        EXPECT_EQ(0, *even % 2);
        EXPECT_TRUE(drawn.insert(*even).second);
    }
    EXPECT_FALSE(ports.draw_pair(0, kStart, random));
    EXPECT_EQ(4U, ports.used());
    EXPECT_EQ(4U, ports.reserved());
    EXPECT_EQ(50010, ports.draw(0, kStart, random, RelayPorts::Parity::Even));
    EXPECT_FALSE(ports.draw(0, kStart, random, RelayPorts::Parity::Even));
    EXPECT_EQ(50001, ports.draw(0, kStart, random));
}

TEST(RelayPortsTest, APairMayHaveOnePortThatRestedAndOneThatNobodyHad) {
    SeededRandom random{7};
    for (const std::uint16_t released : {std::uint16_t{50000}, std::uint16_t{50001}}) {
        RelayPorts ports{{kV4}, 50000, 50001};
        EXPECT_TRUE(ports.claim({kV4, released}));
        ports.release({kV4, released}, kStart);
        EXPECT_FALSE(ports.draw_pair(0, kStart + RelayPorts::kRestMin - 1s, random));
        EXPECT_EQ(50000, ports.draw_pair(0, kStart + RelayPorts::kRestMin, random)) << released;
        expect_conserved(ports, kStart);
    }
}

// Every port was had lately: the queue of released ones says which comes next, also after it was drawn by chance.
TEST(RelayPortsTest, ReleasedPortsComeInTheOrderInWhichTheyWereReleased) {
    SeededRandom random{8};
    RelayPorts ports{{kV4}, 50000, 50063};
    while (ports.draw(0, kStart, random)) {
    }
    Instant now = kStart;
    std::vector<std::uint16_t> order;
    for (int i = 0; i < 64; ++i) order.push_back(static_cast<std::uint16_t>(50000 + i * 37 % 64));
    for (int round = 0; round < 5; ++round) {
        for (const std::uint16_t port : order) ports.release({kV4, port}, now += 10ms);
        now += RelayPorts::kRestMin;
        for (const std::uint16_t port : order) ASSERT_EQ(port, ports.draw(0, now, random)) << round;
        ASSERT_FALSE(ports.draw(0, now, random));
        // Rested for long, they come at random, and their places in the queue mean nothing any more.
        for (const std::uint16_t port : order) ports.release({kV4, port}, now);
        now += RelayPorts::kRest;
        for (int i = 0; i < 64; ++i) ASSERT_TRUE(ports.draw(0, now, random));
        ASSERT_FALSE(ports.draw(0, now, random));
        expect_conserved(ports, now);
    }
}

TEST(RelayPortsTest, ClaimsAnExactPortOnceEvenWhenItRests) {
    SeededRandom random{6};
    RelayPorts ports{{kV4}, 50000, 50009};
    EXPECT_TRUE(ports.claim({kV4, 50003}));
    EXPECT_FALSE(ports.claim({kV4, 50003}));
    ports.release({kV4, 50003}, kStart);
    EXPECT_TRUE(ports.claim({kV4, 50003}));
    EXPECT_FALSE(ports.claim({kV4, 49999})) << "outside the range";
    EXPECT_FALSE(ports.claim({kV4, 50010}));
    EXPECT_FALSE(ports.claim({kV6, 50003})) << "no address of ours";
    expect_conserved(ports, kStart);
}

TEST(RelayPortsTest, AReservedPortIsUsedOrFreeAfterwards) {
    SeededRandom random{8};
    RelayPorts ports{{kV4}, 50000, 50003};
    const std::uint16_t even = ports.draw_pair(0, kStart, random).value();
    const Endpoint next{kV4, static_cast<std::uint16_t>(even + 1)};
    EXPECT_FALSE(ports.claim(next)) << "it is held";
    EXPECT_FALSE(ports.claim_reserved({kV4, even})) << "this one is used";
    EXPECT_TRUE(ports.claim_reserved(next));
    EXPECT_FALSE(ports.claim_reserved(next)) << "once";
    EXPECT_EQ(2U, ports.used());
    EXPECT_EQ(0U, ports.reserved());

    const std::uint16_t other = ports.draw_pair(0, kStart, random).value();
    const Endpoint other_next{kV4, static_cast<std::uint16_t>(other + 1)};
    ports.release(other_next, kStart);
    EXPECT_FALSE(ports.claim_reserved(other_next));
    EXPECT_EQ(1U, ports.census(kStart).quarantined);
    expect_conserved(ports, kStart);
}

// RFC 8656 §7.2 in any order: no port is lost and none is given out twice.
TEST(RelayPortsTest, PortsAreConservedByAHundredThousandRandomOperations) {
    SeededRandom random{9};
    RelayPorts ports{{kV4, kV6}, 50001, 50060};
    const IpAddress addresses[] = {kV4, kV6};
    std::set<Endpoint> used, reserved;
    Instant now = kStart;
    const auto any_of = [&](const std::set<Endpoint>& some) {
        return *std::next(some.begin(), random.below(static_cast<std::uint32_t>(some.size())));
    };
    for (int i = 0; i < 100'000; ++i) {
        now += Milliseconds{random.below(2000)};
        const std::size_t address = random.below(2);
        switch (random.below(7)) {
            case 0:
            case 1:
                if (const auto port = ports.draw(address, now, random, random.below(2) == 0 ? RelayPorts::Parity::Any : RelayPorts::Parity::Even)) {
                    ASSERT_TRUE(used.insert({addresses[address], *port}).second);
                }
                break;
            case 2:
                if (const auto port = ports.draw_pair(address, now, random)) {
                    ASSERT_EQ(0, *port % 2);
                    ASSERT_TRUE(used.insert({addresses[address], *port}).second);
                    ASSERT_TRUE(reserved.insert({addresses[address], static_cast<std::uint16_t>(*port + 1)}).second);
                }
                break;
            case 3: {
                const Endpoint any{addresses[address], static_cast<std::uint16_t>(50000 + random.below(63))};
                const bool ours = any.port >= 50001 && any.port <= 50060;
                ASSERT_EQ(ours && !used.contains(any) && !reserved.contains(any), ports.claim(any));
                if (ours && !reserved.contains(any)) used.insert(any);
                break;
            }
            case 4:
                if (reserved.empty()) break;
                if (const Endpoint one = any_of(reserved); true) {
                    ASSERT_TRUE(ports.claim_reserved(one));
                    reserved.erase(one);
                    used.insert(one);
                }
                break;
            case 5:
                if (used.empty()) break;
                if (const Endpoint one = any_of(used); true) {
                    ASSERT_FALSE(ports.claim_reserved(one));
                    ports.release(one, now);
                    used.erase(one);
                }
                break;
            case 6:
                if (reserved.empty()) break;
                if (const Endpoint one = any_of(reserved); true) {
                    ports.release(one, now);
                    reserved.erase(one);
                }
                break;
        }
        ASSERT_EQ(used.size(), ports.used());
        ASSERT_EQ(reserved.size(), ports.reserved());
        ASSERT_NO_FATAL_FAILURE(expect_conserved(ports, now));
    }
}

TEST(RelayPortsTest, AnEmptyRangeHasNoPort) {
    SeededRandom random{7};
    RelayPorts ports{{kV4}, 50010, 50009};
    EXPECT_FALSE(ports.draw(0, kStart, random));
    EXPECT_FALSE(ports.claim({kV4, 50010}));
    EXPECT_EQ(0U, ports.total());
}

TEST(RelayPortsTest, NoPortHasTwoOwnersAcrossThreads) {
    RelayPorts ports{{kV4}, 50000, 50127};
    std::vector<std::atomic<int>> owners(128);
    std::atomic<bool> twice{false};
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            SeededRandom random{100 + t};
            Instant now = kStart;
            std::vector<std::uint16_t> mine;
            for (int i = 0; i < 5000; ++i) {
                now += 6s;
                if (mine.size() < 40) {
                    if (const auto port = ports.draw(0, now, random)) {
                        if (owners[*port - 50000U].fetch_add(1) != 0) twice = true;
                        mine.push_back(*port);
                    }
                }
                if (!mine.empty() && random.below(2) == 0) {
                    const std::size_t which = random.below(static_cast<std::uint32_t>(mine.size()));
                    owners[mine[which] - 50000U].fetch_sub(1);
                    ports.release({kV4, mine[which]}, now);
                    mine[which] = mine.back();
                    mine.pop_back();
                }
            }
            for (const auto port : mine) {
                owners[port - 50000U].fetch_sub(1);
                ports.release({kV4, port}, now);
            }
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_FALSE(twice);
    EXPECT_EQ(0U, ports.used());
    expect_conserved(ports, kStart + 100000s);
}

}  // namespace
}  // namespace turnpike::net
