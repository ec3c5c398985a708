#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "signaling/core/hub.hpp"

namespace turnpike::signaling {

using nlohmann::json;

/// Reproducible bytes (SplitMix64).
class SeededRandom final : public Random {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill_public(ByteSpan out) noexcept override { fill(out); }
    void fill_secret(ByteSpan out) noexcept override { fill(out); }

private:
    void fill(ByteSpan out) noexcept {
        for (std::uint8_t& byte : out) {
            state_ += 0x9e3779b97f4a7c15ULL;
            std::uint64_t z = state_;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            byte = static_cast<std::uint8_t>(z ^ (z >> 31));
        }
    }
    std::uint64_t state_;
};

inline cluster::NodeInfo active_relay(std::string id = "relay-a") {
    cluster::NodeInfo node;
    node.id = std::move(id);
    node.boot_id = "b1";
    node.state = cluster::NodeState::Active;
    node.urls = {"turn:" + node.id + ".example:3478?transport=udp", "turns:" + node.id + ".example:5349?transport=tcp"};
    return node;
}

inline crypto::RestSecret rest_secret(std::string kid = "k1", std::string_view value = "0123456789abcdef") {
    crypto::RestSecret secret;
    secret.kid = std::move(kid);
    secret.value = Secret{value};
    secret.issued_by_turnpike = true;
    return secret;
}

inline HubConfig test_config() {
    HubConfig config;
    config.ice.secrets = {rest_secret()};
    config.ice.room_tag_key = Secret{std::string_view{"room-tag-key-of-tests"}};
    return config;
}

/// A hub with a clock that moves by hand. Sessions are numbers; what the hub sends is sorted by them.
class HubFixture : public ::testing::Test {
protected:
    static constexpr WallTime kWall{Seconds{1'790'000'000}};

    void SetUp() override { make(test_config()); }

    void make(HubConfig config, bool with_relay = true) {
        hub.emplace(std::move(config), random);
        if (with_relay) relays({active_relay()});
    }
    Moment moment() const { return {now, wall}; }
    void relays(std::vector<cluster::NodeInfo> nodes) {
        Outbox out;
        hub->set_relays(std::move(nodes), moment(), out);
        take(out);
    }
    /// Moves the clocks, in wheel-sized steps as a driver would.
    void pass(Milliseconds time) {
        const Instant end = now + time;
        while (now < end) {
            const Nanoseconds step = std::min<Nanoseconds>(Milliseconds{100}, end - now);
            now += step;
            wall += std::chrono::duration_cast<Milliseconds>(step);
            Outbox out;
            hub->advance(moment(), out);
            take(out);
        }
    }

    SessionId open(std::string_view address = "192.0.2.1") {
        const SessionId id{++last_session};
        Outbox out;
        hub->on_open(id, *IpAddress::parse(address), moment(), out);
        take(out);
        return id;
    }
    /// Opened and greeted.
    SessionId session(std::string_view address = "192.0.2.1") {
        const SessionId id = open(address);
        const json answer = call(id, "session.hello", {{"v", 1}, {"client", "test"}});
        EXPECT_TRUE(answer.contains("result")) << answer;
        tokens[id.value] = answer["result"].value("resume_token", "");
        return id;
    }
    void drop(SessionId id) {
        Outbox out;
        hub->on_close(id, moment(), out);
        take(out);
    }
    void say(SessionId id, std::string_view text) {
        Outbox out;
        hub->on_message(id, text, moment(), out);
        take(out);
    }
    /// A request and its answer, which is taken out of the inbox.
    json call(SessionId id, std::string_view method, json params = json::object()) {
        const int number = ++last_request;
        say(id, json{{"jsonrpc", "2.0"}, {"id", number}, {"method", method}, {"params", std::move(params)}}.dump());
        auto& box = inbox[id.value];
        const auto at = std::ranges::find_if(box, [&](const json& frame) { return frame.contains("id") && frame["id"] == number; });
        if (at == box.end()) return nullptr;
        json answer = *at;
        box.erase(at);
        return answer;
    }
    json join(SessionId id, std::string_view room, std::string_view name, json more = json::object()) {
        json params{{"room", room}, {"peer", {{"name", name}, {"kind", "human"}}}, {"create", true}};
        params.update(more);
        json answer = call(id, "room.join", std::move(params));
        EXPECT_TRUE(answer.contains("result")) << answer;
        return answer["result"];
    }
    /// The next notification, in order.
    json next(SessionId id) {
        auto& box = inbox[id.value];
        if (box.empty()) return nullptr;
        json frame = box.front();
        box.erase(box.begin());
        return frame;
    }
    void clear() { inbox.clear(); }

    static int code(const json& answer) { return answer.is_object() && answer.contains("error") ? answer["error"]["code"].get<int>() : 0; }

    void take(Outbox& out) {
        for (Action& action : out) {
            if (auto* text = std::get_if<SendText>(&action)) {
                EXPECT_FALSE(closed.contains(text->session.value)) << "sent after close: " << text->text;
                const json frame = json::parse(text->text);
                const json& body = frame.contains("result") ? frame["result"] : frame.contains("params") ? frame["params"] : frame;
                if (!frame.contains("error")) {
                    // Every result and notification is numbered, without a gap.
                    EXPECT_EQ(body.at("s").get<std::uint64_t>(), ++counted[text->session.value]) << frame;
                }
                inbox[text->session.value].push_back(frame);
            } else if (const auto* close = std::get_if<CloseSession>(&action)) {
                closed[close->session.value] = close->code;
            } else if (auto* revoke = std::get_if<RevokeCredential>(&action)) {
                revoked.push_back(*revoke);
            } else {
                occurred.push_back(std::get<Occurrence>(action));
            }
        }
    }

    SeededRandom random{20'261'124};
    Instant now{Seconds{1000}};
    WallTime wall = kWall;
    std::optional<Hub> hub;
    std::map<std::uint64_t, std::vector<json>> inbox;
    std::map<std::uint64_t, std::uint64_t> counted;
    std::map<std::uint64_t, CloseCode> closed;
    std::map<std::uint64_t, std::string> tokens;
    std::vector<RevokeCredential> revoked;
    std::vector<Occurrence> occurred;
    std::uint64_t last_session = 0;
    int last_request = 0;
};

}  // namespace turnpike::signaling
