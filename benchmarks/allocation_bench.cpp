// turn/core: what an allocation costs that only sits there, what making one costs, and what its journal adds.

#include <benchmark/benchmark.h>

#include <unistd.h>

#include <cstdlib>

#include "benchmarks/support/allocation_counter.hpp"
#include "tests/support/turn_node.hpp"
#include "turn/net/journal.hpp"

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

constexpr net::BootId kBoot{1};

/// A journal where a node has its own: in a file system in memory, where the machine has one.
struct KeptIn {
    KeptIn() {
        std::string name = (::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/turnpike-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        directory = name;
        auto made = net::Journal::create({directory, kBoot, 0, 1, {1, 2}, {}});
        if (!made) std::abort();
        journal = std::move(*made);
    }
    ~KeptIn() {
        journal.reset();
        std::error_code ignored;
        std::filesystem::remove_all(directory, ignored);
    }
    std::filesystem::path directory;
    std::unique_ptr<net::Journal> journal;
};

void sit_idle(TurnNode& node, std::size_t i, std::size_t of_one_user) {
    if (node.shared->next_port < 1024) node.shared->next_port = 1024;  // it begins anew after 65535
    TurnClient client{node, client_address(i).to_string()};
    client.username = "1700003600:r00mtag12345.p" + std::to_string(i / of_one_user);
    client.password = crypto::rest_password(node.options.secrets[0], client.username);
    if (!client.allocate()->success() || !client.bind(kChannel, peer_of(i))->success()) std::abort();
    if (i % 1024 == 0) forget(node);
}

// Bytes of heap that a live allocation with one permission and one channel has, `range(1)` of them to a user. What a
// case took for allocations in a Slab, the next one finds there: the figure is right for a case that runs alone.
void idle_allocation(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0)), of_one_user = static_cast<std::size_t>(state.range(1));
    double bytes = 0, file_bytes = 0;
    for (auto _ : state) {
        const KeptIn kept;
        TurnNode node{options()};
        node.server.set_keeper(kept.journal.get());
        const std::uint64_t before = heap_bytes();
        for (std::size_t i = 0; i < count; ++i) {
            sit_idle(node, i, of_one_user);
            node.server.keep_records(node.now);
        }
        forget(node);
        file_bytes = static_cast<double>(kept.journal->bytes()) / static_cast<double>(count);
        bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(count);
    }
    state.counters["heap_bytes_each"] = bytes;
    state.counters["journal_bytes_each"] = file_bytes;
}
BENCHMARK(idle_allocation)->Args({1'000, 1})->Args({10'000, 1})->Args({10'000, 6})->Args({100'000, 6})->Iterations(1)->Unit(benchmark::kMillisecond);

// What the core does for Allocate, ChannelBind and a Refresh that ends it, all signed: a set-up and its end, with a
// journal or without.
void set_up(benchmark::State& state) {
    const auto live = static_cast<std::size_t>(state.range(0));
    const KeptIn kept;
    TurnNode node{options()};
    if (state.range(1) != 0) node.server.set_keeper(kept.journal.get());
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
        if (node.server.has_changes()) node.server.keep_records(node.now);
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
BENCHMARK(set_up)->ArgNames({"live", "journal"})->Args({0, 0})->Args({0, 1})->Args({10'000, 0})->Args({10'000, 1});

// One writing of a record, over its older copy. Places are visited in a scattered order.
void journal_write(benchmark::State& state) {
    const KeptIn kept;
    TurnNode node{options()};
    sit_idle(node, 0, 1);
    const auto record = node.server.record({client_address(0), at("192.0.2.100:3478"), Transport::Udp}, node.now).value();
    Bytes space;
    const auto holder = kept.journal->keep_credential(core::encode_credential(record.credential.view(), space));
    std::vector<core::RecordKeeper::Place> places(static_cast<std::size_t>(state.range(0)));
    for (auto& place : places) place = kept.journal->keep(0, holder, record.encode_allocation(space), node.now);
    std::size_t i = 0;
    const std::uint64_t before = heap_allocations();
    for (auto _ : state) {
        kept.journal->keep(places[i], holder, record.encode_allocation(space), node.now);
        i = (i + 7919) % places.size();
    }
    state.counters["allocs/op"] =
        static_cast<double>(heap_allocations() - before) / static_cast<double>(state.iterations());
}
BENCHMARK(journal_write)->Arg(100)->Arg(100'000);

// What an ended process left, read and made allocations again: six of each user.
void journal_restore(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    KeptIn kept;
    {
        TurnNode node{options()};
        node.server.set_keeper(kept.journal.get());
        for (std::size_t i = 0; i < count; ++i) {
            sit_idle(node, i, 6);
            node.server.keep_records(node.now);
        }
    }
    kept.journal.reset();
    for (auto _ : state) {
        TurnNode node{options()};
        const auto reading = net::read_journals(kept.directory, kBoot, 1, node.now);
        if (!reading || reading->records.size() != count) {
            state.SkipWithError("not all were read");
            break;
        }
        core::Outbox out;
        for (const net::KeptRecord& one : reading->records) {
            core::Path path;
            path.tuple = one.record.tuple;
            path.listener = one.record.listener;
            if (!node.server.restore(one.record, path, node.now, out)) break;
            const auto& open = std::get<core::OpenRelay>(out.actions().back());
            node.server.relay_opened(open.relay, *open.exact, node.now, node.wall, out);
            out.clear();
        }
        if (node.server.allocations() != count) state.SkipWithError("not all are there again");
    }
}
BENCHMARK(journal_restore)->Arg(100'000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace turnpike::bench
