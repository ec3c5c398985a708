#include <map>
#include <set>

#include "common/crypto/turn_rest.hpp"
#include "tests/signaling/core/hub_support.hpp"

namespace turnpike::signaling {
namespace {

class HubIce : public HubFixture {
protected:
    static HubConfig many_rooms() {
        HubConfig config = test_config();
        config.limits.create = {1000, 1000};
        return config;
    }
    std::optional<json> next_update(SessionId id) {
        for (json frame = next(id); !frame.is_null(); frame = next(id)) {
            if (frame.value("method", "") == "ice.update") return frame["params"];
        }
        return {};
    }
};

TEST(PickUrls, GivesTwoUdpFirstTlsLast) {
    using Urls = std::vector<std::string>;
    const std::string udp = "turn:h:3478?transport=udp", udp_b = "turn:g:3478", tcp = "turn:h:3478?transport=tcp", tls = "turns:h:5349?transport=tcp";
    EXPECT_EQ(pick_urls({udp, tls}), (Urls{udp, tls}));
    EXPECT_EQ(pick_urls({tls, tcp, udp, udp_b}), (Urls{udp, tls}));
    EXPECT_EQ(pick_urls({tcp, udp_b}), (Urls{udp_b, tcp}));
    EXPECT_EQ(pick_urls({tcp, tls}), (Urls{tcp, tls}));
    EXPECT_EQ(pick_urls({tls}), (Urls{tls}));
    EXPECT_EQ(pick_urls({udp}), (Urls{udp}));
    EXPECT_EQ(pick_urls({}), Urls{});
}

TEST_F(HubIce, MintsForRoomAndParticipant) {
    const SessionId a = session();
    const json result = join(a, "abc", "Ada");
    const json ice = result["ice"];
    EXPECT_EQ(ice["ttl"], 3600);
    EXPECT_EQ(ice["policy"], "all");
    EXPECT_EQ(ice["server_time"], 1'790'000'000'000);
    EXPECT_EQ(ice["expires_at"], 1'790'003'600'000);
    ASSERT_EQ(ice["ice_servers"].size(), 1U);
    const json server = ice["ice_servers"][0];
    EXPECT_EQ(server["urls"], (json{"turn:relay-a.example:3478?transport=udp", "turns:relay-a.example:5349?transport=tcp"}));

    const std::string username = server["username"];
    const auto parsed = crypto::RestUsername::parse(username);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->expires_at, kWall + 3600s);
    EXPECT_EQ(parsed->kid(), "k1");
    const auto limits = parsed->capability();
    ASSERT_TRUE(limits);
    EXPECT_EQ(limits->allocations, 42U);  // (8 − 1) × 6
    EXPECT_EQ(limits->bandwidth_kbit_s, std::nullopt);
    EXPECT_FALSE(limits->relay_peers_only);
    const std::string tag = crypto::room_tag(Secret{std::string_view{"room-tag-key-of-tests"}}, "abc");
    EXPECT_EQ(parsed->subject, tag + "." + result["peer_id"].get<std::string>());
    EXPECT_EQ(username.find("abc"), std::string::npos);  // it crosses the wire in clear
    EXPECT_LE(username.size(), 200U);
    EXPECT_EQ(server["credential"], crypto::rest_password(rest_secret(), username));
}

TEST_F(HubIce, SignsTheLimitsThatAreConfigured) {
    HubConfig config = test_config();
    config.ice.bandwidth_kbit_s = 512;
    config.ice.relay_peers_only = true;
    make(config);
    const SessionId a = session();
    call(a, "room.create", {{"room", "abc"}, {"max", 3}});
    const std::string username = join(a, "abc", "Ada")["ice"]["ice_servers"][0]["username"];
    const auto limits = crypto::RestUsername::parse(username)->capability();
    ASSERT_TRUE(limits);
    EXPECT_EQ(limits->allocations, 12U);
    EXPECT_EQ(limits->bandwidth_kbit_s, 512U);
    EXPECT_TRUE(limits->relay_peers_only);
}

// Nobody else sees a member's credential.
TEST_F(HubIce, KeepsCredentialsFromOthers) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string secret = join(b, "abc", "Bob")["ice"]["ice_servers"][0]["credential"];
    for (const json& frame : inbox[a.value]) EXPECT_EQ(frame.dump().find(secret), std::string::npos);
}

