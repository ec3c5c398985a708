// turn/core: what an allocation costs that only sits there, and what making one costs.

#include <benchmark/benchmark.h>

#include <cstdlib>

#include "benchmarks/support/allocation_counter.hpp"
#include "tests/support/turn_node.hpp"

namespace turnpike::bench {
namespace {

using test::at;
using test::TurnClient;
using test::TurnNode;

constexpr std::uint16_t kChannel = 0x4000;

test::NodeOptions options() {
    test::NodeOptions options;
    options.config.allocations_per_subject = 0;
    options.config.unauthenticated_per_second = options.config.unauthenticated_network_per_second = 0;
    options.secrets = {{"k1", Secret{std::string_view{"0123456789abcdef0123456789abcdef"}}, {}, false}};
    return options;
}

Endpoint client_address(std::size_t i) {
    const auto number = static_cast<std::uint32_t>(i);
    return {IpAddress::v4(0xC6120000U + number / 50'000), static_cast<std::uint16_t>(1024 + number % 50'000)};
}
Endpoint peer_of(std::size_t i) { return {IpAddress::v4(0x5DB80000U + static_cast<std::uint32_t>(i)), 40'000}; }

// What the test's driver remembers is not the server's.
void forget(TurnNode& node) {
    node.answers = {};
    node.asked = {};
    node.begun_allocations = {};
    node.sockets = {};
}

void sit_idle(TurnNode& node, std::size_t i, std::size_t of_one_user) {
    TurnClient client{node, client_address(i).to_string()};
    client.username = "1700003600:r00mtag12345.p" + std::to_string(i / of_one_user);
    client.password = crypto::rest_password(node.options.secrets[0], client.username);
    if (!client.allocate()->success() || !client.bind(kChannel, peer_of(i))->success()) std::abort();
    if (i % 1024 == 0) forget(node);
}

// Bytes of heap that a live allocation with one permission and one channel has, `range(1)` of them to a user.
void idle_allocation(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0)), of_one_user = static_cast<std::size_t>(state.range(1));
    double bytes = 0;
    for (auto _ : state) {
        TurnNode node{options()};
        const std::uint64_t before = heap_bytes();
        for (std::size_t i = 0; i < count; ++i) sit_idle(node, i, of_one_user);
        forget(node);
        bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(count);
    }
    state.counters["heap_bytes_each"] = bytes;
}
BENCHMARK(idle_allocation)->Args({1'000, 1})->Args({10'000, 1})->Args({10'000, 6})->Args({100'000, 6})->Iterations(1)->Unit(benchmark::kMillisecond);

// What the core does for Allocate, ChannelBind and a Refresh that ends it, all signed: a set-up and its end.
void set_up(benchmark::State& state) {
    const auto live = static_cast<std::size_t>(state.range(0));
    TurnNode node{options()};
    for (std::size_t i = 0; i < live; ++i) sit_idle(node, i, 6);
    TurnClient client{node, client_address(live).to_string()};
    client.allocate();
    client.refresh(0);
    const Bytes allocate = client.signed_request(test::Method::Allocate, &TurnClient::transport_udp);
    const Bytes bind = client.signed_request(test::Method::ChannelBind, [&](stun::MessageBuilder& message) {
        message.u16(test::Attribute::ChannelNumber, kChannel).xor_address(test::Attribute::XorPeerAddress, peer_of(live));
    });
    const Bytes end = client.signed_request(test::Method::Refresh, [](stun::MessageBuilder& message) {
        message.u32(test::Attribute::Lifetime, 0);
    });
    forget(node);
    core::Outbox out;
    const auto handle = [&](const Bytes& bytes) {
        node.server.on_message(client.path, *stun::MessageView::parse(bytes), node.now, node.wall, out);
        for (std::size_t i = 0; i < out.actions().size(); ++i) {
            const auto* const open = std::get_if<core::OpenRelay>(&out.actions()[i]);
            if (open == nullptr) continue;
            const core::RelayId relay = open->relay;
            node.server.relay_opened(relay, at("10.0.0.5:50000"), node.now, node.wall, out);
        }
        out.clear();
    };
    const std::uint64_t before = heap_allocations();
    for (auto _ : state) {
        node.now += 10ms;  // new peers per second are limited
        handle(allocate);
        handle(bind);
        if (node.server.allocations() != live + 1) state.SkipWithError("it was refused");
        handle(end);
    }
    state.counters["allocs/op"] =
        static_cast<double>(heap_allocations() - before) / static_cast<double>(state.iterations());
}
BENCHMARK(set_up)->Arg(0)->Arg(10'000);

}  // namespace
}  // namespace turnpike::bench
