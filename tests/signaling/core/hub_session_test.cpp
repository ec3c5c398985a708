#include "tests/signaling/core/hub_support.hpp"

namespace turnpike::signaling {
namespace {

class HubSession : public HubFixture {};

TEST_F(HubSession, GreetsWithLimitsAndTheServersTime) {
    const SessionId a = open();
    const json result = call(a, "session.hello", {{"v", 1}, {"client", "web/1"}, {"token", nullptr}})["result"];

    EXPECT_EQ(result["s"], 1);
    EXPECT_TRUE(result["session_id"].get<std::string>().starts_with("s_"));
    EXPECT_GE(result["resume_token"].get<std::string>().size(), 22U);
    EXPECT_EQ(result["resume_window_ms"], 5000);
    EXPECT_EQ(result["server_time"], 1'790'000'000'000);
    EXPECT_EQ(result["limits"]["msg_bytes"], 65536);
    EXPECT_EQ(result["limits"]["sdp_bytes"], 32768);
    EXPECT_EQ(result["limits"]["rate"]["signal"], (json{30, 100}));
    EXPECT_EQ(result["features"], (json{"chat", "presence", "rejoin"}));
}

TEST_F(HubSession, ClosesWhoDoesNotGreetInFiveSeconds) {
    const SessionId silent = open(), polite = session();
    pass(4900ms);
    EXPECT_TRUE(closed.empty());
    pass(300ms);
    EXPECT_EQ(closed.at(silent.value), CloseCode::HelloTimeout);
    EXPECT_FALSE(closed.contains(polite.value));
    const json error = next(silent);
    EXPECT_EQ(error["method"], "session.error");
    EXPECT_EQ(error["params"]["code"], 1002);
    EXPECT_EQ(error["params"]["fatal"], true);
    EXPECT_EQ(hub->session_count(), 1U);
}

// security.md row 62.
TEST_F(HubSession, RefusesEverythingBeforeHello) {
    const SessionId a = open();
    for (const auto& [method, params] : std::vector<std::pair<std::string, json>>{
             {"session.ping", json::object()},
             {"room.create", json::object()},
             {"room.join", {{"room", "abc"}, {"peer", {{"name", "Ada"}}}, {"create", true}}},
             {"ice.get", {{"room", "abc"}}},
             {"chat.send", {{"room", "abc"}, {"mid", "m"}, {"body", "x"}}}}) {
        const json answer = call(a, method, params);
        EXPECT_EQ(code(answer), 1002) << method;
        EXPECT_EQ(answer["error"]["data"]["name"], "hello_required");
        EXPECT_EQ(answer["error"]["data"]["retry"], "never");
    }
    EXPECT_EQ(hub->room_count(), 0U);
}

TEST_F(HubSession, RefusesAnotherVersionATokenAndASecondHello) {
    const SessionId a = open();
    EXPECT_EQ(code(call(a, "session.hello", {{"v", 2}})), 1003);
    EXPECT_EQ(code(call(a, "session.hello", {{"v", 1}, {"token", "jwt"}})), 1001);
    EXPECT_EQ(code(call(a, "session.hello", {{"v", 1}})), 0);
    EXPECT_EQ(code(call(a, "session.hello", {{"v", 1}})), -32600);
}

TEST_F(HubSession, CannotResumeYetAndSaysHowToComeBack) {
    const SessionId a = open();
    const json answer = call(a, "session.resume", {{"resume_token", "x"}, {"last_s", 4}});
    EXPECT_EQ(code(answer), 1004);
    EXPECT_EQ(answer["error"]["data"]["retry"], "rejoin");
    EXPECT_EQ(code(call(a, "session.hello", {{"v", 1}})), 0);
}

TEST_F(HubSession, EchoesAPing) {
    const SessionId a = session();
    const json result = call(a, "session.ping", {{"t", 12.5}})["result"];
    EXPECT_EQ(result["t"], 12.5);
    EXPECT_EQ(result["server_time"], 1'790'000'000'000);
    EXPECT_EQ(result["s"], 2);
}

TEST_F(HubSession, LeavesItsRoomsAtOnceOnBye) {
    const SessionId a = session(), b = session();
    join(a, "abc", "Ada");
    const std::string peer = join(b, "abc", "Bob")["peer_id"];
    clear();
    EXPECT_TRUE(call(b, "session.bye").contains("result"));
    EXPECT_EQ(closed.at(b.value), CloseCode::Normal);
    const json left = next(a);
    EXPECT_EQ(left["params"]["type"], "peer.left");
    EXPECT_EQ(left["params"]["peer_id"], peer);
    EXPECT_EQ(left["params"]["reason"], "left");
}

TEST_F(HubSession, DoesNotAnswerANotificationButDoesIt) {
    const SessionId a = session();
    join(a, "abc", "Ada");
    clear();
    say(a, R"({"jsonrpc":"2.0","method":"presence.set","params":{"room":"abc","muted":true}})");
    const json event = next(a);
    EXPECT_EQ(event["params"]["type"], "peer.updated");
    EXPECT_EQ(next(a), nullptr);
    say(a, R"({"jsonrpc":"2.0","method":"presence.set","params":{"room":"other"}})");
    EXPECT_EQ(next(a), nullptr);
}

TEST_F(HubSession, IgnoresWhatComesFromAClosedSession) {
    const SessionId a = session();
    call(a, "session.bye");
    say(a, R"({"jsonrpc":"2.0","id":1,"method":"session.ping"})");
    EXPECT_EQ(next(a), nullptr);
    drop(a);
    drop(a);
    EXPECT_EQ(hub->session_count(), 0U);
}

TEST_F(HubSession, AnswersGarbageAndGoesOn) {
    const SessionId a = session();
    say(a, "garbage");
    const json answer = next(a);
    EXPECT_EQ(answer["id"], nullptr);
    EXPECT_EQ(code(answer), -32700);
    EXPECT_EQ(answer["error"]["data"]["name"], "parse_error");
    EXPECT_EQ(code(call(a, "session.ping")), 0);
}

TEST_F(HubSession, ClosesWhoSendsNothingButGarbage) {
    const SessionId a = session();
    for (int i = 0; i < 100; ++i) say(a, "garbage");
    EXPECT_TRUE(closed.empty());
    say(a, "garbage");
    EXPECT_EQ(closed.at(a.value), CloseCode::Protocol);
    EXPECT_EQ(inbox[a.value].back()["method"], "session.error");
    EXPECT_EQ(inbox[a.value].back()["params"]["name"], "rate_limited");
}

TEST_F(HubSession, BoundsMessagesPerSecond) {
    const SessionId a = session();
    int limited = 0;
    for (int i = 0; i < 210; ++i) limited += code(call(a, "session.ping")) == 0 ? 0 : 1;
    // The burst of 200 has paid for the hello as well; the refusals carry no id, since nothing was parsed.
    EXPECT_EQ(limited, 0);
    EXPECT_EQ(std::ranges::count_if(inbox[a.value], [](const json& f) { return code(f) == 1300; }), 11);
    pass(1s);
    EXPECT_TRUE(call(a, "session.ping").contains("result"));
}

TEST_F(HubSession, BoundsSessionsPerAddressAndCountsThemAgainAfterClose) {
    std::vector<SessionId> all;
    for (int i = 0; i < 32; ++i) all.push_back(session("198.51.100.7"));
    EXPECT_FALSE(hub->may_open(*IpAddress::parse("198.51.100.7")));
    EXPECT_TRUE(hub->may_open(*IpAddress::parse("198.51.100.8")));
    const SessionId more = open("198.51.100.7");
    EXPECT_EQ(closed.at(more.value), CloseCode::Overloaded);
    // Mapped into IPv6 it is the same source.
    EXPECT_FALSE(hub->may_open(*IpAddress::parse("::ffff:198.51.100.7")));
    drop(all.front());
    EXPECT_TRUE(hub->may_open(*IpAddress::parse("198.51.100.7")));
}

TEST_F(HubSession, CountsIpv6By64) {
    for (int i = 0; i < 32; ++i) session("2001:db8:1:2::" + std::to_string(i + 1));
    EXPECT_FALSE(hub->may_open(*IpAddress::parse("2001:db8:1:2:ffff::1")));
    EXPECT_TRUE(hub->may_open(*IpAddress::parse("2001:db8:1:3::1")));
}

TEST_F(HubSession, DoesNotCountExemptSources) {
    HubConfig config = test_config();
    config.limits.exempt = {*Cidr::parse("198.51.100.0/24")};
    make(config);
    for (int i = 0; i < 40; ++i) session("198.51.100.7");
    EXPECT_TRUE(closed.empty());
    const SessionId a = session("198.51.100.7");
    for (int i = 0; i < 500; ++i) EXPECT_EQ(code(call(a, "session.ping")), 0);
}

TEST_F(HubSession, BoundsAllSessionsTogether) {
    HubConfig config = test_config();
    config.limits.sessions = 3;
    make(config);
    for (int i = 0; i < 3; ++i) session("192.0.2." + std::to_string(i + 1));
    EXPECT_FALSE(hub->may_open(*IpAddress::parse("192.0.2.99")));
    EXPECT_EQ(closed.size(), 0U);
    const SessionId fourth = open("192.0.2.99");
    EXPECT_EQ(closed.at(fourth.value), CloseCode::Overloaded);
}

TEST_F(HubSession, SaysGoawayToThoseWhoGreeted) {
    const SessionId greeted = session(), silent = open();
    Outbox out;
    hub->say_goaway(1500ms, out);
    take(out);
    const json frame = next(greeted);
    EXPECT_EQ(frame["method"], "server.goaway");
    EXPECT_EQ(frame["params"]["in_ms"], 1500);
    EXPECT_EQ(next(silent), nullptr);
}

TEST(SourceLimits, ForgetsQuietSources) {
    Limits limits;
    SourceLimits sources{limits};
    const Instant start{Seconds{1000}};
    const IpAddress a = *IpAddress::parse("192.0.2.1"), b = *IpAddress::parse("192.0.2.2");
    EXPECT_TRUE(sources.open(a, start));
    EXPECT_TRUE(sources.take_join(b, start));
    sources.sweep(start + 59s);
    EXPECT_EQ(sources.size(), 2U);
    sources.sweep(start + 60s);
    EXPECT_EQ(sources.size(), 1U);  // b; a still has a session
    sources.close(a);
    sources.sweep(start + 61s);
    EXPECT_EQ(sources.size(), 0U);
}

}  // namespace
}  // namespace turnpike::signaling
