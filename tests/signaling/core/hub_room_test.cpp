#include "signaling/core/text.hpp"
#include "tests/signaling/core/hub_support.hpp"

namespace turnpike::signaling {
namespace {

class HubRoom : public HubFixture {};

TEST_F(HubRoom, IsCreatedWithAGeneratedIdAndAHostKey) {
    const SessionId a = session();
    const json result = call(a, "room.create", {{"name", "Tea"}, {"visibility", "public"}, {"tags", {"tea", "talk"}}, {"max", 4}})["result"];
    EXPECT_TRUE(is_room_id(result["room"].get<std::string>()));
    EXPECT_GE(result["host_key"].get<std::string>().size(), 22U);
    const auto about = hub->room(result["room"].get<std::string>());
    ASSERT_TRUE(about);
    EXPECT_EQ(about->name, "Tea");
    EXPECT_EQ(about->visibility, Visibility::Public);
    EXPECT_EQ(about->max, 4U);
    EXPECT_EQ(about->tags, (std::vector<std::string>{"tea", "talk"}));
    EXPECT_EQ(about->relay, "relay-a");
}

TEST_F(HubRoom, RefusesATakenIdAndABadMaximum) {
    const SessionId a = session();
    EXPECT_EQ(code(call(a, "room.create", {{"room", "abc"}})), 0);
    EXPECT_EQ(code(call(a, "room.create", {{"room", "abc"}})), 1101);
    EXPECT_EQ(code(call(a, "room.create", {{"room", "abd"}, {"max", 1}})), -32602);
    EXPECT_EQ(code(call(a, "room.create", {{"room", "abd"}, {"max", 9}})), -32602);
    EXPECT_EQ(code(call(a, "room.create", {{"room", "abd"}, {"visibility", "private"}})), -32602);
}

TEST_F(HubRoom, IsMadeByALinkWithCreateOnly) {
    const SessionId a = session();
    const json missing = call(a, "room.join", {{"room", "abc"}, {"peer", {{"name", "Ada"}}}});
    EXPECT_EQ(code(missing), 1100);
    EXPECT_EQ(missing["error"]["data"]["name"], "room_not_found");

    const json result = join(a, "abc", "Ada");
    EXPECT_EQ(result["host"], true);
    EXPECT_TRUE(result.contains("host_key"));
    EXPECT_EQ(hub->room("abc")->visibility, Visibility::Unlisted);
}

TEST_F(HubRoom, ShowsANewcomerEverybodyAndEverybodyTheNewcomer) {
    const SessionId a = session(), b = session();
    const json first = join(a, "abc", "Ada");
    EXPECT_EQ(first["seq"], 1);
    clear();
    const json second = join(b, "abc", "Bob", {{"peer", {{"name", "Bob"}, {"kind", "bot"}}}});

    EXPECT_EQ(second["seq"], 2);
    EXPECT_EQ(second["host"], false);
    EXPECT_FALSE(second.contains("host_key"));
    EXPECT_EQ(second["epoch"], first["epoch"]);
    const json snapshot = second["snapshot"];
    EXPECT_EQ(snapshot["full"], true);
    EXPECT_EQ(snapshot["seq"], 2);
    EXPECT_EQ(snapshot["room"]["id"], "abc");
    EXPECT_EQ(snapshot["room"]["max"], 8);
    ASSERT_EQ(snapshot["peers"].size(), 2U);
    EXPECT_EQ(snapshot["peers"][0]["id"], first["peer_id"]);
    EXPECT_EQ(snapshot["peers"][0]["name"], "Ada");
    EXPECT_EQ(snapshot["peers"][0]["joined_seq"], 1);
    EXPECT_EQ(snapshot["peers"][1]["id"], second["peer_id"]);
    EXPECT_EQ(snapshot["peers"][1]["kind"], "bot");
    EXPECT_EQ(snapshot["peers"][1]["state"], "online");

    const json joined = next(a)["params"];
    EXPECT_EQ(joined["room"], "abc");
    EXPECT_EQ(joined["type"], "peer.joined");
    EXPECT_EQ(joined["seq"], 2);
    EXPECT_EQ(joined["peer"], snapshot["peers"][1]);
    EXPECT_EQ(next(b), nullptr);  // the newcomer knows it from its snapshot
}

TEST_F(HubRoom, AnswersASecondJoinWithTheSameParticipant) {
    const SessionId a = session(), b = session();
    const json first = join(a, "abc", "Ada");
    join(b, "abc", "Bob");
    clear();
    const json again = join(a, "abc", "Ada");
    EXPECT_EQ(again["peer_id"], first["peer_id"]);
    EXPECT_EQ(again["snapshot"]["peers"].size(), 2U);
    EXPECT_EQ(hub->participant_count(), 2U);
    EXPECT_EQ(next(b), nullptr);
}

TEST_F(HubRoom, IsFullAtItsMaximum) {
    HubConfig config = test_config();
    config.members_max = 3;
    make(config);
    for (int i = 0; i < 3; ++i) join(session(), "abc", "P");
    const json answer = call(session(), "room.join", {{"room", "abc"}, {"peer", {{"name", "late"}}}});
    EXPECT_EQ(code(answer), 1102);
    EXPECT_EQ(answer["error"]["data"]["retry"], "after");
}

TEST_F(HubRoom, NeverExceedsTheHardCap) {
    HubConfig config = test_config();
    config.members_max = 100;
    config.limits.exempt = {*Cidr::parse("192.0.2.0/24")};
    make(config);
    for (unsigned i = 0; i < kMembersHardCap; ++i) join(session(), "abc", "P");
    EXPECT_EQ(code(call(session(), "room.join", {{"room", "abc"}, {"peer", {{"name", "late"}}}})), 1102);
}

TEST_F(HubRoom, BoundsTheRoomsOfASession) {
    const SessionId a = session();
    for (const char* room : {"one", "two", "three", "four"}) join(a, room, "Ada");
    EXPECT_EQ(code(call(a, "room.join", {{"room", "five"}, {"peer", {{"name", "Ada"}}}, {"create", true}})), 1106);
    EXPECT_FALSE(hub->room("five"));
    call(a, "room.leave", {{"room", "two"}});
    join(a, "five", "Ada");
}

TEST_F(HubRoom, TellsTheOthersWhoLeft) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    clear();
    EXPECT_TRUE(call(b, "room.leave", {{"room", "abc"}}).contains("result"));
    const json left = next(a)["params"];
    EXPECT_EQ(left["type"], "peer.left");
    EXPECT_EQ(left["peer_id"], bob);
    EXPECT_EQ(left["reason"], "left");
    EXPECT_EQ(left["seq"], 3);
    EXPECT_EQ(next(b), nullptr);
    EXPECT_EQ(code(call(b, "room.leave", {{"room", "abc"}})), 1107);
}

TEST_F(HubRoom, RefusesMessagesToARoomOneIsNotIn) {
    const SessionId a = session(), b = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    clear();
    for (const auto& [method, params] : std::vector<std::pair<std::string, json>>{
             {"room.leave", {{"room", "abc"}}},
             {"room.kick", {{"room", "abc"}, {"peer", ada}}},
             {"presence.set", {{"room", "abc"}, {"muted", true}}},
             {"chat.send", {{"room", "abc"}, {"mid", "m"}, {"body", "x"}}},
             {"ice.get", {{"room", "abc"}}},
             {"peer.signal", {{"room", "abc"}, {"to", ada}, {"e", 0}, {"n", 0}, {"candidates", {{{"candidate", "c"}}}}}}}) {
        EXPECT_EQ(code(call(b, method, params)), 1107) << method;
    }
    EXPECT_EQ(next(a), nullptr);
}

// A room lives empty_ttl longer than its last member, and then nothing of it is left.
TEST_F(HubRoom, DiesThirtySecondsAfterItsLastMember) {
    const SessionId a = session();
    const json first = join(a, "abc", "Ada");
    call(a, "room.leave", {{"room", "abc"}});
    pass(29'900ms);
    EXPECT_TRUE(hub->room("abc"));
    const json back = join(a, "abc", "Ada");
    EXPECT_EQ(back["epoch"], first["epoch"]);
    EXPECT_EQ(back["host"], false);
    pass(60s);
    EXPECT_TRUE(hub->room("abc"));
    call(a, "room.leave", {{"room", "abc"}});
    pass(30'200ms);
    EXPECT_FALSE(hub->room("abc"));
    EXPECT_EQ(code(call(a, "room.join", {{"room", "abc"}, {"peer", {{"name", "Ada"}}}})), 1100);
    EXPECT_NE(join(a, "abc", "Ada")["epoch"], first["epoch"]);
}

TEST_F(HubRoom, ThatNobodyJoinsDiesAsWell) {
    const SessionId a = session();
    call(a, "room.create", {{"room", "abc"}});
    pass(29'900ms);
    EXPECT_EQ(hub->room_count(), 1U);
    pass(300ms);
    EXPECT_EQ(hub->room_count(), 0U);
    EXPECT_EQ(occurred.back().kind, Occurrence::Kind::RoomClosed);
}

TEST_F(HubRoom, BoundsRoomsAltogether) {
    HubConfig config = test_config();
    config.limits.rooms = 2;
    make(config);
    const SessionId a = session();
    call(a, "room.create");
    call(a, "room.create");
    const json answer = call(a, "room.create");
    EXPECT_EQ(code(answer), 1503);
    EXPECT_GT(answer["error"]["data"]["retry_after_ms"], 0);
}

TEST_F(HubRoom, BoundsCreationsPerAddressAndMinute) {
    const SessionId a = session("198.51.100.1"), other = session("198.51.100.2");
    for (int i = 0; i < 6; ++i) EXPECT_EQ(code(call(a, "room.create")), 0);
    const json answer = call(a, "room.create");
    EXPECT_EQ(code(answer), 1300);
    EXPECT_EQ(answer["error"]["data"]["retry_after_ms"], 10'000);
    // Another session of the address shares its bucket; another address does not.
    EXPECT_EQ(code(call(session("198.51.100.1"), "room.create")), 1300);
    EXPECT_EQ(code(call(other, "room.create")), 0);
    pass(10s);
    EXPECT_EQ(code(call(a, "room.create")), 0);
    EXPECT_EQ(code(call(a, "room.create")), 1300);
}

TEST_F(HubRoom, BoundsJoinsPerAddressAndMinute) {
    call(session("203.0.113.9"), "room.create", {{"room", "abc"}});
    const SessionId a = session("198.51.100.1");
    for (int i = 0; i < 20; ++i) {
        join(a, "abc", "Ada");
        call(a, "room.leave", {{"room", "abc"}});
    }
    EXPECT_EQ(code(call(a, "room.join", {{"room", "abc"}, {"peer", {{"name", "Ada"}}}})), 1300);
    pass(3s);
    EXPECT_EQ(code(call(a, "room.join", {{"room", "abc"}, {"peer", {{"name", "Ada"}}}})), 0);
}

// ---- host and kick ----------------------------------------------------------------------------

TEST_F(HubRoom, LetsOnlyTheHostKick) {
    const SessionId a = session(), b = session(), c = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    const std::string cyn = join(c, "abc", "Cyn")["peer_id"];
    clear();
    EXPECT_EQ(code(call(b, "room.kick", {{"room", "abc"}, {"peer", cyn}})), 1106);
    EXPECT_EQ(code(call(a, "room.kick", {{"room", "abc"}, {"peer", "p_nobody"}})), 1200);
    EXPECT_EQ(code(call(a, "room.kick", {{"room", "abc"}, {"peer", ada}})), -32602);
    EXPECT_TRUE(closed.empty());

    EXPECT_TRUE(call(a, "room.kick", {{"room", "abc"}, {"peer", bob}, {"reason", "noise"}}).contains("result"));
    EXPECT_EQ(closed.at(b.value), CloseCode::Kicked);
    const json left = next(c)["params"];
    EXPECT_EQ(left["type"], "peer.left");
    EXPECT_EQ(left["peer_id"], bob);
    EXPECT_EQ(left["reason"], "kicked");
    ASSERT_EQ(revoked.size(), 1U);
    EXPECT_EQ(revoked[0].reason, "noise");
    EXPECT_TRUE(revoked[0].subject.ends_with("." + bob));
    EXPECT_GT(revoked[0].until, wall + 3600s);
}

TEST_F(HubRoom, KnowsItsHostByTheKey) {
    const SessionId a = session(), b = session(), c = session();
    const std::string key = call(a, "room.create", {{"room", "abc"}})["result"]["host_key"];
    EXPECT_EQ(join(b, "abc", "Bob", {{"host_key", key}})["host"], true);
    EXPECT_EQ(join(c, "abc", "Cyn", {{"host_key", key + "x"}})["host"], false);
    EXPECT_EQ(join(a, "abc", "Ada")["host"], false);
}

TEST_F(HubRoom, LetsTheAdministratorKick) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    clear();
    Outbox out;
    EXPECT_FALSE(hub->kick("p_nobody", "x", moment(), out));
    EXPECT_TRUE(out.empty());
    EXPECT_TRUE(hub->kick(bob, "spam", moment(), out));
    take(out);
    EXPECT_EQ(closed.at(b.value), CloseCode::Kicked);
    EXPECT_EQ(next(a)["params"]["reason"], "kicked");
    ASSERT_EQ(revoked.size(), 1U);
    EXPECT_EQ(hub->participant_count(), 1U);
    EXPECT_EQ(hub->counters().kicked, 1U);
}

TEST_F(HubRoom, KicksAlsoWhoIsReconnecting) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    drop(b);
    Outbox out;
    EXPECT_TRUE(hub->kick(bob, "spam", moment(), out));
    take(out);
    EXPECT_EQ(revoked.size(), 1U);
    pass(10s);
    EXPECT_EQ(hub->participant_count(), 1U);
}

// ---- presence and chat ------------------------------------------------------------------------

TEST_F(HubRoom, TellsPresenceOnlyWhenItChanges) {
    const SessionId a = session(), b = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    join(b, "abc", "Bob");
    clear();
    EXPECT_EQ(call(a, "presence.set", {{"room", "abc"}, {"muted", true}, {"link", "relay"}})["result"]["seq"], 3);
    const json event = next(b)["params"];
    EXPECT_EQ(event["type"], "peer.updated");
    EXPECT_EQ(event["peer"]["id"], ada);
    EXPECT_EQ(event["peer"]["muted"], true);
    EXPECT_EQ(event["peer"]["hand"], false);
    EXPECT_EQ(event["peer"]["link"], "relay");
    EXPECT_EQ(next(a)["params"]["seq"], 3);  // the sequence has no hole for the sender

    EXPECT_EQ(call(a, "presence.set", {{"room", "abc"}, {"muted", true}})["result"]["seq"], 3);
    EXPECT_EQ(next(b), nullptr);
    EXPECT_EQ(call(a, "presence.set", {{"room", "abc"}, {"hand", true}})["result"]["seq"], 4);
    EXPECT_EQ(next(b)["params"]["peer"]["muted"], true);
}

TEST_F(HubRoom, BoundsPresence) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    for (int i = 0; i < 20; ++i) EXPECT_EQ(code(call(a, "presence.set", {{"room", "abc"}, {"muted", i % 2 == 0}})), 0);
    EXPECT_EQ(code(call(a, "presence.set", {{"room", "abc"}, {"muted", true}})), 1300);
}

TEST_F(HubRoom, CarriesChatToEverybodyInOneOrder) {
    const SessionId a = session(), b = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    join(b, "abc", "Bob");
    clear();
    const json result = call(a, "chat.send", {{"room", "abc"}, {"mid", "m-1"}, {"body", "hello\n\u202eworld"}})["result"];
    EXPECT_EQ(result["seq"], 3);
    EXPECT_EQ(result["ts"], 1'790'000'000'000);
    for (const SessionId each : {a, b}) {
        const json event = next(each)["params"];
        EXPECT_EQ(event["type"], "chat");
        EXPECT_EQ(event["seq"], 3);
        EXPECT_EQ(event["mid"], "m-1");
        EXPECT_EQ(event["from"], ada);
        EXPECT_EQ(event["body"], "hello\nworld");
        EXPECT_EQ(event["ts"], result["ts"]);
    }
}

TEST_F(HubRoom, SaysARepeatedChatMessageOnce) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    join(b, "abc", "Bob");
    const json first = call(a, "chat.send", {{"room", "abc"}, {"mid", "m-1"}, {"body", "x"}})["result"];
    clear();
    pass(1s);
    const json again = call(a, "chat.send", {{"room", "abc"}, {"mid", "m-1"}, {"body", "x"}})["result"];
    EXPECT_EQ(again["seq"], first["seq"]);
    EXPECT_EQ(again["ts"], first["ts"]);
    EXPECT_EQ(next(b), nullptr);
    // The same id of somebody else is another message.
    EXPECT_NE(call(b, "chat.send", {{"room", "abc"}, {"mid", "m-1"}, {"body", "y"}})["result"]["seq"], first["seq"]);
}

TEST_F(HubRoom, BoundsChat) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    int number = 0;
    const auto send = [&] { return code(call(a, "chat.send", {{"room", "abc"}, {"mid", std::to_string(++number)}, {"body", "x"}})); };
    for (int i = 0; i < 10; ++i) EXPECT_EQ(send(), 0);
    EXPECT_EQ(send(), 1300);
    pass(5s);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(send(), 0);
    EXPECT_EQ(send(), 1300);
}

