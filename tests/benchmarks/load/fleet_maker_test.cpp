#include "benchmarks/load/fleet_maker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace turnpike::bench {
namespace {

using testing::HasSubstr;

constexpr Instant kStart{100s};
constexpr WallTime kWall{Milliseconds{1'700'000'000'000}};
constexpr const char* kRealm = "test.example";
constexpr const char* kNonce = "abcdef";

class SeededRandom final : public Random {
public:
    void fill_public(ByteSpan out) noexcept override {
        for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
    }
    void fill_secret(ByteSpan out) noexcept override { fill_public(out); }

private:
    std::mt19937 engine_{1};
};

// Keeps what is sent.
class FakeLink final : public ClientLink {
public:
    std::expected<void, std::string> open(std::uint32_t) override { return {}; }
    void close(std::uint32_t) override {}
    Endpoint local(std::uint32_t client) const override {
        return {IpAddress::v4(0x7F010001 + client), 4000};
    }
    bool reliable() const noexcept override { return false; }
    bool send(std::uint32_t client, ByteView message) override {
        sent.push_back({client, {message.begin(), message.end()}});
        return true;
    }
    void flush() override {}
    std::size_t receive(const OnMessage&) override { return 0; }
    int descriptor() const noexcept override { return -1; }
    std::uint64_t drops() const noexcept override { return 0; }

    struct Sent {
        std::uint32_t client = 0;
        Bytes message;
    };
    std::vector<Sent> sent;
};

class FleetMakerTest : public testing::Test {
protected:
    FleetMakerTest() {
        target_.server = *Endpoint::parse("127.0.0.1:3478");
        target_.username = "alice";
        target_.password = "wonderland";
        key_ = stun::long_term_key_md5("alice", kRealm, "wonderland");
    }
    FleetMaker make(std::uint32_t members, bool relay_to_relay = false) {
        return {link_, target_,
                FleetMaker::Plan{.members = members,
                                 .framing = Framing::Channels,
                                 .relay_to_relay = relay_to_relay,
                                 .peer =
                                     [](std::uint32_t member) {
                                         return Endpoint{IpAddress::v4(0x7F020001 + member), 5000};
                                     },
                                 .family = {}},
                kWall, random_};
    }

    // Takes the oldest request that the link has.
    FakeLink::Sent take() {
        EXPECT_FALSE(link_.sent.empty());
        if (link_.sent.empty()) return {};
        FakeLink::Sent first = std::move(link_.sent.front());
        link_.sent.erase(link_.sent.begin());
        return first;
    }
    static stun::Method method_of(const FakeLink::Sent& sent) {
        return stun::MessageView::parse(sent.message)->method();
    }

    void refuse(FleetMaker& maker, const FakeLink::Sent& request, stun::ErrorCode code,
                const char* nonce = kNonce) {
        const auto view = stun::MessageView::parse(request.message);
        std::array<std::uint8_t, 512> space{};
        stun::MessageBuilder answer{space, stun::Class::Error, view->method(),
                                    view->transaction_id()};
        answer.error(code).text(stun::Attribute::Realm, kRealm).text(stun::Attribute::Nonce, nonce);
        maker.on_message(request.client, answer.bytes(), now_);
    }
    void accept(FleetMaker& maker, const FakeLink::Sent& request, ByteView key,
                std::uint16_t relayed_port = 0) {
        const auto view = stun::MessageView::parse(request.message);
        std::array<std::uint8_t, 512> space{};
        stun::MessageBuilder answer{space, stun::Class::Success, view->method(),
                                    view->transaction_id()};
        if (relayed_port != 0)
            answer.xor_address(stun::Attribute::XorRelayedAddress,
                               {IpAddress::v4(0x7F000001), relayed_port});
        answer.u32(stun::Attribute::Lifetime, 600).message_integrity(key);
        maker.on_message(request.client, answer.bytes(), now_);
    }
    // 401, Allocate, ChannelBind.
    void set_up(FleetMaker& maker, std::uint32_t member) {
        maker.start(member, now_);
        refuse(maker, take(), stun::ErrorCode::Unauthenticated);
        accept(maker, take(), key_, static_cast<std::uint16_t>(20000 + member));
        accept(maker, take(), key_);
    }

