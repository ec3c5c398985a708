#include "tests/signaling/core/hub_support.hpp"

namespace turnpike::signaling {
namespace {

class HubSignal : public HubFixture {
protected:
    void SetUp() override {
        HubFixture::SetUp();
        a = session();
        b = session();
        ada = join(a, "abc", "Ada")["peer_id"];
        bob = join(b, "abc", "Bob")["peer_id"];
        clear();
    }
    json candidates(std::string_view to, int n, std::string_view text = "candidate:1 1 udp 1 192.0.2.1 9 typ host") {
        return {{"room", "abc"}, {"to", to}, {"e", 1}, {"n", n}, {"candidates", {{{"candidate", text}, {"sdpMid", "0"}, {"sdpMLineIndex", 0}}}}};
    }
    SessionId a, b;
    std::string ada, bob;
};

TEST_F(HubSignal, CarriesADescriptionAndStampsTheSender) {
    const json offer{{"type", "offer"}, {"sdp", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"}};
    const json answer = call(a, "peer.signal", {{"room", "abc"}, {"to", bob}, {"from", "p_forged"}, {"e", 3}, {"n", 7}, {"description", offer}});
    EXPECT_EQ(answer["result"]["accepted"], true);

    const json frame = next(b);
    EXPECT_EQ(frame["method"], "peer.signal");
    const json& params = frame["params"];
    EXPECT_EQ(params["room"], "abc");
    EXPECT_EQ(params["from"], ada);
    EXPECT_EQ(params["e"], 3);
    EXPECT_EQ(params["n"], 7);
    EXPECT_EQ(params["after_seq"], 2);
    EXPECT_EQ(params["description"], offer);
    EXPECT_FALSE(params.contains("candidates"));
    EXPECT_FALSE(params.contains("to"));
    EXPECT_EQ(next(a), nullptr);
}

TEST_F(HubSignal, KeepsTheOrderOfAPair) {
    for (int n = 0; n < 50; ++n) {
        call(a, "peer.signal", candidates(bob, n));
        call(b, "peer.signal", candidates(ada, n));
    }
    for (int n = 0; n < 50; ++n) {
        EXPECT_EQ(next(b)["params"]["n"], n);
        EXPECT_EQ(next(a)["params"]["n"], n);
    }
}

// A signal never overtakes the event that announced its sender.
TEST_F(HubSignal, ComesAfterTheEventsItsSenderHasSeen) {
    const SessionId c = session();
    join(c, "abc", "Cyn");
    call(c, "peer.signal", candidates(ada, 0));
    const json joined = next(a), signal = next(a);
    EXPECT_EQ(joined["params"]["type"], "peer.joined");
    EXPECT_EQ(signal["params"]["after_seq"], joined["params"]["seq"]);
    EXPECT_GT(signal["params"]["s"], joined["params"]["s"]);
}

TEST_F(HubSignal, RefusesAStrangerOneselfAndAnotherRoomsMember) {
    const SessionId c = session();
    const std::string cyn = join(c, "xyz", "Cyn")["peer_id"];
    EXPECT_EQ(code(call(a, "peer.signal", candidates("p_nobody", 0))), 1200);
    EXPECT_EQ(code(call(a, "peer.signal", candidates(ada, 0))), 1200);
    EXPECT_EQ(code(call(a, "peer.signal", candidates(cyn, 0))), 1200);
    EXPECT_EQ(next(c), nullptr);
}

TEST_F(HubSignal, SaysThatAPeerIsReconnectingAndThenGone) {
    drop(b);
    const json answer = call(a, "peer.signal", candidates(bob, 0));
    EXPECT_EQ(code(answer), 1201);
    EXPECT_EQ(answer["error"]["data"]["retry"], "after");
    EXPECT_GT(answer["error"]["data"]["retry_after_ms"], 0);
    pass(6s);
    EXPECT_EQ(code(call(a, "peer.signal", candidates(bob, 0))), 1200);
}

TEST_F(HubSignal, LetsAnEightPeerJoinBurstThroughAndThenBounds) {
    for (int n = 0; n < 100; ++n) EXPECT_EQ(code(call(a, "peer.signal", candidates(bob, n))), 0);
    const json answer = call(a, "peer.signal", candidates(bob, 100));
    EXPECT_EQ(code(answer), 1300);
    EXPECT_EQ(answer["error"]["data"]["retry_after_ms"], 34);
    pass(1s);
    for (int n = 0; n < 30; ++n) EXPECT_EQ(code(call(a, "peer.signal", candidates(bob, n))), 0);
    EXPECT_EQ(code(call(a, "peer.signal", candidates(bob, 0))), 1300);
    EXPECT_EQ(hub->counters().signals, 130U);
}

TEST_F(HubSignal, RefusesADescriptionThatIsTooLarge) {
    const json answer = call(a, "peer.signal", {{"room", "abc"}, {"to", bob}, {"e", 0}, {"n", 0}, {"description", {{"type", "offer"}, {"sdp", std::string(32'769, 'x')}}}});
    EXPECT_EQ(code(answer), 1301);
    EXPECT_EQ(next(b), nullptr);
}

}  // namespace
}  // namespace turnpike::signaling