TEST_F(HubIce, PushesARenewalBetweenHalfAndThreeQuartersOfTheLife) {
    HubConfig config = test_config();
    config.ice.ttl = 20s;
    config.limits.exempt = {*Cidr::parse("192.0.2.0/24")};
    make(config);
    std::vector<SessionId> all;
    for (int i = 0; i < 8; ++i) {
        all.push_back(session());
        join(all.back(), "abc", "P" + std::to_string(i));
    }
    clear();
    pass(9900ms);
    for (const SessionId each : all) EXPECT_FALSE(next_update(each));
    std::map<std::uint64_t, Milliseconds> when;
    for (Milliseconds at = 9900ms; at < 15'200ms; at += 100ms) {
        pass(100ms);
        for (const SessionId each : all) {
            if (next_update(each) && !when.contains(each.value)) when[each.value] = at + 100ms;
        }
    }
    ASSERT_EQ(when.size(), 8U);
    std::set<Milliseconds> distinct;
    for (const auto& [id, at] : when) {
        EXPECT_GE(at, 10'000ms);
        EXPECT_LE(at, 15'100ms);
        distinct.insert(at);
    }
    EXPECT_GT(distinct.size(), 3U);  // spread, not in one moment
}

TEST_F(HubIce, RenewsForAsLongAsTheCallGoesOn) {
    HubConfig config = test_config();
    config.ice.ttl = 20s;
    make(config);
    const SessionId a = session();
    std::string username = join(a, "abc", "Ada")["ice"]["ice_servers"][0]["username"];
    std::int64_t valid_until = 1'790'000'020'000;
    int updates = 0;
    for (int second = 0; second < 60; ++second) {
        pass(1s);
        while (const auto update = next_update(a)) {
            ++updates;
            EXPECT_EQ((*update)["reason"], "renew");
            EXPECT_EQ((*update)["room"], "abc");
            EXPECT_EQ((*update)["ttl"], 20);
            EXPECT_LT((*update)["server_time"], valid_until);  // in time
            valid_until = (*update)["expires_at"];
            EXPECT_NE((*update)["ice_servers"][0]["username"], username);
            username = (*update)["ice_servers"][0]["username"];
        }
    }
    EXPECT_GE(updates, 4);
    EXPECT_LE(updates, 6);
    EXPECT_EQ(hub->counters().credentials_renewed, static_cast<std::uint64_t>(updates));
}

TEST_F(HubIce, AnswersIceGetAndBoundsIt) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    pass(10s);
    const json ice = call(a, "ice.get", {{"room", "abc"}})["result"];
    EXPECT_EQ(ice["ice_servers"].size(), 1U);
    EXPECT_EQ(ice["policy"], "all");
    EXPECT_EQ(ice["expires_at"], 1'790'003'610'000);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(code(call(a, "ice.get", {{"room", "abc"}})), 0);
    EXPECT_EQ(code(call(a, "ice.get", {{"room", "abc"}})), 1300);
    pass(10s);
    EXPECT_EQ(code(call(a, "ice.get", {{"room", "abc"}})), 0);
}

// A join goes through without a relay; the list follows as soon as there is one.
TEST_F(HubIce, PushesAListOnceARelayIsThere) {
    make(test_config(), false);
    const SessionId a = session();
    const json ice = join(a, "abc", "Ada")["ice"];
    EXPECT_TRUE(ice["ice_servers"].empty());
    EXPECT_EQ(code(call(a, "ice.get", {{"room", "abc"}})), 1400);
    pass(5s);
    EXPECT_FALSE(next_update(a));

    relays({active_relay()});
    const auto update = next_update(a);
    ASSERT_TRUE(update);
    EXPECT_EQ((*update)["reason"], "renew");
    EXPECT_EQ((*update)["ice_servers"].size(), 1U);
    relays({active_relay()});
    EXPECT_FALSE(next_update(a));
}

TEST_F(HubIce, KeepsARoomOnItsRelayWhileThatServes) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    std::vector<cluster::NodeInfo> many{active_relay()};
    for (int i = 0; i < 20; ++i) many.push_back(active_relay("relay-" + std::to_string(i)));
    relays(many);
    EXPECT_FALSE(next_update(a));
    many[0].state = cluster::NodeState::Cordoned;
    relays(many);
    EXPECT_FALSE(next_update(a));
    const json urls = join(b, "abc", "Bob")["ice"]["ice_servers"][0]["urls"];
    EXPECT_EQ(urls[0], "turn:relay-a.example:3478?transport=udp");
}

