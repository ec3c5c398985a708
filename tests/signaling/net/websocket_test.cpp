#include "tests/signaling/net/web_fixture.hpp"

namespace turnpike::signaling {
namespace {

class WebSocket : public WebFixture {
protected:
    /// A masked client frame.
    static std::string frame(unsigned char first, std::string_view payload) {
        std::string out{static_cast<char>(first)};
        if (payload.size() < 126) {
            out += static_cast<char>(0x80 | payload.size());
        } else {
            out += static_cast<char>(0x80 | 126);
            out += static_cast<char>(payload.size() >> 8);
            out += static_cast<char>(payload.size() & 0xFF);
        }
        out += std::string(4, '\0');  // the mask that changes nothing
        return out + std::string{payload};
    }
    /// Large offers to a peer that does not read: kernel buffers fill up, then its queue. The refusal's name.
    static std::string send_until_refused(WsClient& from, const std::string& to) {
        const std::string offer = json{{"jsonrpc", "2.0"}, {"id", "o"}, {"method", "peer.signal"},
                                       {"params", {{"room", "abc"}, {"to", to}, {"e", 1}, {"n", 0}, {"description", {{"type", "offer"}, {"sdp", std::string(32'000, 's')}}}}}}.dump();
        for (int sent = 0; sent < 2000; ++sent) {
            if (!from.send(offer)) return "connection lost";
            for (json frame = from.receive(); ; frame = from.receive()) {
                if (frame.is_null()) return "connection lost";
                if (frame.contains("error")) return frame["error"]["data"]["name"];
                if (frame.contains("result")) break;
                from.keep(std::move(frame));
            }
        }
        return "never refused";
    }
    int code_after(std::string_view bytes) {
        RawClient client{address};
        EXPECT_TRUE(client.upgrade());
        client.send(bytes);
        return close_code_in(client.read_all());
    }
};

TEST_F(WebSocket, OpensAndGreets) {
    start();
    WsClient client;
    ASSERT_TRUE(client.connect(address));
    ASSERT_TRUE(client.upgrade());
    EXPECT_EQ(client.upgrade_field("Sec-WebSocket-Protocol"), "turnpike.v1");
    EXPECT_EQ(client.upgrade_field("Sec-WebSocket-Extensions"), "");  // no permessage-deflate
    const json result = client.hello()["result"];
    EXPECT_EQ(result["s"], 1);
    EXPECT_EQ(client.call("session.bye")["result"]["s"], 2);
    EXPECT_EQ(client.close_code(), 1000);
}

// security.md rows 52 and 53; RFC 6455 §4.2.
TEST_F(WebSocket, RefusesOtherUpgrades) {
    start();
    const auto status = [&](std::string headers, std::string method = "GET") {
        RawClient client{address};
        client.send(method + " /ws HTTP/1.1\r\nHost: call.example\r\n" + headers + "\r\n");
        return client.response();
    };
    const std::string upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
    const std::string version = "Sec-WebSocket-Version: 13\r\n", key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const std::string protocol = "Sec-WebSocket-Protocol: chat, turnpike.v1\r\n";

    EXPECT_EQ(status("").status, 426);
    EXPECT_EQ(status(upgrade + version + protocol).status, 400);
    EXPECT_EQ(status(upgrade + version + protocol + "Sec-WebSocket-Key: c2hvcnQ=\r\n").status, 400);
    const auto old = status(upgrade + key + protocol + "Sec-WebSocket-Version: 12\r\n");
    EXPECT_EQ(old.status, 426);
    EXPECT_EQ(old.field("sec-websocket-version"), "13");
    EXPECT_EQ(status(upgrade + version + key).status, 400);
    EXPECT_EQ(status(upgrade + version + key + "Sec-WebSocket-Protocol: turnpike.v2\r\n").status, 400);
    EXPECT_EQ(status(upgrade + version + key + protocol + "Origin: https://evil.example\r\n").status, 403);
    EXPECT_EQ(status(upgrade + version + key + protocol + "Origin: null\r\n").status, 403);
    EXPECT_EQ(status(upgrade + version + key + protocol, "POST").status, 400);
    EXPECT_EQ(inside([&] { return hub->session_count(); }), 0U);
}

TEST_F(WebSocket, AdmitsTheSameHostAndTheListedOrigins) {
    start();
    WsClient same;
    ASSERT_TRUE(same.connect(address));
    EXPECT_TRUE(same.upgrade("turnpike.v1", "https://call.example", "call.example"));
}

TEST_F(WebSocket, AdmitsListedOriginsOnly) {
    web_config.origins = {"https://app.example"};
    start();
    WsClient listed, own;
    ASSERT_TRUE(listed.connect(address));
    ASSERT_TRUE(own.connect(address));
    EXPECT_TRUE(listed.upgrade("turnpike.v1", "https://app.example", "call.example"));
    EXPECT_FALSE(own.upgrade("turnpike.v1", "https://call.example", "call.example"));
}

// security.md rows 54 to 56.
TEST_F(WebSocket, ClosesOnEachBrokenFrameWithItsCode) {
    web_config.limits.closing = 100ms;  // a raw client does not answer a close frame
    start();
    EXPECT_EQ(code_after(std::string{"\x81\x02hi", 4}), 1002) << "not masked";
    EXPECT_EQ(code_after(frame(0xC1, "hi")), 1002) << "RSV1 without an extension";
    EXPECT_EQ(code_after(frame(0x83, "hi")), 1002) << "opcode 3";
    EXPECT_EQ(code_after(frame(0x89, std::string(126, 'p'))), 1002) << "control frame of 126 bytes";
    EXPECT_EQ(code_after(frame(0x09, "p")), 1002) << "fragmented ping";
    EXPECT_EQ(code_after(frame(0x80, "hi")), 1002) << "continuation without a start";
    EXPECT_EQ(code_after(frame(0x01, "a") + frame(0x81, "b")), 1002) << "new message inside a fragmented one";
    EXPECT_EQ(code_after(frame(0x81, "\xC3\x28")), 1007) << "no UTF-8";
    EXPECT_EQ(code_after(frame(0x01, "\xC3") + frame(0x80, "\x28")), 1007) << "no UTF-8, split";
    EXPECT_EQ(code_after(frame(0x88, std::string{"\x03\xED", 2})), 1002) << "close code 1005";
    EXPECT_EQ(code_after(frame(0x82, "hi")), 1003) << "binary";
    EXPECT_EQ(code_after(std::string{"\x81\xFF\x00\x00\x01\x00\x00\x00\x00\x00\0\0\0\0", 14}), 1009) << "2^40 bytes announced";
    EXPECT_NE(code_after(std::string{"\x81\xFF\x80\x00\x00\x00\x00\x00\x00\x01\0\0\0\0", 14}), 0) << "length with its highest bit set";
}

TEST_F(WebSocket, TakesAMessageOf64KiBAndNoMore) {
    start();
    WsClient client;
    ASSERT_TRUE(client.connect(address));
    ASSERT_TRUE(client.upgrade());
    client.hello();
    const std::string head = R"({"jsonrpc":"2.0","id":"big","method":"session.ping","params":{"x":")", tail = "\"}}";
    client.send(head + std::string(65'536 - head.size() - tail.size(), 'x') + tail);
    EXPECT_EQ(client.receive()["id"], "big");
    client.send(head + std::string(65'537 - head.size() - tail.size(), 'x') + tail);
    EXPECT_EQ(client.close_code(), 1009);
}

// security.md row 58.
TEST_F(WebSocket, ClosesAPingFlood) {
    web_config.limits.closing = 100ms;
    start();
    std::string flood;
    for (int i = 0; i < 100; ++i) flood += frame(0x89, "p");
    EXPECT_EQ(code_after(flood), 1008);
}

TEST_F(WebSocket, ClosesWhoDoesNotGreet) {
    hub_config.limits.hello = 0s;
    start();
    WsClient client;
    ASSERT_TRUE(client.connect(address));
    ASSERT_TRUE(client.upgrade());
    EXPECT_EQ(client.receive()["params"]["name"], "hello_required");
    EXPECT_EQ(client.close_code(), 4001);
}

TEST_F(WebSocket, DropsASilentConnectionAndKeepsOneThatAnswersPings) {
    web_config.limits.ping = 30ms;
    web_config.limits.silence = 200ms;
    start();
    WsClient alive, fence;
    ASSERT_TRUE(alive.connect(address));
    ASSERT_TRUE(alive.upgrade());
    alive.hello();
    alive.join("abc", "Ada");
    RawClient dead{address};
    ASSERT_TRUE(dead.upgrade());
    // A raw client answers no ping: the server ends it, while Beast's own answers keep the other one.
    std::promise<std::string> rest;
    std::thread reader{[&] { rest.set_value(dead.read_all()); }};
    json updated;
    std::thread keeper{[&] { alive.wait_for("nothing"); }};
    const std::string seen = rest.get_future().get();
    EXPECT_NE(seen.find('\x89'), std::string::npos);  // it was pinged
    EXPECT_EQ(inside([&] { return server->counters().silent; }), 1U);
    EXPECT_EQ(inside([&] { return hub->session_count(); }), 1U);
    stop();
    reader.join();
    keeper.join();
}

TEST_F(WebSocket, CarriesSignalsInOrderBetweenTwo) {
    start();
    WsClient a, b;
    for (WsClient* each : {&a, &b}) {
        ASSERT_TRUE(each->connect(address));
        ASSERT_TRUE(each->upgrade());
        each->hello();
    }
    const std::string ada = a.join("abc", "Ada")["peer_id"], bob = b.join("abc", "Bob")["peer_id"];
    EXPECT_EQ(a.wait_for("room.event", "peer.joined")["params"]["peer"]["id"], bob);
    for (int n = 0; n < 200; ++n) {
        const json sent = a.call("peer.signal", {{"room", "abc"}, {"to", bob}, {"e", 1}, {"n", n}, {"candidates", {{{"candidate", "c" + std::to_string(n)}}}}});
        ASSERT_EQ(sent["result"]["accepted"], true);
    }
    for (int n = 0; n < 200; ++n) {
        const json params = b.wait_for("peer.signal")["params"];
        ASSERT_EQ(params["n"], n);
        ASSERT_EQ(params["from"], ada);
        ASSERT_EQ(params["candidates"][0]["candidate"], "c" + std::to_string(n));
    }
}

TEST_F(WebSocket, CutsASlowConsumerOffAndTellsTheOthers) {
    start();
    WsClient a, b;
    ASSERT_TRUE(a.connect(address));
    ASSERT_TRUE(b.connect(address, 4096));
    for (WsClient* each : {&a, &b}) {
        ASSERT_TRUE(each->upgrade());
        each->hello();
    }
    a.join("abc", "Ada");
    const std::string bob = b.join("abc", "Bob")["peer_id"];
    a.wait_for("room.event", "peer.joined");
    EXPECT_EQ(send_until_refused(a, bob), "peer_unreachable");
    EXPECT_EQ(a.wait_for("room.event", "peer.updated")["params"]["peer"]["state"], "reconnecting");
    EXPECT_EQ(b.close_code(), 4008);
    EXPECT_EQ(inside([&] { return server->counters().slow_consumers; }), 1U);
}

TEST_F(WebSocket, GivesUpOnASlowConsumerThatNeverReads) {
    web_config.limits.closing = 100ms;
    start();
    WsClient a, b;
    ASSERT_TRUE(a.connect(address));
    ASSERT_TRUE(b.connect(address, 4096));
    for (WsClient* each : {&a, &b}) {
        ASSERT_TRUE(each->upgrade());
        each->hello();
    }
    a.join("abc", "Ada");
    const std::string bob = b.join("abc", "Bob")["peer_id"];
    EXPECT_EQ(send_until_refused(a, bob), "peer_unreachable");
    EXPECT_TRUE(eventually([&] { return server->counters().connections == 1; }));
}

TEST_F(WebSocket, RefusesTooManyOfOneAddressBeforeTheUpgrade) {
    hub_config.limits.exempt.clear();
    hub_config.limits.sessions_per_source = 1;
    start();
    WsClient first;
    ASSERT_TRUE(first.connect(address));
    ASSERT_TRUE(first.upgrade());
    first.hello();
    RawClient second{address};
    EXPECT_FALSE(second.upgrade());
    RawClient third{address};
    third.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: turnpike.v1\r\n\r\n");
    const auto refused = third.response();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.field("retry-after"), "10");
}

TEST_F(WebSocket, SaysGoodbyeToEverybodyOnShutDown) {
    start();
    WsClient client;
    ASSERT_TRUE(client.connect(address));
    ASSERT_TRUE(client.upgrade());
    client.hello();
    std::promise<void> gone;
    loop->post([&] { server->shut_down([&] { gone.set_value(); }); });
    EXPECT_EQ(client.receive()["method"], "server.goaway");
    EXPECT_EQ(client.close_code(), 1001);
    EXPECT_EQ(gone.get_future().wait_for(kPatience), std::future_status::ready);
    WsClient late;
    EXPECT_FALSE(late.connect(address));
}

TEST_F(WebSocket, ToleratesAClientThatVanishes) {
    start();
    WsClient a;
    ASSERT_TRUE(a.connect(address));
    ASSERT_TRUE(a.upgrade());
    a.hello();
    a.join("abc", "Ada");
    {
        WsClient b;
        ASSERT_TRUE(b.connect(address));
        ASSERT_TRUE(b.upgrade());
        b.hello();
        b.join("abc", "Bob");
    }
    EXPECT_EQ(a.wait_for("room.event", "peer.updated")["params"]["peer"]["state"], "reconnecting");
}

}  // namespace
}  // namespace turnpike::signaling