    FakeLink link_;
    Target target_;
    SeededRandom random_;
    crypto::Md5 key_{};
    Instant now_ = kStart;
};

TEST_F(FleetMakerTest, ChallengedItAuthenticatesAndOpensItsPeer) {
    FleetMaker maker = make(2);
    Nanoseconds took{};
    maker.on_events({.ready = [&](std::uint32_t, Nanoseconds time) { took = time; },
                     .closed = {},
                     .failed = {}});
    maker.start(1, now_);
    const auto first = take();
    EXPECT_FALSE(stun::MessageView::parse(first.message)->has(stun::Attribute::MessageIntegrity));
    refuse(maker, first, stun::ErrorCode::Unauthenticated);
    const auto second = take();
    const auto view = stun::MessageView::parse(second.message);
    EXPECT_TRUE(stun::verify_message_integrity(*view, key_));
    EXPECT_EQ(as_text(*view->find(stun::Attribute::Nonce)), kNonce);
    accept(maker, second, key_, 20001);
    const auto third = take();
    EXPECT_EQ(method_of(third), stun::Method::ChannelBind);
    EXPECT_FALSE(maker.is_ready(1));
    now_ += 3ms;
    accept(maker, third, key_);
    EXPECT_TRUE(maker.is_ready(1));
    EXPECT_EQ(took, 3ms);
    const FleetMember& member = maker.fleet().members[1];
    EXPECT_EQ(member.client.to_string(), "127.1.0.2:4000");
    EXPECT_EQ(member.relayed.to_string(), "127.0.0.1:20001");
    EXPECT_EQ(member.peer.to_string(), "127.2.0.2:5000");
    EXPECT_EQ(member.channel, 0x4000);
}

TEST_F(FleetMakerTest, ASuccessThatDoesNotProveThePasswordIsNone) {
    FleetMaker maker = make(1);
    maker.start(0, now_);
    refuse(maker, take(), stun::ErrorCode::Unauthenticated);
    const auto request = take();
    accept(maker, request, crypto::Md5{}, 20000);
    EXPECT_TRUE(link_.sent.empty());
    accept(maker, request, key_, 20000);
    EXPECT_EQ(method_of(take()), stun::Method::ChannelBind);
}

TEST_F(FleetMakerTest, AStaleNonceIsReplaced) {
    FleetMaker maker = make(1);
    maker.start(0, now_);
    refuse(maker, take(), stun::ErrorCode::Unauthenticated);
    refuse(maker, take(), stun::ErrorCode::StaleNonce, "fresh");
    EXPECT_EQ(as_text(*stun::MessageView::parse(take().message)->find(stun::Attribute::Nonce)),
              "fresh");
}

TEST_F(FleetMakerTest, ASecond401IsAFailure) {
    FleetMaker maker = make(1);
    maker.start(0, now_);
    refuse(maker, take(), stun::ErrorCode::Unauthenticated);
    refuse(maker, take(), stun::ErrorCode::Unauthenticated);
    EXPECT_EQ(maker.failures().total(), 1U);
    EXPECT_THAT(maker.failures().to_string(), HasSubstr("1 × Allocate: 401"));
    EXPECT_EQ(maker.in_flight(), 0U);
}

TEST_F(FleetMakerTest, FailuresAreCountedByKindAndExplained) {
    FleetMaker maker = make(3);
    for (std::uint32_t i = 0; i < 3; ++i) {
        maker.start(i, now_);
        refuse(maker, take(), stun::ErrorCode::Unauthenticated);
        refuse(maker, take(), stun::ErrorCode::AllocationQuotaReached);
    }
    EXPECT_THAT(maker.failures().to_string(), HasSubstr("3 × Allocate: 486"));
    EXPECT_THAT(maker.failures().to_string(), HasSubstr("quota.per_user"));
}

// RFC 8489 §6.2.1: after 500 ms, then doubled, seven times in all; the last one waits 16 RTO.
TEST_F(FleetMakerTest, RetransmitsAsTheRfcSaysAndGivesUp) {
    FleetMaker maker = make(1);
    maker.start(0, now_);
    const Bytes first = take().message;
    std::vector<std::int64_t> at;
    for (; maker.failures().total() == 0 && now_ < kStart + 60s; now_ += 10ms) {
        maker.tick(now_);
        if (link_.sent.empty()) continue;
        EXPECT_EQ(take().message, first);
        at.push_back(std::chrono::duration_cast<Milliseconds>(now_ - kStart).count());
    }
    EXPECT_EQ(at, (std::vector<std::int64_t>{500, 1500, 3500, 7500, 15500, 31500}));
    EXPECT_NEAR(std::chrono::duration<double>(now_ - kStart).count(), 39.5, 0.05);
    EXPECT_THAT(maker.failures().to_string(), HasSubstr("no answer after 7 tries"));
    EXPECT_EQ(maker.retransmissions(), 6U);
}

TEST_F(FleetMakerTest, RefreshesAllocationAndChannelBeforeTheyEnd) {
    FleetMaker maker = make(1);
    set_up(maker, 0);
    maker.tick(kStart + 239s);
    EXPECT_TRUE(link_.sent.empty());
    now_ = kStart + 240s;
    maker.tick(now_);
    auto bind = take();
    EXPECT_EQ(method_of(bind), stun::Method::ChannelBind);
    accept(maker, bind, key_);
    now_ = kStart + 480s;
    maker.tick(now_);
    accept(maker, take(), key_);
    now_ = kStart + 540s;
    maker.tick(now_);
    const auto refresh = take();
    EXPECT_EQ(method_of(refresh), stun::Method::Refresh);
    EXPECT_FALSE(stun::MessageView::parse(refresh.message)->has(stun::Attribute::Lifetime));
    EXPECT_TRUE(maker.is_ready(0));
}

TEST_F(FleetMakerTest, EndsAnAllocationAndCanMakeItAnew) {
    FleetMaker maker = make(1);
    set_up(maker, 0);
    bool closed = false;
    maker.on_events(
        {.ready = {}, .closed = [&](std::uint32_t, Nanoseconds) { closed = true; }, .failed = {}});
    maker.close(0, now_);
    EXPECT_EQ(maker.ready(), 0U);
    const auto request = take();
    EXPECT_EQ(stun::decode_lifetime(
                  *stun::MessageView::parse(request.message)->find(stun::Attribute::Lifetime)),
              0U);
    accept(maker, request, key_);
    EXPECT_TRUE(closed);
    now_ += 1s;
    set_up(maker, 0);
    EXPECT_TRUE(maker.is_ready(0));
    // What the first life had to do is void.
    maker.tick(kStart + 240s);
    EXPECT_TRUE(link_.sent.empty());
}

TEST_F(FleetMakerTest, RelayToRelayWaitsForTheOther) {
    FleetMaker maker = make(2, true);
    for (std::uint32_t i = 0; i < 2; ++i) {
        EXPECT_TRUE(link_.sent.empty());
        maker.start(i, now_);
        refuse(maker, take(), stun::ErrorCode::Unauthenticated);
        accept(maker, take(), key_, static_cast<std::uint16_t>(20000 + i));
    }
    ASSERT_EQ(link_.sent.size(), 2U);
    accept(maker, take(), key_);
    accept(maker, take(), key_);
    EXPECT_EQ(maker.ready(), 2U);
    EXPECT_EQ(maker.fleet().members[0].peer, maker.fleet().members[1].relayed);
    EXPECT_EQ(maker.fleet().members[1].peer, maker.fleet().members[0].relayed);
}

}  // namespace
}  // namespace turnpike::bench