// ---- a dropped WebSocket ----------------------------------------------------------------------

TEST_F(HubRoom, KeepsADroppedParticipantForAGrace) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    clear();
    drop(b);
    const json updated = next(a)["params"];
    EXPECT_EQ(updated["type"], "peer.updated");
    EXPECT_EQ(updated["peer"]["id"], bob);
    EXPECT_EQ(updated["peer"]["state"], "reconnecting");
    pass(4900ms);
    EXPECT_EQ(next(a), nullptr);
    pass(300ms);
    const json left = next(a)["params"];
    EXPECT_EQ(left["type"], "peer.left");
    EXPECT_EQ(left["peer_id"], bob);
    EXPECT_EQ(left["reason"], "timeout");
    EXPECT_TRUE(revoked.empty());
    EXPECT_EQ(hub->counters().timed_out, 1U);
}

TEST_F(HubRoom, TakesAParticipantBackWithItsToken) {
    const SessionId a = session(), b = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    const json before = join(b, "abc", "Bob");
    call(b, "presence.set", {{"room", "abc"}, {"muted", true}});
    drop(b);
    clear();
    pass(4s);
    const SessionId again = session();
    const json after = join(again, "abc", "Bob", {{"rejoin", {{"peer_id", before["peer_id"]}, {"token", tokens[b.value]}}}});
    EXPECT_EQ(after["peer_id"], before["peer_id"]);
    EXPECT_EQ(after["epoch"], before["epoch"]);
    EXPECT_EQ(after["snapshot"]["peers"][1]["muted"], true);
    EXPECT_EQ(after["snapshot"]["peers"][1]["state"], "online");
    EXPECT_EQ(after["ice"]["ice_servers"].size(), 1U);
    const json updated = next(a)["params"];
    EXPECT_EQ(updated["type"], "peer.updated");
    EXPECT_EQ(updated["peer"]["state"], "online");
    pass(20s);
    EXPECT_EQ(hub->participant_count(), 2U);
    EXPECT_EQ(next(a), nullptr);
    // And messages reach it.
    EXPECT_EQ(code(call(again, "peer.signal", {{"room", "abc"}, {"to", ada}, {"e", 0}, {"n", 0}, {"candidates", {{{"candidate", "c"}}}}})), 0);
}

