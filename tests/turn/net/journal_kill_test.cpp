// A relay with a journal that is killed while clients come, change and go: what they were told is in its files.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "common/base/system_clock.hpp"
#include "tests/turn/net/relay_support.hpp"
#include "turn/net/journal.hpp"

namespace turnpike::net {
namespace {

using testing::TestClient;
using testing::TestRelay;
using testing::UdpEnd;

constexpr unsigned kWorkers = 2;

/// The relay, in a process of its own.
class Child {
public:
    explicit Child(const std::filesystem::path& directory) {
        int ends[2];
        if (::pipe(ends) != 0) std::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::close(ends[0]);
            serve(directory, ends[1]);
        }
        ::close(ends[1]);
        if (::read(ends[0], &listener_.port, sizeof listener_.port) != sizeof listener_.port) listener_.port = 0;
        ::close(ends[0]);
        listener_.address = *IpAddress::parse("127.0.0.1");
    }
    ~Child() { kill(); }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    const Endpoint& listener() const { return listener_; }

private:
    [[noreturn]] static void serve(const std::filesystem::path& directory, int said) {
        TestRelay::Setup setup;
        setup.workers = kWorkers;
        setup.core.allocations_per_subject = 0;
        setup.journal = JournalOptions{directory, this_boot().value(), {}};
        const TestRelay relay{setup};
        const std::uint16_t port = relay.listener().port;
        if (::write(said, &port, sizeof port) != sizeof port) ::_exit(1);
        for (;;) ::pause();
    }
    pid_t pid_ = 0;
    Endpoint listener_;
};

/// What one client was told, and what it asked for last and may not have been told.
struct Told {
    std::optional<Endpoint> relayed;
    bool may_be_there = false, may_be_gone = false;
    Instant asked_at{};  // of the last answered request that gave the allocation its lifetime
    std::map<std::uint16_t, Endpoint> channels;
    std::optional<std::uint16_t> asked_channel;
};

// A call after another on one 5-tuple, until the relay is gone.
void call(const Endpoint& listener, std::map<Endpoint, Told>& all, std::mutex& mutex, std::uint32_t seed, std::atomic<bool>& over) {
    const SystemClock clock;
    std::mt19937 random{seed};
    UdpEnd peer;
    while (!over) {
        TestClient client{Transport::Udp, listener};
        const auto note = [&](auto&& change) {
            const std::lock_guard lock{mutex};
            if (!over) change(all[client.local()]);
        };
        note([](Told& told) { told.may_be_there = true; });
        const Instant asked = clock.now();
        const auto relayed = client.allocate(Family::V4);
        if (!relayed) return;
        note([&](Told& told) { told.relayed = relayed, told.asked_at = asked; });
        const int steps = static_cast<int>(random() % 6);
        for (int i = 0; i < steps && !over; ++i) {
            const auto number = static_cast<std::uint16_t>(0x4000 + random() % 4);
            const Endpoint to{peer.local().address, static_cast<std::uint16_t>(2000 + number - 0x4000)};
            note([&](Told& told) { told.asked_channel = number; });
            if (!client.bind_channel(number, to)) return;
            note([&](Told& told) { told.channels[number] = to, told.asked_channel.reset(); });
        }
        if (random() % 3 == 0) continue;  // it stays as it is
        note([](Told& told) { told.may_be_gone = true; });
        if (!client.refresh(0)) return;
        note([&](Told& told) { told = {}; });
    }
}

TEST(JournalKillTest, WhatClientsWereToldOutlivesTheProcess) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TempDir directory;
    Child relay{directory.path()};
    ASSERT_NE(relay.listener().port, 0);
    EXPECT_FALSE(read_journals(directory.path(), *this_boot(), kWorkers, SystemClock{}.now())) << "it lives";