TEST_F(HubIce, SpreadsRoomsEvenlyBeforeAnyLoadIsKnown) {
    make(many_rooms());
    relays({active_relay("relay-a"), active_relay("relay-b"), active_relay("relay-c")});
    std::map<std::string, int> rooms;
    const SessionId a = session();
    for (int i = 0; i < 30; ++i) {
        const json answer = call(a, "room.create", {{"room", "room-" + std::to_string(i)}, {"max", 4}});
        ASSERT_TRUE(answer.contains("result")) << answer;
    }
    for (const RoomSummary& room : hub->rooms()) ++rooms[room.relay];
    ASSERT_EQ(rooms.size(), 3U);
    for (const auto& [relay, count] : rooms) EXPECT_LE(count, 11) << relay;  // 1.15 × 10
}

TEST_F(HubIce, FillsTheRelayWhoseRoomsHaveEnded) {
    make(many_rooms());
    relays({active_relay("relay-a"), active_relay("relay-b")});
    const SessionId a = session();
    for (int i = 0; i < 20; ++i) call(a, "room.create", {{"room", "room-" + std::to_string(i)}});
    pass(40s);  // nobody came: all have ended
    EXPECT_EQ(hub->room_count(), 0U);
    std::map<std::string, int> rooms;
    for (int i = 20; i < 40; ++i) call(a, "room.create", {{"room", "room-" + std::to_string(i)}});
    for (const RoomSummary& room : hub->rooms()) ++rooms[room.relay];
    EXPECT_LE(rooms["relay-a"], 11);
    EXPECT_LE(rooms["relay-b"], 11);
}

TEST_F(HubIce, PlacesARoomInItsRegion) {
    HubConfig config = test_config();
    config.regions.add(*Cidr::parse("198.51.100.0/24"), "nyc");
    make(config);
    std::vector<cluster::NodeInfo> all;
    for (const char* region : {"fra", "nyc", "syd"}) {
        all.push_back(active_relay(std::string{"relay-"} + region));
        all.back().labels["region"] = region;
    }
    relays(all);
    const SessionId near = session("198.51.100.7"), far = session("192.0.2.1");
    call(near, "room.create", {{"room", "by-address"}});
    call(near, "room.create", {{"room", "by-word"}, {"region", "syd"}});
    join(far, "by-join", "Ada", {{"region", "fra"}});
    EXPECT_EQ(hub->room("by-address")->relay, "relay-nyc");
    EXPECT_EQ(hub->room("by-address")->region, "nyc");
    EXPECT_EQ(hub->room("by-word")->relay, "relay-syd");
    EXPECT_EQ(hub->room("by-join")->relay, "relay-fra");
    // A region that has nobody left is no reason to have no relay; one that is back takes new rooms only.
    all[1].state = cluster::NodeState::Draining;
    relays(all);
    join(near, "by-address", "Bob");
    const std::string elsewhere = hub->room("by-address")->relay;
    EXPECT_NE(elsewhere, "relay-nyc");
    all[1].state = cluster::NodeState::Active;
    relays(all);
    EXPECT_EQ(hub->room("by-address")->relay, elsewhere);
}

TEST_F(HubIce, RefusesARegionThatIsNoName) {
    const SessionId a = session();
    for (const json& bad : {json(7), json(""), json("two words"), json(std::string(65, 'x'))}) {
        const json answer = call(a, "room.create", {{"room", "abc"}, {"region", bad}});
        EXPECT_EQ(answer["error"]["code"], static_cast<int>(ErrorCode::InvalidParams)) << bad;
    }
    EXPECT_FALSE(hub->room("abc"));
}

TEST_F(HubIce, MovesARoomWhenItsRelayIsLost) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    join(b, "abc", "Bob");
    cluster::NodeInfo lost = active_relay();
    lost.state = cluster::NodeState::Lost;
    relays({lost});
    EXPECT_FALSE(next_update(a));  // nothing better to offer
    relays({lost, active_relay("relay-b")});
    const auto update_a = next_update(a), update_b = next_update(b);
    ASSERT_TRUE(update_a);
    ASSERT_TRUE(update_b);
    EXPECT_EQ((*update_a)["ice_servers"][0]["urls"][0], "turn:relay-b.example:3478?transport=udp");
    EXPECT_EQ((*update_b)["ice_servers"][0]["urls"], (*update_a)["ice_servers"][0]["urls"]);
    EXPECT_EQ(hub->room("abc")->relay, "relay-b");
}