// The newest connection wins, also when the old one is not known to be dead.
TEST_F(HubRoom, ClosesTheOldConnectionOfWhoComesBack) {
    const SessionId old = session();
    const json before = join(old, "abc", "Ada");
    const SessionId fresh = session();
    const json after = join(fresh, "abc", "Ada", {{"rejoin", {{"peer_id", before["peer_id"]}, {"token", tokens[old.value]}}}});
    EXPECT_EQ(after["peer_id"], before["peer_id"]);
    EXPECT_EQ(closed.at(old.value), CloseCode::Superseded);
    EXPECT_EQ(inbox[old.value].back()["params"]["name"], "superseded");
    drop(old);
    pass(20s);
    EXPECT_EQ(hub->participant_count(), 1U);
}

TEST_F(HubRoom, DoesNotHandAParticipantToAStranger) {
    const SessionId a = session(), b = session(), stranger = session();
    const std::string ada = join(a, "abc", "Ada")["peer_id"];
    join(b, "abc", "Bob");
    drop(a);
    const json wrong = join(stranger, "abc", "Mallory", {{"rejoin", {{"peer_id", ada}, {"token", tokens[b.value]}}}});
    EXPECT_NE(wrong["peer_id"], ada);
    EXPECT_EQ(hub->participant_count(), 3U);
}

