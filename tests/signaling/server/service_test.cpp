#include "signaling/server/service.hpp"

#include <gtest/gtest.h>

#include "common/base/system_clock.hpp"
#include "common/crypto/system_random.hpp"
#include "common/ops/control_loop.hpp"
#include "signaling/server/admin_routes.hpp"
#include "signaling/server/metrics.hpp"
#include "tests/signaling/net/web_support.hpp"
#include "tests/signaling/server/relay_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::signaling {
namespace {

constexpr RelayClient::Timing kFast{.poll = 20ms, .poll_lost = 10ms, .lease = 200ms, .deadline = 1000ms, .retry = 10ms};
constexpr std::string_view kKey = "an-api-key-of-tests";

/// A page, as far as these tests need one.
class Page : public WsClient {
public:
    explicit Page(const Endpoint& server) { EXPECT_TRUE(open(server)); }
    json params_of(std::string_view method) { return wait_for(method)["params"]; }
};

class ServiceTest : public ::testing::Test {
protected:
    ServiceTest() {
        config.web.address = *Endpoint::parse("127.0.0.1:0");
        config.web.root = directory.path() / "no-page";
        config.relays = {directory.path() / "relay.sock"};
        config.hub.limits.exempt = {*Cidr::parse("127.0.0.0/8")};
        crypto::RestSecret& secret = config.secrets.emplace_back();
        secret.kid = "k1";
        secret.value = Secret{std::string_view{"0123456789abcdef"}};
        secret.issued_by_turnpike = true;
        config.api_keys = {Secret{std::string_view{"another-key-01234"}}, Secret{kKey}};
    }
    void start() {
        auto opened = Service::open(config, clock, random, log, kFast);
        ASSERT_TRUE(opened) << opened.error();
        service = *std::move(opened);
        add_metrics(metrics, *service);
        add_admin_routes(admin, *service, clock, identity, metrics, "effective = true\n");
        service->on_metrics([this](std::function<void(std::string)> done) {
            control.post([this, done] { done(metrics.text()); });
        });
        service->start();
        control_thread = std::thread{[this] { control.run(); }};
    }
    ~ServiceTest() override {
        control.post([this] { control.stop(); });
        if (control_thread.joinable()) control_thread.join();
    }
    void start_with_relay() {
        relay.emplace(directory.path() / "relay.sock");
        start();
        wait_for_relay(1);
    }
    void wait_for_relay(std::size_t active) {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < end) {
            if (service->ask<std::size_t>([](Service::Inside in) { return in.relays.active(); }) == active) return;
        }
        FAIL() << "relays active: not " << active;
    }
    WebAnswer web(std::string method, std::string target, std::string body = {}, std::string authorization = {}) {
        RawClient client{service->address()};
        std::string request = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
        if (!authorization.empty()) request += "Authorization: " + authorization + "\r\n";
        return client.ask(request + "\r\n" + body);
    }
    struct AdminAnswer {
        int status;
        json body;
    };
    AdminAnswer ask_admin(ops::Verb verb, std::string path, std::map<std::string, std::string> query = {}, std::string text = {}) {
        ops::Request request;
        request.verb = verb;
        request.path = std::move(path);
        request.query = std::move(query);
        request.body = std::move(text);
        const ops::Response response = admin.dispatch(std::move(request));
        return {response.status, json::parse(response.body, nullptr, false)};
    }

