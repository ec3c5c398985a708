#include <gtest/gtest.h>

#include "tests/support/turn_node.hpp"
#include "turn/core/record_keeper.hpp"

namespace turnpike::test {
namespace {

using core::AllocationRecord;

/// Keeps in memory, and watches that no record names a credential that is gone.
class Keeper final : public core::RecordKeeper {
public:
    struct Kept {
        Place credential = 0;
        Bytes allocation;
    };
    Place keep_credential(ByteView credential) override {
        credentials[++next_] = {credential.begin(), credential.end()};
        return next_;
    }
    void forget_credential(Place credential) override {
        EXPECT_EQ(credentials.erase(credential), 1U);
        for (const auto& [place, kept] : records) EXPECT_NE(kept.credential, credential);
    }
    Place keep(Place place, Place credential, ByteView allocation, Instant) override {
        EXPECT_TRUE(credentials.contains(credential));
        EXPECT_TRUE(place == 0 || records.contains(place));
        if (place == 0) place = ++next_;
        records[place] = {credential, {allocation.begin(), allocation.end()}};
        ++writings;
        return place;
    }
    void forget(Place place) override { EXPECT_EQ(records.erase(place), 1U); }

    /// The only record, with its credential.
    AllocationRecord only() const {
        EXPECT_EQ(records.size(), 1U);
        const Kept& kept = records.begin()->second;
        AllocationRecord record = AllocationRecord::decode_allocation(kept.allocation).value();
        record.credential = core::decode_credential(credentials.at(kept.credential)).value();
        return record;
    }

    std::map<Place, Bytes> credentials;
    std::map<Place, Kept> records;
    int writings = 0;

private:
    Place next_ = 0;
};

struct Keeping : ::testing::Test {
    explicit Keeping(NodeOptions options = with_all()) : node(std::move(options)), client(node) { node.server.set_keeper(&keeper); }
    static NodeOptions with_all() {
        NodeOptions options;
        options.config.mobility = options.config.nat_rebinding = true;
        return options;
    }
    /// What the driver does before an answer leaves.
    void keep() { node.server.keep_records(node.now); }
    /// Whether the record is as the server would write it now.
    ::testing::AssertionResult is_kept(const TurnClient& whose) {
        keep();
        const auto now = node.server.record(whose.path.tuple, node.now);
        if (!now) return ::testing::AssertionFailure() << "no allocation";
        if (keeper.only().encode() != now->encode()) return ::testing::AssertionFailure() << "another record";
        return ::testing::AssertionSuccess();
    }

    TurnNode node;
    Keeper keeper;
    TurnClient client;
};

TEST_F(Keeping, EveryStepThatARequestTakesIsKept) {
    client.allocate();
    EXPECT_TRUE(node.server.has_changes());
    EXPECT_TRUE(is_kept(client));
    EXPECT_FALSE(node.server.has_changes());
    node.pass(10s);
    client.permit({"93.184.216.34:1", "93.184.216.35:1"});
    EXPECT_TRUE(is_kept(client));
    client.bind(0x4000, "93.184.216.36:5000");
    EXPECT_TRUE(is_kept(client));
    EXPECT_EQ(keeper.only().permissions.size(), 3U);
    node.pass(100s);
    client.refresh(1200);
    EXPECT_TRUE(is_kept(client));
    EXPECT_EQ(keeper.only().left, 1200s);
    core::PeerPolicy::Rules rules;
    rules.deny = {cidr("93.184.216.34/32")};
    node.server.set_policy(node.policy(rules), node.out);
    node.run();
    EXPECT_TRUE(is_kept(client));
    EXPECT_EQ(keeper.only().permissions.size(), 2U);
    client.refresh(0);
    EXPECT_TRUE(keeper.records.empty());
    keep();
    EXPECT_TRUE(keeper.credentials.empty());
}

TEST_F(Keeping, WhatChangesNothingWritesNothing) {
    client.allocate();
    client.bind(0x4000, "93.184.216.36:5000");
    keep();
    EXPECT_EQ(keeper.writings, 1) << "twice changed, once written";
    client.channel_data(0x4000);
    client.from_peer("93.184.216.36:5000");
    client.permit({"10.0.0.1:1"});  // refused
    client.send(client.plain(Method::Refresh));
    client.indicate("93.184.216.36:5000", "media");
    EXPECT_FALSE(node.server.has_changes());
    node.advance(100s);
    EXPECT_FALSE(node.server.has_changes());
    // The next writing has what was counted since.
    client.permit({"93.184.216.36:1"});
    keep();
    EXPECT_EQ(keeper.only().traffic.packets_to_peer, 2U);
}

TEST_F(Keeping, ARecordGoesWithItsAllocationHoweverThatEnds) {
    const auto begins = [&] {
        client.allocate();
        keep();
        ASSERT_EQ(keeper.records.size(), 1U);
    };
    begins();
    node.advance(601s);
    EXPECT_TRUE(keeper.records.empty()) << "expired";
    begins();
    node.server.client_gone(client.path.tuple, node.now, node.out);
    node.run();
    EXPECT_TRUE(keeper.records.empty()) << "gone";
    begins();
    node.server.kill_all(CloseReason::Killed, node.now, node.out);
    node.run();
    EXPECT_TRUE(keeper.records.empty()) << "killed";
    // One that was never written, since it ended in the same turn.
    client.allocate();
    client.refresh(0);
    keep();
    EXPECT_TRUE(keeper.records.empty() && keeper.credentials.empty());
}

TEST_F(Keeping, AllocationsOfOneCredentialShareIt) {
    std::vector<std::unique_ptr<TurnClient>> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<TurnClient>(node, "192.0.2." + std::to_string(10 + i) + ":40000"));
        clients.back()->allocate();
    }
    keep();
    EXPECT_EQ(keeper.records.size(), 4U);
    EXPECT_EQ(keeper.credentials.size(), 1U);
    TurnClient other{node, "192.0.2.99:40000"};
    other.username = "bob";
    other.password = "builder";
    other.allocate();
    keep();
    EXPECT_EQ(keeper.credentials.size(), 2U);
    for (const auto& one : clients) one->refresh(0);
    keep();
    EXPECT_EQ(keeper.records.size(), 1U);
    EXPECT_EQ(keeper.credentials.size(), 1U);
    EXPECT_EQ(keeper.only().credential.username, "bob");
}