    std::map<Endpoint, Told> all;
    std::mutex mutex;
    std::atomic<bool> over{false};
    std::vector<std::thread> clients;
    for (std::uint32_t i = 0; i < 3; ++i) clients.emplace_back([&, i] { call(relay.listener(), all, mutex, seed + i, over); });
    const auto enough = [&] {
        const std::lock_guard lock{mutex};
        return std::ranges::count_if(all, [](const auto& one) { return !one.second.channels.empty(); }) >= 60;
    };
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!enough() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_TRUE(enough());
    relay.kill();  // in the middle of it
    {
        const std::lock_guard lock{mutex};  // nothing that is noted now was answered later
        over = true;
    }
    for (std::thread& client : clients) client.join();

    const SystemClock clock;
    const auto reading = read_journals(directory.path(), *this_boot(), kWorkers, clock.now());
    const Instant read_at = clock.now();
    ASSERT_TRUE(reading) << reading.error();
    EXPECT_EQ(reading->refused + reading->expired, 0U);
    std::map<Endpoint, const core::AllocationRecord*> kept;
    for (const KeptRecord& one : reading->records) {
        EXPECT_TRUE(kept.emplace(one.record.tuple.client, &one.record).second);
        EXPECT_EQ(one.record.credential.username, "alice");
        EXPECT_EQ(one.record.credential.key_md5.size(), 16U);
        EXPECT_EQ(one.record.tuple.server, relay.listener());
    }
    std::size_t live = 0;
    for (const auto& [client, told] : all) {
        const auto found = kept.find(client);
        if (found == kept.end()) {
            EXPECT_TRUE(!told.relayed || told.may_be_gone) << client.to_string() << " was told that it has an allocation";
            continue;
        }
        const core::AllocationRecord& record = *found->second;
        EXPECT_TRUE(told.may_be_there) << client.to_string() << " was told that its allocation is gone";
        if (!told.relayed) continue;  // it was about to hear of it
        ++live;
        EXPECT_EQ(record.relayed, std::vector{*told.relayed});
        EXPECT_LE(record.left, 600s);
        EXPECT_GE(record.left, std::chrono::floor<Milliseconds>(600s - (read_at - told.asked_at)));
        for (const auto& [number, peer] : told.channels) {
            const auto channel = std::ranges::find(record.channels, number, &core::AllocationRecord::Channel::number);
            ASSERT_NE(channel, record.channels.end()) << number;
            EXPECT_EQ(channel->peer, peer);
            EXPECT_NE(std::ranges::find(record.permissions, peer.address, &core::AllocationRecord::Permission::peer),
                      record.permissions.end());
        }
        EXPECT_LE(record.channels.size(), told.channels.size() + (told.asked_channel ? 1U : 0U));
    }
    EXPECT_GE(live, 20U);
}

// Allocations that move between workers take their records along.
TEST(JournalMoveTest, EachRecordIsKeptByTheWorkerThatHasTheAllocation) {
    const TempDir directory;
    TestRelay::Setup setup;
    setup.workers = 3;
    setup.journal = JournalOptions{directory.path(), this_boot().value(), {}};
    TestRelay relay{setup};
    TestClient client{Transport::Udp, relay.listener()};
    UdpEnd peer;
    ASSERT_TRUE(client.allocate(Family::V4));
    for (unsigned round = 0; round < 7; ++round) {
        ASSERT_TRUE(relay.pool->transfer(client.tuple(), round % 3));
        ASSERT_TRUE(client.bind_channel(static_cast<std::uint16_t>(0x4000 + round), {peer.local().address, static_cast<std::uint16_t>(2000 + round)}));
        EXPECT_TRUE(relay.wait_for([](const Snapshot& now) { return now.journal_records == 1; }));
    }
    EXPECT_EQ(relay.pool->snapshot().journals, 3U);
    ASSERT_EQ(client.refresh(0), 0U);
    EXPECT_TRUE(relay.wait_for([](const Snapshot& now) { return now.journal_records == 0; }));
    relay.pool->stop();
    EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "an end that leaves nothing leaves no file";
}

}  // namespace
}  // namespace turnpike::net