    TempDir directory;
    SignalingConfig config;
    SystemClock clock;
    crypto::SystemRandom random;
    ops::Log log{{.level = ops::Level::Off}};
    ops::ControlLoop control;
    ops::Metrics metrics;
    ops::Router admin;
    Identity identity{"sig-1", "boot", WallTime{Seconds{1'790'000'000}}};
    std::optional<FakeRelay> relay;
    std::unique_ptr<Service> service;
    std::thread control_thread;
};

const std::string kBearer = "Bearer " + std::string{kKey};

TEST_F(ServiceTest, GivesAMemberTheRelaysUrls) {
    start_with_relay();
    Page page{service->address()};
    const json ice = page.join("abc", "Ada")["ice"];
    ASSERT_EQ(ice["ice_servers"].size(), 1U);
    EXPECT_EQ(ice["ice_servers"][0]["urls"], relay->node()["urls"]);
    const std::string username = ice["ice_servers"][0]["username"];
    EXPECT_EQ(ice["ice_servers"][0]["credential"], crypto::rest_password(config.secrets[0], username));
}

TEST_F(ServiceTest, AdmitsWithoutARelayAndPushesTheListLater) {
    start();
    EXPECT_EQ(web("GET", "/readyz").parsed()["degraded"], json::array({"relays"}));
    Page page{service->address()};
    EXPECT_TRUE(page.join("abc", "Ada")["ice"]["ice_servers"].empty());
    relay.emplace(directory.path() / "relay.sock");
    const json update = page.params_of("ice.update");
    EXPECT_EQ(update["reason"], "renew");
    EXPECT_EQ(update["ice_servers"][0]["urls"], relay->node()["urls"]);
    EXPECT_EQ(web("GET", "/readyz").parsed()["degraded"], json::array());
}

TEST_F(ServiceTest, PushesRenewals) {
    config.hub.ice.ttl = 2s;
    start_with_relay();
    Page page{service->address()};
    const std::string first = page.join("abc", "Ada")["ice"]["ice_servers"][0]["username"];
    const json update = page.params_of("ice.update");
    EXPECT_EQ(update["room"], "abc");
    EXPECT_NE(update["ice_servers"][0]["username"], first);
}

TEST_F(ServiceTest, KicksEverywhereWithinASecond) {
    start_with_relay();
    Page ada{service->address()}, bob{service->address()};
    ada.join("abc", "Ada");
    const std::string id = bob.join("abc", "Bob")["peer_id"];
    const auto before = std::chrono::steady_clock::now();
    const auto answer = ask_admin(ops::Verb::Post, "/v1/participants/" + id + "/kick", {}, R"({"reason":"spam"})");
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, (json{{"kicked", 1}, {"allocations_ended", 2}}));
    EXPECT_EQ(bob.close_code(), 4004);
    const auto told = relay->wait_for_revocations(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0]["subject"].get<std::string>().ends_with("." + id));
    EXPECT_EQ(told[0]["reason"], "spam");
    EXPECT_EQ(ask_admin(ops::Verb::Post, "/v1/participants/" + id + "/kick").status, 404);
    EXPECT_EQ(ask_admin(ops::Verb::Post, "/v1/participants/x/kick", {}, "[]").status, 400);
    EXPECT_EQ(ask_admin(ops::Verb::Post, "/v1/participants/x/kick", {}, R"({"reason":""})").status, 400);
}

TEST_F(ServiceTest, KicksWhoNeverHadACredential) {
    start();
    Page page{service->address()};
    const std::string id = page.join("abc", "Ada")["peer_id"];
    const auto answer = ask_admin(ops::Verb::Post, "/v1/participants/" + id + "/kick");
    EXPECT_EQ(answer.body, (json{{"kicked", 1}, {"allocations_ended", 0}}));
}

TEST_F(ServiceTest, TellsTheRelayOfAHostsKick) {
    start_with_relay();
    Page ada{service->address()}, bob{service->address()};
    ada.join("abc", "Ada");
    const std::string id = bob.join("abc", "Bob")["peer_id"];
    EXPECT_TRUE(ada.call("room.kick", {{"room", "abc"}, {"peer", id}}).contains("result"));
    EXPECT_EQ(relay->wait_for_revocations(1).size(), 1U);
    EXPECT_EQ(bob.close_code(), 4004);
}

// ---- the HTTP API -----------------------------------------------------------------------------

TEST_F(ServiceTest, MintsForHoldersOfAnApiKey) {
    start_with_relay();
    const auto answer = web("POST", "/v1/ice-servers", R"({"user":"alice","ttl":60})", kBearer);
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.field("cache-control"), "no-store");
    const json ice = answer.parsed();
    EXPECT_EQ(ice["ttl_seconds"], 60);
    const json server = ice["iceServers"][0];
    const std::string username = server["username"];
    EXPECT_EQ(username, std::to_string(ice["expires_at"].get<std::int64_t>()) + ":alice;k=k1;a=42");
    EXPECT_EQ(server["credential"], crypto::rest_password(config.secrets[0], username));
    EXPECT_EQ(server["urls"], relay->node()["urls"]);

    EXPECT_EQ(web("POST", "/v1/ice-servers", "", kBearer).status, 201);
    EXPECT_EQ(web("POST", "/v1/ice-servers", "{}", "bearer  another-key-01234").status, 201);
    EXPECT_EQ(web("POST", "/v1/ice-servers?key=" + std::string{kKey}).status, 201);
}