TEST_F(HubRoom, MakesALateReturnANewParticipant) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string bob = join(b, "abc", "Bob")["peer_id"];
    drop(b);
    pass(6s);
    const json late = join(session(), "abc", "Bob", {{"rejoin", {{"peer_id", bob}, {"token", tokens[b.value]}}}});
    EXPECT_NE(late["peer_id"], bob);
}

TEST_F(HubRoom, DoesNotThrottleAReturn) {
    call(session("203.0.113.9"), "room.create", {{"room", "abc"}});
    SessionId a = session("198.51.100.1");
    const json first = join(a, "abc", "Ada");
    for (int i = 0; i < 40; ++i) {
        drop(a);
        const std::string token = tokens[a.value];
        a = session("198.51.100.1");
        EXPECT_EQ(join(a, "abc", "Ada", {{"rejoin", {{"peer_id", first["peer_id"]}, {"token", token}}}})["peer_id"], first["peer_id"]);
    }
}

TEST_F(HubRoom, RemovesAtOnceWithoutAGrace) {
    HubConfig config = test_config();
    config.rejoin_grace = 0ms;
    make(config);
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    join(b, "abc", "Bob");
    clear();
    drop(b);
    EXPECT_EQ(next(a)["params"]["type"], "peer.left");
}

TEST_F(HubRoom, ListsItselfForTheAdministrator) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const json bob = join(b, "xyz", "Bob");
    call(b, "presence.set", {{"room", "xyz"}, {"muted", true}, {"link", "direct"}});
    drop(b);
    const auto rooms = hub->rooms();
    ASSERT_EQ(rooms.size(), 2U);
    EXPECT_EQ(rooms[0].room, "abc");
    EXPECT_EQ(rooms[1].members, 1U);
    EXPECT_EQ(rooms[1].online, 0U);
    const auto of_xyz = hub->participants("xyz");
    ASSERT_EQ(of_xyz.size(), 1U);
    EXPECT_EQ(of_xyz[0].id, bob["peer_id"]);
    EXPECT_EQ(of_xyz[0].name, "Bob");
    EXPECT_TRUE(of_xyz[0].muted);
    EXPECT_EQ(of_xyz[0].link, Link::Direct);
    EXPECT_FALSE(of_xyz[0].online);
    EXPECT_EQ(hub->participants().size(), 2U);
    EXPECT_FALSE(hub->room("nope"));
}

}  // namespace
}  // namespace turnpike::signaling
