// What requests and deadlines cost besides their message: nonces, policy, timers, placement; and the loop that
// all of them are compared with.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "benchmarks/support/allocation_counter.hpp"
#include "common/base/deadline_wheel.hpp"
#include "common/cluster/placement.hpp"
#include "tests/support/turn_node.hpp"
#include "turn/core/nonce.hpp"

namespace turnpike::bench {
namespace {

using test::at;
using test::ip;

template <typename Step>
void measure(benchmark::State& state, Step&& step) {
    step();
    const std::uint64_t before = heap_allocations();
    for (auto _ : state) step();
    state.counters["allocs/op"] =
        static_cast<double>(heap_allocations() - before) / static_cast<double>(state.iterations());
}

// Arithmetic that no change of ours makes faster or slower: `./dev test` holds the others to multiples of its time.
void reference_loop(benchmark::State& state) {
    std::uint64_t x = 0x9E3779B97F4A7C15;
    for (auto _ : state) {
        for (int i = 0; i < 64; ++i) {
            x ^= x >> 12;
            x ^= x << 25;
            x ^= x >> 27;
            x *= 0x2545F4914F6CDD1D;
        }
        benchmark::DoNotOptimize(x);
    }
}
BENCHMARK(reference_loop);

void nonce_make(benchmark::State& state) {
    const core::Nonces nonces{Secret{std::string_view{"0123456789abcdef0123456789abcdef"}}, 600s, core::Config::Sha256::Offer};
    const FiveTuple tuple{at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    const WallTime wall = from_unix_seconds(1'700'000'000);
    measure(state, [&] { benchmark::DoNotOptimize(nonces.make(tuple, "turnpike", wall, {true, false})); });
}
BENCHMARK(nonce_make);

void nonce_judge(benchmark::State& state) {
    const core::Nonces nonces{Secret{std::string_view{"0123456789abcdef0123456789abcdef"}}, 600s, core::Config::Sha256::Offer};
    const FiveTuple tuple{at("192.0.2.1:40000"), at("192.0.2.100:3478"), Transport::Udp};
    const WallTime wall = from_unix_seconds(1'700'000'000);
    const auto nonce = nonces.make(tuple, "turnpike", wall, {true, false});
    if (nonces.judge(nonce.view(), tuple, "turnpike", wall).verdict != core::Nonces::Verdict::Fresh) std::abort();
    measure(state, [&] { benchmark::DoNotOptimize(nonces.judge(nonce.view(), tuple, "turnpike", wall)); });
}
BENCHMARK(nonce_judge);

void policy_check(benchmark::State& state) {
    test::TurnNode node;
    const auto policy = node.policy({});
    const IpAddress peer = ip(state.range(0) == 4 ? "93.184.216.34" : "2a00:1450::1");
    if (!policy->check(peer, false)) std::abort();
    measure(state, [&] { benchmark::DoNotOptimize(policy->check(peer, false)); });
}
BENCHMARK(policy_check)->ArgName("ip")->Arg(4)->Arg(6);

// A deadline is moved while so many others are armed; every 64th time the wheel turns by a tick.
void wheel_rearm(benchmark::State& state) {
    using Wheel = DeadlineWheel<std::uint64_t>;
    Wheel wheel;
    Instant now{1000s};
    const auto count = static_cast<std::size_t>(state.range(0));
    std::vector<Wheel::Handle> handles;
    const auto deadline = [&](std::size_t i) { return now + Milliseconds{1000 + (i * 7919) % 600'000}; };
    for (std::size_t i = 0; i < count; ++i) handles.push_back(wheel.arm(deadline(i), i));
    std::size_t i = 0, turns = 0;
    measure(state, [&] {
        handles[i] = wheel.rearm(handles[i], deadline(i), i);
        i = (i + 7919) % count;
        if (++turns % 64 != 0) return;
        now += Wheel::kTick;
        wheel.advance(now, [&](std::uint64_t due) { handles[due] = wheel.arm(deadline(due), due); });
    });
}
BENCHMARK(wheel_rearm)->Arg(100)->Arg(100'000);

std::vector<cluster::NodeInfo> busy_nodes(std::size_t count) {
    std::vector<cluster::NodeInfo> nodes(count);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        nodes[i].id = "node-" + std::to_string(i);
        nodes[i].state = cluster::NodeState::Active;
        nodes[i].urls = {"turn:192.0.2.1:3478"};
        nodes[i].load = 0.3;
    }
    return nodes;
}

void place_room(benchmark::State& state) {
    const std::vector<cluster::NodeInfo> nodes = busy_nodes(static_cast<std::size_t>(state.range(0)));
    // Eight to twelve rooms are on each node, so that the bound has something to do: the fifth with twelve is passed over.
    cluster::PlacementTable table{nodes};
    std::array<std::string, 1024> rooms;
    for (std::size_t i = 0; i < rooms.size(); ++i) rooms[i] = "room-" + std::to_string(i);
    for (std::size_t i = 0; i < nodes.size(); ++i) table.add_seats(i, 4 * (8 + i % 5));
    std::size_t i = 0;
    measure(state, [&] { benchmark::DoNotOptimize(table.place({rooms[i++ % rooms.size()], 4})); });
}
BENCHMARK(place_room)->Arg(3)->Arg(10)->Arg(1'000)->Arg(10'000);

// What a heartbeat costs: the table is made anew when a node's load or state has changed.
void placement_table(benchmark::State& state) {
    const std::vector<cluster::NodeInfo> nodes = busy_nodes(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        cluster::PlacementTable table{nodes};
        benchmark::DoNotOptimize(table.size());
    }
}
BENCHMARK(placement_table)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace turnpike::bench
