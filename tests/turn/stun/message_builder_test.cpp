#include "turn/stun/message_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <random>

#include "tests/support/hex.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"

namespace turnpike::stun {
namespace {

constexpr TransactionId kId = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes kKey = {'k', 'e', 'y'};

struct Step {
    const char* name;
    std::function<void(MessageBuilder&)> run;
};

// One of everything, in an order that a message may have.
const std::vector<Step>& steps() {
    static const std::array<std::uint16_t, 3> unknown = {0x7001, 0x7002, 0x7003};
    static const std::array<PasswordAlgorithm, 2> algorithms = {PasswordAlgorithm::Sha256, PasswordAlgorithm::Md5};
    static const std::vector<Step> all = {
        {"raw", [](MessageBuilder& b) { b.raw(0x7FFF, Bytes(5, 0x77)); }},
        {"text", [](MessageBuilder& b) { b.text(Attribute::Realm, "example.org"); }},
        {"flag", [](MessageBuilder& b) { b.flag(Attribute::DontFragment); }},
        {"u8", [](MessageBuilder& b) { b.u8(Attribute::RequestedTransport, kProtocolUdp); }},
        {"u16", [](MessageBuilder& b) { b.u16(Attribute::ChannelNumber, 0x4001); }},
        {"u32", [](MessageBuilder& b) { b.u32(Attribute::Lifetime, 600); }},
        {"u64", [](MessageBuilder& b) { b.u64(Attribute::ReservationToken, 0x0102030405060708); }},
        {"address", [](MessageBuilder& b) { b.address(Attribute::AlternateServer, *Endpoint::parse("192.0.2.7:3478")); }},
        {"xor v4", [](MessageBuilder& b) { b.xor_address(Attribute::XorMappedAddress, *Endpoint::parse("192.0.2.1:1")); }},
        {"xor v6", [](MessageBuilder& b) { b.xor_address(Attribute::XorRelayedAddress, *Endpoint::parse("[2001:db8::1]:65535")); }},
        {"error", [](MessageBuilder& b) { b.error(ErrorCode::StaleNonce); }},
        {"unknown", [](MessageBuilder& b) { b.unknown_attributes(unknown); }},
        {"algorithm", [](MessageBuilder& b) { b.password_algorithm(PasswordAlgorithm::Md5); }},
        {"algorithms", [](MessageBuilder& b) { b.password_algorithms(algorithms); }},
        {"address error", [](MessageBuilder& b) { b.address_error(Family::V6, ErrorCode::AddressFamilyNotSupported); }},
        {"icmp", [](MessageBuilder& b) { b.icmp(3, 4, 1500); }},
        {"integrity", [](MessageBuilder& b) { b.message_integrity(kKey); }},
        {"integrity sha256", [](MessageBuilder& b) { b.message_integrity_sha256(kKey); }},
        {"fingerprint", [](MessageBuilder& b) { b.fingerprint(); }},
    };
    return all;
}

Bytes build_all(std::size_t room) {
    Bytes space(room, 0xAA);
    MessageBuilder builder{space, Class::Error, Method::Allocate, kId};
    for (const Step& step : steps()) step.run(builder);
    return {builder.bytes().begin(), builder.bytes().end()};
}

TEST(MessageBuilder, WritesWhatTheViewReads) {
    const Bytes bytes = build_all(1024);
    const auto view = MessageView::parse(bytes);
    ASSERT_TRUE(view);

    EXPECT_EQ(view->message_class(), Class::Error);
    EXPECT_EQ(view->method(), Method::Allocate);
    EXPECT_EQ(view->transaction(), kId);
    EXPECT_EQ(as_text(view->find(Attribute::Realm).value()), "example.org");
    EXPECT_TRUE(view->find(Attribute::DontFragment)->empty());
    EXPECT_EQ(decode_requested_transport(view->find(Attribute::RequestedTransport).value()), kProtocolUdp);
    EXPECT_EQ(decode_channel_number(view->find(Attribute::ChannelNumber).value()), 0x4001);
    EXPECT_EQ(decode_lifetime(view->find(Attribute::Lifetime).value()), 600U);
    EXPECT_EQ(decode_u64(view->find(Attribute::ReservationToken).value()), 0x0102030405060708U);
    EXPECT_EQ(decode_address(view->find(Attribute::AlternateServer).value()), Endpoint::parse("192.0.2.7:3478"));
    EXPECT_EQ(decode_xor_address(view->find(Attribute::XorMappedAddress).value(), view->transaction_id()), Endpoint::parse("192.0.2.1:1"));
    EXPECT_EQ(decode_xor_address(view->find(Attribute::XorRelayedAddress).value(), view->transaction_id()),
              Endpoint::parse("[2001:db8::1]:65535"));
    EXPECT_EQ(decode_error(view->find(Attribute::ErrorCode).value())->code, 438);
    EXPECT_EQ(decode_error(view->find(Attribute::ErrorCode).value())->reason, "Stale Nonce");
    const ByteView unknown = view->find(Attribute::UnknownAttributes).value();
    EXPECT_EQ(Bytes(unknown.begin(), unknown.end()), test::from_hex("7001 7002 7003"));
    EXPECT_EQ(decode_password_algorithm(view->find(Attribute::PasswordAlgorithm).value())->algorithm, 1);
    const ByteView algorithms = view->find(Attribute::PasswordAlgorithms).value();
    EXPECT_EQ(Bytes(algorithms.begin(), algorithms.end()), test::from_hex("00020000 00010000"));
    EXPECT_EQ(decode_address_error(view->find(Attribute::AddressErrorCode).value())->family, 2);
    EXPECT_EQ(decode_address_error(view->find(Attribute::AddressErrorCode).value())->code, 440);
    EXPECT_EQ(decode_icmp(view->find(Attribute::Icmp).value())->data, 1500U);
    EXPECT_TRUE(verify_message_integrity(*view, kKey));
    EXPECT_TRUE(verify_message_integrity_sha256(*view, kKey));
    EXPECT_TRUE(view->has(Attribute::Fingerprint));
}

// RFC 8489 §5, figure 3
TEST(MessageBuilder, WritesTheTypeOfEachClassAndMethod) {
    for (unsigned method = 0; method <= 0xFFF; method += 7) {
        for (const Class c : {Class::Request, Class::Indication, Class::Success, Class::Error}) {
            std::array<std::uint8_t, kHeaderSize> space;
            MessageBuilder builder{space, c, static_cast<Method>(method), kId};
            ASSERT_TRUE(builder.ok());
            const auto view = MessageView::parse(builder.bytes());
            ASSERT_TRUE(view);
            EXPECT_EQ(view->message_class(), c);
            EXPECT_EQ(static_cast<unsigned>(view->method()), method);
        }
    }
}

TEST(MessageBuilder, IsAWholeMessageAfterEveryStep) {
    Bytes space(1024, 0xAA);
    MessageBuilder builder{space, Class::Request, Method::Allocate, kId};
    EXPECT_TRUE(MessageView::parse(builder.bytes()));
    for (const Step& step : steps()) {
        step.run(builder);
        EXPECT_TRUE(MessageView::parse(builder.bytes())) << step.name;
    }
}

// Into every size of room that is too small: it fails, says so, and writes nothing past the end.
TEST(MessageBuilder, FailsForGoodWhenTheRoomIsTooSmall) {
    const std::size_t whole = build_all(1024).size();
    for (std::size_t room = 0; room < whole; ++room) {
        Bytes space(room + 64, 0xAA);
        MessageBuilder builder{ByteSpan{space}.first(room), Class::Error, Method::Allocate, kId};
        for (const Step& step : steps()) step.run(builder);
        EXPECT_FALSE(builder.ok()) << room;
        EXPECT_TRUE(builder.bytes().empty()) << room;
        EXPECT_TRUE(std::all_of(space.begin() + static_cast<std::ptrdiff_t>(room), space.end(), [](std::uint8_t b) { return b == 0xAA; }))
            << room;
    }
    EXPECT_EQ(build_all(whole).size(), whole) << "and the exact size is enough";
}

TEST(MessageBuilder, EachStepFailsOneByteShort) {
    for (const Step& step : steps()) {
        Bytes measure(512);
        MessageBuilder alone{measure, Class::Request, Method::Binding, kId};
        step.run(alone);
        const std::size_t size = alone.bytes().size();
        for (std::size_t room = kHeaderSize; room <= size; ++room) {
            Bytes space(room);
            MessageBuilder builder{space, Class::Request, Method::Binding, kId};
            step.run(builder);
            EXPECT_EQ(builder.ok(), room == size) << step.name << " in " << room;
            // A later, smaller attribute does not revive it.
            builder.flag(Attribute::DontFragment);
            EXPECT_FALSE(builder.ok());
        }
    }
}

TEST(MessageBuilder, RefusesATransactionIdOfTheWrongSize) {
    std::array<std::uint8_t, 64> space;
    EXPECT_FALSE((MessageBuilder{space, Class::Request, Method::Binding, ByteView{kId}.first(11)}.ok()));
    EXPECT_FALSE((MessageBuilder{space, Class::Request, Method::Binding, {}}.ok()));
}

// The length field ends at 0xFFFC: no attribute makes it wrap.
TEST(MessageBuilder, RefusesWhatTheLengthFieldCannotSay) {
    Bytes space(200'000);
    for (const std::size_t size : {0xFFF8, 0xFFF9, 0xFFFC, 0xFFFF, 0x10000, 0x10004, 0x1FFFC}) {
        MessageBuilder builder{space, Class::Request, Method::Binding, kId};
        builder.bytes(Attribute::Data, Bytes(static_cast<std::size_t>(size)));
        EXPECT_EQ(builder.ok(), size == 0xFFF8) << size;
    }
    MessageBuilder builder{space, Class::Request, Method::Binding, kId};
    builder.bytes(Attribute::Data, Bytes(0xFFF0));
    ASSERT_TRUE(builder.ok());
    builder.u32(Attribute::Lifetime, 1);
    EXPECT_TRUE(builder.ok());
    EXPECT_TRUE(MessageView::parse(builder.bytes()));
    builder.flag(Attribute::DontFragment);
    EXPECT_FALSE(builder.ok());
}

// CVE-2020-4067 was padding that showed what the buffer held before.
TEST(MessageBuilder, PadsWithZeroes) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    Bytes space(1500);
    for (int round = 0; round < 2000; ++round) {
        std::ranges::fill(space, 0xAA);
        MessageBuilder builder{space, Class::Request, Method::Binding, kId};
        for (unsigned attributes = random() % 8; attributes > 0; --attributes) {
            builder.bytes(Attribute::Software, Bytes(random() % 40, 0x55));
        }
        ASSERT_TRUE(builder.ok());
        EXPECT_EQ(std::ranges::count(builder.bytes(), 0xAA), 0);
        const auto view = MessageView::parse(builder.bytes());
        ASSERT_TRUE(view);
        view->for_each([&](std::uint16_t, ByteView value) {
            const std::uint8_t* end = value.data() + value.size();
            for (std::size_t i = 0; (value.size() + i) % 4 != 0; ++i) EXPECT_EQ(end[i], 0);
        });
    }
}

TEST(MessageBuilder, ReservedBytesAreZero) {
    Bytes space(256, 0xAA);
    MessageBuilder builder{space, Class::Request, Method::Binding, kId};
    builder.u8(Attribute::RequestedTransport, 17).u16(Attribute::ChannelNumber, 0x4001);
    builder.address(Attribute::MappedAddress, *Endpoint::parse("192.0.2.1:1")).error(ErrorCode::BadRequest, "");
    builder.icmp(3, 1, 0).address_error(Family::V4, ErrorCode::InsufficientCapacity);
    EXPECT_TRUE(builder.ok());
    EXPECT_EQ(std::ranges::count(builder.bytes(), 0xAA), 0);
}

TEST(MessageBuilder, AnErrorMayHaveItsOwnPhrase) {
    std::array<std::uint8_t, 128> space;
    MessageBuilder builder{space, Class::Error, Method::Allocate, kId};
    builder.error(ErrorCode::TryAlternate, "elsewhere");
    const auto view = MessageView::parse(builder.bytes());
    ASSERT_TRUE(view);
    const auto error = decode_error(view->find(Attribute::ErrorCode).value());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, 300);
    EXPECT_EQ(error->reason, "elsewhere");
}

}  // namespace
}  // namespace turnpike::stun
