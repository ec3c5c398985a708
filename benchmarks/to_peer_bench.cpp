// turn/core: what one relayed packet costs, look-ups to counters, without any socket. 5-tuples, channels
// and peers are visited in a scattered order, so that a large table does not stay in the first cache.

#include <benchmark/benchmark.h>

#include <cstdlib>

#include "benchmarks/support/allocation_counter.hpp"
#include "tests/support/turn_node.hpp"

namespace turnpike::bench {
namespace {

using test::at;
using test::ip;
using test::TurnClient;
using test::TurnNode;

constexpr std::uint16_t kChannel = 0x4000;
constexpr std::size_t kPayload = 172;  // 20 ms of Opus in SRTP

/// `count` clients, each with one channel to a peer of its own.
struct Calls {
    explicit Calls(std::size_t count) : node(options()) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto number = static_cast<std::uint32_t>(i);
            const Endpoint address{IpAddress::v4(0xC6120000U + number / 50'000), static_cast<std::uint16_t>(1024 + number % 50'000)};
            const Endpoint peer{IpAddress::v4(0x5DB80000U + number), 40'000};
            TurnClient client{node, address.to_string()};
            if (!client.allocate()->success() || !client.bind(kChannel, peer)->success()) std::abort();
            tuples.push_back(client.path.tuple);
            peers.push_back(peer);
            relays.push_back(node.asked.back().relay);
        }
    }
    static test::NodeOptions options() {
        test::NodeOptions options;
        options.config.allocations_per_subject = 0;
        options.config.unauthenticated_per_second = options.config.unauthenticated_network_per_second = 0;
        return options;
    }
    // A step that is coprime with the count visits all of them.
    std::size_t next(std::size_t i) const { return (i + 7919) % tuples.size(); }

    TurnNode node;
    std::vector<FiveTuple> tuples;
    std::vector<Endpoint> peers;
    std::vector<core::RelayId> relays;
};

template <typename Packet>
void measure(benchmark::State& state, Calls& calls, Packet&& packet) {
    std::size_t i = 0, passed = 0;
    const std::uint64_t before = heap_allocations();
    for (auto _ : state) {
        passed += packet(i);
        i = calls.next(i);
    }
    const std::uint64_t allocations = heap_allocations() - before;
    if (passed != static_cast<std::size_t>(state.iterations())) state.SkipWithError("a packet was dropped");
    state.counters["heap_allocs_per_op"] = static_cast<double>(allocations) / static_cast<double>(state.iterations());
    state.SetItemsProcessed(state.iterations());
}

void to_peer(benchmark::State& state) {
    Calls calls{static_cast<std::size_t>(state.range(0))};
    const Bytes payload(kPayload);
    const stun::ChannelDataView data{kChannel, payload};
    measure(state, calls, [&](std::size_t i) {
        const auto to = calls.node.server.to_peer(calls.tuples[i], data, calls.node.now);
        benchmark::DoNotOptimize(to);
        return to.has_value();
    });
}
BENCHMARK(to_peer)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000);

void to_client(benchmark::State& state) {
    Calls calls{static_cast<std::size_t>(state.range(0))};
    measure(state, calls, [&](std::size_t i) {
        const auto to = calls.node.server.to_client(calls.relays[i], calls.peers[i], kPayload, calls.node.now);
        benchmark::DoNotOptimize(to);
        return to.has_value();
    });
}
BENCHMARK(to_client)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000);

}  // namespace
}  // namespace turnpike::bench