TEST_F(ServiceTest, RefusesAWrongOrMissingApiKey) {
    start_with_relay();
    for (const std::string& authorization : std::vector<std::string>{"", "Bearer", "Bearer ", "Bearer wrong-key-0123456789",
                                                                     "Basic " + std::string{kKey}, kBearer + "x"}) {
        const auto answer = web("POST", "/v1/ice-servers", "{}", authorization);
        EXPECT_EQ(answer.status, 401) << authorization;
        EXPECT_EQ(answer.field("www-authenticate"), "Bearer realm=\"turnpike\"");
        EXPECT_EQ(answer.parsed()["error"]["code"], "unauthorized");
    }
    EXPECT_EQ(web("GET", "/turn?service=turn&username=a&key=wrong").status, 401);
}

TEST_F(ServiceTest, HidesTheApiWithoutKeys) {
    config.api_keys.clear();
    start_with_relay();
    EXPECT_EQ(web("POST", "/v1/ice-servers", "{}", kBearer).status, 404);
    EXPECT_EQ(web("POST", "/v1/ice-servers", "{}", "Bearer ").status, 404);
    EXPECT_EQ(web("GET", "/turn?service=turn&username=a&key=").status, 404);
}

TEST_F(ServiceTest, RefusesBadRequestsForCredentials) {
    start_with_relay();
    for (const std::string text : {"[]", "{", "7", R"({"user":7})", R"({"user":""})", R"({"user":"a;b"})", R"({"user":"a:b"})", R"({"user":"a b"})",
                                   R"({"ttl":5})", R"({"ttl":86401})", R"({"ttl":-1})", R"({"ttl":"60"})", R"({"ttl":60.5})"}) {
        const auto answer = web("POST", "/v1/ice-servers", text, kBearer);
        EXPECT_EQ(answer.status, 400) << text;
        EXPECT_EQ(answer.parsed()["error"]["code"], "bad_request") << text;
    }
    const auto method = web("PUT", "/v1/ice-servers", "{}", kBearer);
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.field("allow"), "POST");
    EXPECT_EQ(web("GET", "/v1/anything").status, 404);
}

TEST_F(ServiceTest, AnswersTheTurnRestDraft) {
    start_with_relay();
    const std::string key = "&key=" + std::string{kKey};
    const json answer = web("GET", "/turn?service=turn&username=alice" + key).parsed();
    EXPECT_EQ(answer["ttl"], 3600);
    EXPECT_EQ(answer["uris"], relay->node()["urls"]);
    EXPECT_NE(answer["username"].get<std::string>().find(":alice;k=k1"), std::string::npos);
    EXPECT_EQ(answer["password"], crypto::rest_password(config.secrets[0], answer["username"].get<std::string>()));
    EXPECT_EQ(web("GET", "/turn?service=turn&username=a&ttl=20" + key).parsed()["ttl"], 20);
    EXPECT_EQ(web("GET", "/turn?username=alice" + key).status, 400);
    EXPECT_EQ(web("GET", "/turn?service=turn&username=a&ttl=1" + key).status, 400);
    EXPECT_EQ(web("GET", "/turn?service=turn&username=a%3Bk%3Dx" + key).status, 400);
}

TEST_F(ServiceTest, SaysThatNoRelayIsUp) {
    start();
    const auto answer = web("POST", "/v1/ice-servers", "{}", kBearer);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.parsed()["error"]["code"], "turn_unavailable");
    EXPECT_EQ(answer.field("retry-after"), "5");
}

TEST_F(ServiceTest, ListsPublicRoomsWithSomebodyInThem) {
    start_with_relay();
    Page page{service->address()};
    page.call("room.create", {{"room", "open"}, {"name", "Open <b>"}, {"visibility", "public"}, {"tags", {"tea"}}});
    page.call("room.create", {{"room", "empty"}, {"visibility", "public"}});
    page.join("hidden", "Ada");
    EXPECT_EQ(web("GET", "/rooms").parsed()["rooms"], json::array());
    page.join("open", "Ada");
    const json rooms = web("GET", "/rooms").parsed()["rooms"];
    EXPECT_EQ(rooms, (json::array({{{"room", "open"}, {"name", "Open <b>"}, {"tags", json::array({"tea"})}, {"count", 1}, {"max", 8}}})));
    EXPECT_EQ(web("GET", "/rooms?tag=tea").parsed()["rooms"].size(), 1U);
    EXPECT_EQ(web("GET", "/rooms?tag=coffee").parsed()["rooms"].size(), 0U);
}