TEST_F(HubIce, TellsMembersWhenTheRelaysUrlsChange) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    cluster::NodeInfo moved = active_relay();
    moved.urls = {"turn:198.51.100.1:3478?transport=udp"};
    relays({moved});
    ASSERT_TRUE(next_update(a));
}

TEST_F(HubIce, OffersNothingOfALostRelayToNewcomersAndCatchesUpLater) {
    const SessionId a = session();
    cluster::NodeInfo lost = active_relay();
    lost.state = cluster::NodeState::Lost;
    relays({lost});
    EXPECT_TRUE(join(a, "abc", "Ada")["ice"]["ice_servers"].empty());
    relays({active_relay()});
    EXPECT_TRUE(next_update(a));
}

// At the renewal the relay is away: the page keeps what it has, and gets a fresh one when it is back.
TEST_F(HubIce, DoesNotTakeTheListAwayWhenRenewalFindsNoRelay) {
    HubConfig config = test_config();
    config.ice.ttl = 20s;
    make(config);
    const SessionId a = session();
    join(a, "abc", "Ada");
    cluster::NodeInfo lost = active_relay();
    lost.state = cluster::NodeState::Lost;
    relays({lost});
    pass(30s);
    EXPECT_FALSE(next_update(a));
    relays({active_relay()});
    ASSERT_TRUE(next_update(a));
    pass(16s);
    EXPECT_TRUE(next_update(a));
}

TEST_F(HubIce, RenewsSoonAfterTheSecretChanges) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    Outbox out;
    hub->set_secrets({rest_secret("k2", "fedcba9876543210")}, moment(), out);
    take(out);
    pass(3100ms);
    const auto update = next_update(a);
    ASSERT_TRUE(update);
    const std::string username = (*update)["ice_servers"][0]["username"];
    EXPECT_EQ(crypto::RestUsername::parse(username)->kid(), "k2");
    EXPECT_EQ((*update)["ice_servers"][0]["credential"], crypto::rest_password(rest_secret("k2", "fedcba9876543210"), username));
}

TEST_F(HubIce, HasNoListWithoutASecret) {
    HubConfig config = test_config();
    config.ice.secrets.clear();
    make(config);
    EXPECT_TRUE(join(session(), "abc", "Ada")["ice"]["ice_servers"].empty());
    const auto issued = hub->issue_for("alice", hub->default_capability(), {}, wall);
    ASSERT_FALSE(issued);
    EXPECT_EQ(issued.error(), Hub::IssueError::NoSecret);
}

TEST_F(HubIce, RevokesLongerThanTheLatestCredentialLives) {
    const SessionId a = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    ASSERT_TRUE(hub->issue_for_room("abc", ada, hub->default_capability("abc"), 7200s, wall));
    Outbox out;
    hub->kick(ada, "x", moment(), out);
    take(out);
    ASSERT_EQ(revoked.size(), 1U);
    EXPECT_EQ(revoked[0].until, wall + 7200s + 60s);
}

TEST_F(HubIce, RevokesNothingWhenNothingWasMinted) {
    make(test_config(), false);
    const std::string ada = join(session(), "abc", "Ada")["peer_id"];
    Outbox out;
    EXPECT_TRUE(hub->kick(ada, "x", moment(), out));
    take(out);
    EXPECT_TRUE(revoked.empty());
}

TEST_F(HubIce, MintsForHoldersOfApiKeys) {
    const auto issued = hub->issue_for("alice", hub->default_capability(), 60s, wall);
    ASSERT_TRUE(issued);
    EXPECT_EQ(issued->relay, "relay-a");
    EXPECT_EQ(issued->ice.username, std::to_string(1'790'000'060) + ":alice;k=k1;a=42");
    EXPECT_EQ(issued->ice.ttl, 60s);
    const auto bad = hub->issue_for("al;ice", hub->default_capability(), {}, wall);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), Hub::IssueError::BadSubject);
    relays({});
    EXPECT_EQ(hub->issue_for("alice", hub->default_capability(), {}, wall).error(), Hub::IssueError::NoRelay);
}

}  // namespace
}  // namespace turnpike::signaling
