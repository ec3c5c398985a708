#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"

namespace turnpike::test {
namespace {

constexpr std::string_view kPeer = "93.184.216.34:5000", kOther = "93.184.216.35:5000";

// Two workers of one node, and a client with an allocation on the first.
class Moving : public ::testing::Test {
protected:
    Moving() {
        options.config.bandwidth_kbit_s = 512;
        shared = std::make_shared<SharedState>(options);
        first = std::make_unique<TurnNode>(options, shared);
        options.seed = 2;
        second = std::make_unique<TurnNode>(options, shared);
        client.emplace(*first);
        EXPECT_EQ(client->request(Method::Refresh)->code(), 437);
        allocate = client->signed_request(Method::Allocate, [](auto& m) {
            TurnClient::transport_udp(m);
            m.u8(Attribute::AdditionalAddressFamily, 2);
        });
        answer = client->send(allocate);
        EXPECT_TRUE(answer && answer->success());
        EXPECT_TRUE(client->bind(0x4000, kPeer)->success());
        EXPECT_TRUE(client->bind(0x4001, "[2a00:1450::1]:5000")->success());
        EXPECT_TRUE(client->permit({kOther})->success());
        EXPECT_TRUE(client->channel_data(0x4000, "12345"));
    }
    TurnClient on(TurnNode& node) {
        TurnClient moved{node};
        moved.nonce = client->nonce;
        return moved;
    }

    NodeOptions options;
    std::shared_ptr<SharedState> shared;
    std::unique_ptr<TurnNode> first, second;
    std::optional<TurnClient> client;
    Bytes allocate;
    std::optional<Answer> answer;
};

void expect_same(const core::AllocationRecord& a, const core::AllocationRecord& b) {
    EXPECT_EQ(a.encode(), b.encode());
}

// release and adopt keep everything: id, lifetimes, permissions, channels, key, counters, retransmission.
TEST_F(Moving, KeepsEverythingBetweenWorkers) {
    first->pass(100s);
    second->pass(100s);
    const auto before = first->server.record(client->path.tuple, first->now);
    ASSERT_TRUE(before);
    EXPECT_EQ(before->left, 500s);
    EXPECT_EQ(before->age, 100s);
    EXPECT_EQ(before->permissions.size(), 3U);
    EXPECT_EQ(before->channels.size(), 2U);

    const auto released = first->server.release(client->path.tuple, first->now);
    ASSERT_TRUE(released);
    EXPECT_EQ(released->relays.size(), 2U);
    expect_same(released->record, *before);
    EXPECT_EQ(first->server.allocations(), 0U);
    EXPECT_FALSE(first->server.knows(client->path.tuple));
    EXPECT_TRUE(first->closed_relays.empty() && first->ended_allocations.empty());
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 1U);  // still reserved
    EXPECT_FALSE(first->server.next_deadline(first->now));
    EXPECT_FALSE(first->server.to_client(released->relays[0], at(kPeer), 1, first->now));

    const auto record = core::AllocationRecord::decode(released->record.encode());
    ASSERT_TRUE(record);
    const auto relays = second->server.adopt(*record, client->path, second->now);
    ASSERT_TRUE(relays);
    EXPECT_EQ(relays->size(), 2U);
    expect_same(*second->server.record(client->path.tuple, second->now), *before);
    EXPECT_EQ(shared->quota.of("turnpike", "alice"), 1U);

    TurnClient moved = on(*second);
    EXPECT_EQ(moved.channel_data(0x4000)->relay, (*relays)[0]);
    EXPECT_EQ(moved.channel_data(0x4001)->relay, (*relays)[1]);
    EXPECT_EQ(second->server.to_client((*relays)[0], at(kPeer), 1, second->now)->channel.value(), 0x4000);
    const auto again = moved.send(allocate);
    ASSERT_TRUE(again && again->success());
    EXPECT_EQ(again->relayed(), answer->relayed());
    EXPECT_EQ(again->lifetime(), 500U);
    EXPECT_EQ(moved.bind(0x4000, kOther)->code(), 400);
    EXPECT_TRUE(moved.refresh()->success());