TEST_F(ServiceTest, TellsItsHealth) {
    start_with_relay();
    EXPECT_EQ(web("GET", "/healthz").parsed()["status"], "ok");
    const auto ready = web("GET", "/readyz");
    EXPECT_EQ(ready.status, 200);
    EXPECT_EQ(ready.parsed()["relays"], (json{{"active", 1}, {"known", 1}}));
    EXPECT_EQ(web("POST", "/healthz").status, 405);
    EXPECT_EQ(web("GET", "/").status, 503);  // no page is built here
}

TEST_F(ServiceTest, ShowsMetricsToTrustedSources) {
    start_with_relay();
    Page page{service->address()};
    page.join("abc", "Ada");
    const std::string text = web("GET", "/metrics").body;
    for (const std::string_view line : {"turnpike_signaling_rooms 1\n", "turnpike_signaling_participants 1\n", "turnpike_signaling_sessions 1\n",
                                        "turnpike_signaling_relays{state=\"active\"} 1\n", "turnpike_signaling_calls_total{method=\"room.join\"} 1\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << text.substr(0, 600);
    }
}

TEST_F(ServiceTest, HidesMetricsFromOthers) {
    config.hub.limits.exempt.clear();
    start_with_relay();
    EXPECT_EQ(web("GET", "/metrics").status, 404);
}

// ---- the admin socket's routes ----------------------------------------------------------------

TEST_F(ServiceTest, DescribesItselfToTheAdministrator) {
    start_with_relay();
    Page page{service->address()};
    page.join("abc", "Ada");
    const auto answer = ask_admin(ops::Verb::Get, "/v1/node");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body["id"], "sig-1");
    EXPECT_EQ(answer.body["role"], "signaling");
    EXPECT_EQ(answer.body["address"], service->address().to_string());
    EXPECT_EQ(answer.body["rooms"], 1);
    EXPECT_EQ(answer.body["participants"], 1);
    EXPECT_EQ(answer.body["sessions"], 1);
    ASSERT_EQ(answer.body["relays"].size(), 1U);
    EXPECT_EQ(answer.body["relays"][0]["id"], "relay-a");
    EXPECT_EQ(answer.body["relays"][0]["state"], "active");
    EXPECT_EQ(answer.body["relays"][0]["allocations"], 3);
    EXPECT_GE(answer.body["relays"][0]["last_seen_seconds"].get<double>(), 0);
    relay->stop();
    wait_for_relay(0);
    const json lost = ask_admin(ops::Verb::Get, "/v1/node").body["relays"][0];
    EXPECT_EQ(lost["state"], "lost");
    EXPECT_TRUE(lost.contains("error"));
}

TEST_F(ServiceTest, ListsRoomsAndParticipants) {
    start_with_relay();
    Page ada{service->address()}, bob{service->address()};
    const std::string id = ada.join("abc", "Ada")["peer_id"];
    bob.join("xyz", "Bob");
    ada.call("presence.set", {{"room", "abc"}, {"muted", true}, {"link", "relay"}});

    const json rooms = ask_admin(ops::Verb::Get, "/v1/rooms").body["items"];
    ASSERT_EQ(rooms.size(), 2U);
    EXPECT_EQ(rooms[0]["room"], "abc");
    EXPECT_EQ(rooms[0]["visibility"], "unlisted");
    EXPECT_EQ(rooms[0]["members"], 1);
    EXPECT_EQ(rooms[0]["relay"], "relay-a");
    const json room = ask_admin(ops::Verb::Get, "/v1/rooms/abc").body;
    ASSERT_EQ(room["participants"].size(), 1U);
    const json who = room["participants"][0];
    EXPECT_EQ(who["id"], id);
    EXPECT_EQ(who["name"], "Ada");
    EXPECT_EQ(who["kind"], "human");
    EXPECT_EQ(who["muted"], true);
    EXPECT_EQ(who["link"], "relay");
    EXPECT_EQ(who["session_state"], "online");
    EXPECT_TRUE(who["subject"].get<std::string>().ends_with("." + id));
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/v1/rooms/none").status, 404);
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/v1/participants").body["items"].size(), 2U);
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/v1/participants", {{"room", "xyz"}}).body["items"].size(), 1U);
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/v1/participants", {{"room", "none"}}).body["items"].size(), 0U);
}