TEST_F(Keeping, AClientThatMovedIsKeptWhereItIs) {
    client.allocate();
    client.refresh();
    keep();
    TurnClient rebound{node, "192.0.2.1:40001"};  // its NAT has another port for it
    rebound.nonce = client.nonce;
    ASSERT_TRUE(rebound.refresh()->success());
    EXPECT_TRUE(is_kept(rebound));
    EXPECT_EQ(keeper.only().tuple.client, at("192.0.2.1:40001"));
}

TEST_F(Keeping, AProxyThatAClientComesByIsKept) {
    client.allocate();
    keep();
    core::Path path = client.path;
    path.via = at("198.51.100.7:9000");
    node.server.reroute(path);
    EXPECT_TRUE(node.server.has_changes());
    keep();
    EXPECT_EQ(keeper.only().via, path.via);
    node.server.reroute(path);
    EXPECT_FALSE(node.server.has_changes());
}

// While an allocation is on its way to another worker its record stays where it was.
TEST_F(Keeping, ARecordStaysUntilItIsKeptElsewhere) {
    client.allocate();
    client.bind(0x4000, "93.184.216.36:5000");
    keep();
    TurnNode second{with_all(), node.shared};
    Keeper other;
    second.server.set_keeper(&other);
    const auto released = node.server.release(client.path.tuple, node.now);
    ASSERT_TRUE(released);
    keep();
    EXPECT_EQ(keeper.records.size(), 1U);
    EXPECT_EQ(keeper.credentials.size(), 1U);
    ASSERT_TRUE(second.server.adopt(released->record, client.path, second.now));
    second.server.keep_records(second.now);
    EXPECT_EQ(other.only().encode(), released->record.encode());
    node.server.arrived_elsewhere(released->record.id);
    keep();
    EXPECT_TRUE(keeper.records.empty() && keeper.credentials.empty());
    node.server.arrived_elsewhere(released->record.id);  // of what is not there
}

TEST_F(Keeping, ARestoredAllocationIsKeptAgain) {
    client.allocate();
    client.bind(0x4000, "93.184.216.36:5000");
    keep();
    const AllocationRecord record = keeper.only();
    node.server.kill_all(CloseReason::NodeStopped, node.now, node.out);
    node.run();
    keep();
    ASSERT_TRUE(node.server.restore(record, client.path, node.now, node.out));
    node.run();
    EXPECT_TRUE(is_kept(client));
    EXPECT_EQ(keeper.only().encode(), record.encode());
}

TEST(NotKeeping, WithoutAKeeperNothingChanges) {
    TurnNode node;
    TurnClient client{node};
    client.allocate();
    client.permit({"93.184.216.34:1"});
    EXPECT_FALSE(node.server.has_changes());
    client.refresh(0);
    EXPECT_FALSE(node.server.has_changes());
}

}  // namespace
}  // namespace turnpike::test
