#pragma once

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <thread>

#include "common/base/system_clock.hpp"
#include "signaling/net/web_server.hpp"
#include "tests/signaling/net/web_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace turnpike::signaling {

/// Bytes whose values do not matter here.
class CountingRandom final : public Random {
public:
    void fill_public(ByteSpan out) noexcept override { fill(out); }
    void fill_secret(ByteSpan out) noexcept override { fill(out); }

private:
    void fill(ByteSpan out) noexcept {
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>((state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
    }
    std::uint64_t state_ = 4711;
};

/// A web server with a hub on a thread of its own, port 0.
class WebFixture : public ::testing::Test, public WebApplication {
protected:
    WebFixture() {
        web_config.address = *Endpoint::parse("127.0.0.1:0");
        web_config.root = directory.path();
        hub_config.limits.exempt = {*Cidr::parse("127.0.0.0/8")};
        hub_config.ice.room_tag_key = Secret{std::string_view{"room-tag-key"}};
    }
    ~WebFixture() override { stop(); }

    void start() {
        hub.emplace(hub_config, random);
        auto opened = WebServer::open(*loop, web_config, *hub, clock, *this);
        ASSERT_TRUE(opened) << opened.error();
        server = *std::move(opened);
        address = server->address();
        thread = std::thread{[this] { loop->run(); }};
    }
    void stop() {
        if (!thread.joinable()) return;
        loop->stop();
        thread.join();
        server.reset();
        loop.reset();
    }
    /// Runs on the loop's thread and waits.
    template <typename Work>
    auto inside(Work work) {
        std::promise<decltype(work())> promise;
        auto value = promise.get_future();
        loop->post([&] { promise.set_value(work()); });
        return value.get();
    }
    /// Asks inside until it is so.
    template <typename Condition>
    bool eventually(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < end) {
            if (inside(condition)) return true;
        }
        return false;
    }

    bool on_http(const HttpRequest& request, Reply reply) override {
        if (request.path == "/echo") {
            json seen{{"method", request.method}, {"body", request.body}, {"authorization", request.authorization},
                      {"client", request.client.to_string()}, {"query", request.query}};
            reply({201, seen.dump(), "application/json", {{"X-Own", "1"}}});
            return true;
        }
        if (request.path == "/later") {
            loop->post([reply] { reply({200, "later", "text/plain", {}}); });
            return true;
        }
        return request.path == "/never";
    }
    void on_action(const Action&) override {}

    TempDir directory;
    WebConfig web_config;
    HubConfig hub_config;
    CountingRandom random;
    SystemClock clock;
    std::unique_ptr<IoLoop> loop = std::make_unique<IoLoop>();
    std::optional<Hub> hub;
    std::unique_ptr<WebServer> server;
    Endpoint address;
    std::thread thread;
};

}  // namespace turnpike::signaling