    second->advance(600s + 100ms);
    ASSERT_EQ(second->ended_allocations.size(), 1U);
    EXPECT_EQ(second->ended_allocations[0].id, before->id);
    EXPECT_EQ(second->ended_allocations[0].traffic.bytes_to_peer, 5U + 5 + 5);
    EXPECT_EQ(second->ended_allocations[0].duration, 700s + 100ms);
    EXPECT_EQ(shared->quota.total(), 0U);
    EXPECT_FALSE(second->server.next_deadline(second->now));
}

TEST_F(Moving, ExpiresPermissionsAndChannelsOnTheNewWorkerInTime) {
    first->pass(299s);
    second->pass(299s);
    const auto released = first->server.release(client->path.tuple, first->now);
    ASSERT_TRUE(second->server.adopt(released->record, client->path, second->now));
    TurnClient moved = on(*second);
    second->pass(1s - 1ms);
    EXPECT_TRUE(moved.channel_data(0x4000));
    second->pass(1ms);
    EXPECT_FALSE(moved.channel_data(0x4000));
    second->advance(100ms);
    EXPECT_TRUE(second->server.list(second->now)[0].permissions.empty());
    EXPECT_EQ(second->server.list(second->now)[0].channels.size(), 2U);
}

TEST_F(Moving, ReleasesNothingThatIsNotThere) {
    EXPECT_FALSE(second->server.release(client->path.tuple, second->now));
    EXPECT_FALSE(second->server.record(client->path.tuple, second->now));
    first->pass(600s);
    EXPECT_FALSE(first->server.release(client->path.tuple, first->now));
    EXPECT_FALSE(first->server.record(client->path.tuple, first->now));
}

TEST_F(Moving, DoesNotAdoptOnATakenFiveTuple) {
    const auto record = first->server.record(client->path.tuple, first->now);
    EXPECT_FALSE(first->server.adopt(*record, client->path, first->now));
    TurnClient other{*second};
    ASSERT_TRUE(other.allocate()->success());
    EXPECT_FALSE(second->server.adopt(*record, client->path, second->now));
}

// The policy is asked again: what it denies now is left out.
TEST_F(Moving, LeavesOutWhatThePolicyDenies) {
    core::PeerPolicy::Rules rules;
    rules.deny = {cidr("93.184.216.34/32")};
    second->server.set_policy(second->policy(rules), second->out);
    const auto released = first->server.release(client->path.tuple, first->now);
    ASSERT_TRUE(second->server.adopt(released->record, client->path, second->now));
    const auto record = second->server.record(client->path.tuple, second->now);
    EXPECT_EQ(record->permissions.size(), 2U);
    ASSERT_EQ(record->channels.size(), 1U);
    EXPECT_EQ(record->channels[0].number, 0x4001);
}

// After a restart: the same relayed address, the same ids, nothing lost.
TEST_F(Moving, RestoresAnAllocationAfterARestart) {
    const auto record = first->server.record(client->path.tuple, first->now);
    TurnNode restarted{options};
    core::Path path = client->path;
    path.link = 42;
    ASSERT_TRUE(restarted.server.restore(*record, path, restarted.now, restarted.out));
    EXPECT_TRUE(restarted.server.knows(path.tuple));
    EXPECT_EQ(restarted.server.allocations(), 0U);
    restarted.run();
    ASSERT_EQ(restarted.asked.size(), 2U);
    EXPECT_EQ(restarted.asked[0].exact, at("10.0.0.5:50000"));
    EXPECT_EQ(restarted.asked[1].exact, at("[2001:db8::5]:50001"));
    EXPECT_EQ(restarted.server.allocations(), 1U);
    EXPECT_TRUE(restarted.answers.empty());
    EXPECT_EQ(restarted.shared->quota.of("turnpike", "alice"), 1U);
    expect_same(*restarted.server.record(path.tuple, restarted.now), *record);

    TurnClient back = on(restarted);
    EXPECT_TRUE(back.channel_data(0x4000));
    EXPECT_EQ(back.from_peer(kPeer)->path->link, 42U);
    EXPECT_TRUE(back.refresh()->success());
    EXPECT_TRUE(back.refresh(0)->success());
    EXPECT_EQ(restarted.shared->quota.total(), 0U);
    EXPECT_TRUE(back.allocate()->success());
    EXPECT_GT(restarted.begun_allocations.back().id, record->id);  // ids are never used twice
}

// While the sockets are not bound yet, the client's requests wait for a retransmission.
TEST_F(Moving, KeepsSilentWhileItRestores) {
    const auto record = first->server.record(client->path.tuple, first->now);
    TurnNode restarted{options};
    restarted.opens = false;
    ASSERT_TRUE(restarted.server.restore(*record, client->path, restarted.now, restarted.out));
    restarted.run();
    TurnClient back = on(restarted);
    EXPECT_FALSE(back.send(back.signed_request(Method::Refresh)));
    EXPECT_FALSE(back.channel_data(0x4000));
    EXPECT_FALSE(restarted.server.restore(*record, client->path, restarted.now, restarted.out));
    for (const auto& open : restarted.asked) restarted.opened(open);
    restarted.run();
    EXPECT_TRUE(back.refresh()->success());
}

TEST_F(Moving, EndsARecordWhoseAddressIsGone) {
    const auto record = first->server.record(client->path.tuple, first->now);
    TurnNode restarted{options};
    restarted.open_error = core::OpenError::AddressGone;
    ASSERT_TRUE(restarted.server.restore(*record, client->path, restarted.now, restarted.out));
    restarted.run();
    EXPECT_FALSE(restarted.server.knows(client->path.tuple));
    EXPECT_EQ(restarted.shared->quota.total(), 0U);
    EXPECT_TRUE(restarted.answers.empty());
    ASSERT_EQ(restarted.ended_allocations.size(), 1U);
    EXPECT_EQ(restarted.ended_allocations[0].reason, CloseReason::NotRestored);
    EXPECT_EQ(restarted.ended_allocations[0].relayed, at("203.0.113.7:50000"));
    EXPECT_EQ(restarted.begun_allocations.size(), 1U);  // no end without a beginning
    EXPECT_EQ(restarted.ended_allocations[0].traffic.bytes_to_peer, 5U);
    EXPECT_FALSE(restarted.server.next_deadline(restarted.now));
}

TEST_F(Moving, RestoresWithTheFamilyThatIsLeft) {
    const auto record = first->server.record(client->path.tuple, first->now);
    TurnNode restarted{options};
    restarted.opens = false;
    ASSERT_TRUE(restarted.server.restore(*record, client->path, restarted.now, restarted.out));
    restarted.run();
    restarted.open_error = core::OpenError::AddressGone;
    restarted.opened(restarted.asked[1]);
    restarted.open_error.reset();
    restarted.opened(restarted.asked[0]);
    restarted.run();
    TurnClient back = on(restarted);
    EXPECT_TRUE(back.channel_data(0x4000));
    EXPECT_FALSE(back.channel_data(0x4001));
}

// Security 6, row 73: a record is untrusted input.
TEST_F(Moving, RefusesRecordsThatCannotBe) {
    const auto record = first->server.record(client->path.tuple, first->now);
    const auto restored = [&](auto&& change) {
        core::AllocationRecord changed = *record;
        change(changed);
        TurnNode restarted{options};
        const bool good = restarted.server.restore(changed, client->path, restarted.now, restarted.out);
        restarted.run();
        EXPECT_EQ(restarted.shared->quota.total(), good ? 1U : 0U);
        return good;
    };
    EXPECT_TRUE(restored([](auto&) {}));
    EXPECT_FALSE(restored([](auto& r) { r.relayed.clear(); }));
    EXPECT_FALSE(restored([](auto& r) { r.relayed[0] = at("10.0.0.6:50000"); }));  // not an address of ours
    EXPECT_FALSE(restored([](auto& r) { r.relayed[0].port = 0; }));
    EXPECT_FALSE(restored([](auto& r) { r.left = 0ms; }));
    EXPECT_FALSE(restored([](auto& r) { r.age = std::chrono::hours{12}; }));
    EXPECT_FALSE(restored([](auto& r) { r.id.value = UINT64_MAX; }));
    EXPECT_TRUE(restored([](auto& r) { r.age = std::chrono::hours{12} - 1ms; }));
}

TEST_F(Moving, CutsWhatARecordClaimsDownToTheConfiguration) {
    auto record = *first->server.record(client->path.tuple, first->now);
    record.left = std::chrono::hours{24 * 365};
    record.permissions[0].left = record.channels[0].left = std::chrono::hours{24 * 365};
    record.permissions.push_back({ip("127.0.0.1"), 100s});
    record.channels.push_back({0x4002, at("169.254.169.254:443"), 100s});
    record.channels.push_back({0x4003, at(kPeer), 100s});  // has a number already
    NodeOptions small = options;
    small.config.permissions_max = 2;
    TurnNode restarted{small};
    ASSERT_TRUE(restarted.server.restore(record, client->path, restarted.now, restarted.out));
    restarted.run();
    const auto read = restarted.server.record(client->path.tuple, restarted.now);
    EXPECT_EQ(read->left, 3600s);
    EXPECT_EQ(read->permissions.size(), 2U);
    EXPECT_EQ(read->channels.size(), 2U);
    for (const auto& permission : read->permissions) EXPECT_LE(permission.left, 300s);
    for (const auto& channel : read->channels) EXPECT_LE(channel.left, 600s);
}

}  // namespace
}  // namespace turnpike::test