TEST_F(ServiceTest, MintsForTheAdministrator) {
    start_with_relay();
    const auto answer = ask_admin(ops::Verb::Post, "/v1/credentials", {}, R"({"user":"probe","ttl_seconds":60,"allocations":3,"bandwidth_kbit_s":100,"policy":"relay"})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const std::string username = answer.body["username"];
    EXPECT_TRUE(username.ends_with(":probe;k=k1;a=3;b=100;p=relay")) << username;
    EXPECT_EQ(answer.body["credential"], crypto::rest_password(config.secrets[0], username));
    EXPECT_EQ(answer.body["ttl_seconds"], 60);
    EXPECT_EQ(answer.body["relay"], "relay-a");
    EXPECT_EQ(answer.body["ice_servers"][0]["urls"], relay->node()["urls"]);
    EXPECT_TRUE(answer.body["expires_at"].get<std::string>().ends_with("Z"));

    Page page{service->address()};
    const json joined = page.join("abc", "Ada");
    const json copy = ask_admin(ops::Verb::Post, "/v1/credentials", {}, json{{"room", "abc"}, {"participant", joined["peer_id"]}}.dump()).body;
    const auto subject = [](const json& name) { return std::string{crypto::RestUsername::parse(name.get<std::string>())->subject}; };
    EXPECT_EQ(subject(copy["username"]), subject(joined["ice"]["ice_servers"][0]["username"]));

    for (const std::string text : {"{}", "[]", R"({"user":"a","room":"abc","participant":"p"})", R"({"room":"abc"})", R"({"user":"a","ttl":60})",
                                   R"({"user":"a","ttl_seconds":1})", R"({"user":"a","allocations":0})", R"({"user":"a","policy":"none"})", R"({"user":"a;b"})"}) {
        EXPECT_EQ(ask_admin(ops::Verb::Post, "/v1/credentials", {}, text).status, 400) << text;
    }
    relay->stop();
    wait_for_relay(0);
    const auto none = ask_admin(ops::Verb::Post, "/v1/credentials", {}, R"({"user":"probe"})");
    EXPECT_EQ(none.status, 503);
    EXPECT_EQ(none.body["error"]["code"], "turn_unavailable");
}

TEST_F(ServiceTest, HasHealthMetricsAndConfigurationOnTheAdminSocket) {
    start_with_relay();
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/healthz").body["status"], "ok");
    EXPECT_EQ(ask_admin(ops::Verb::Get, "/readyz").body["status"], "ready");
    ops::Request request;
    request.path = "/metrics";
    EXPECT_NE(admin.dispatch(request).body.find("turnpike_signaling_rooms 0"), std::string::npos);
    request.path = "/v1/config";
    EXPECT_EQ(admin.dispatch(request).body, "effective = true\n");
}

// ---- a changed configuration ------------------------------------------------------------------

TEST_F(ServiceTest, TakesNewSecretsAndKeysWhileItRuns) {
    start_with_relay();
    Page page{service->address()};
    page.join("abc", "Ada");
    SignalingConfig fresh = config;
    fresh.secrets[0].kid = "k2";
    fresh.secrets[0].value = Secret{std::string_view{"a-new-secret-0123"}};
    fresh.api_keys = {Secret{std::string_view{"a-new-api-key-0123"}}};
    const crypto::RestSecret expected = fresh.secrets[0];
    service->reload(std::move(fresh));
    const json update = page.params_of("ice.update");
    const std::string username = update["ice_servers"][0]["username"];
    EXPECT_NE(username.find(";k=k2;"), std::string::npos);
    EXPECT_EQ(update["ice_servers"][0]["credential"], crypto::rest_password(expected, username));
    EXPECT_EQ(web("POST", "/v1/ice-servers", "{}", kBearer).status, 401);
    EXPECT_EQ(web("POST", "/v1/ice-servers", "{}", "Bearer a-new-api-key-0123").status, 201);
}

TEST_F(ServiceTest, SaysGoodbyeWhenItStops) {
    start_with_relay();
    Page page{service->address()};
    page.join("abc", "Ada");
    std::thread stopper{[this] { service->stop(); }};
    EXPECT_EQ(page.params_of("server.goaway")["in_ms"], 0);
    EXPECT_EQ(page.close_code(), 1001);
    stopper.join();
}

TEST_F(ServiceTest, NamesTheTakenAddress) {
    start_with_relay();
    config.web.address = service->address();
    const auto second = Service::open(config, clock, random, log, kFast);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().find(service->address().to_string()), std::string::npos);
}

}  // namespace
}  // namespace turnpike::signaling
