// rooms: turn/stun common/crypto common/base
//
// MessageView::parse at every alignment, against a second parser written from RFC 8489 §14 alone;
// and what the builder makes of a parsed message reads back the same.

#include <algorithm>
#include <array>
#include <vector>

#include "tests/support/fuzz_check.hpp"
#include "turn/stun/attributes.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"
#include "turn/stun/message_view.hpp"

using namespace turnpike;
using namespace turnpike::stun;

namespace {

struct Tlv {
    std::uint16_t type;
    ByteView value;
    bool operator==(const Tlv& other) const { return type == other.type && std::ranges::equal(value, other.value); }
};
using Tlvs = std::vector<Tlv>;

constexpr std::uint16_t kIntegrity = 0x0008, kIntegritySha256 = 0x001C, kFingerprint = 0x8028;

// The slow reading: all attributes first, then what integrity leaves visible.
std::optional<Tlvs> reference(ByteView message) {
    if (message.size() < 20 || message[0] >= 0x40) return {};
    if (message[4] != 0x21 || message[5] != 0x12 || message[6] != 0xA4 || message[7] != 0x42) return {};
    if (message.size() % 4 != 0 || message.size() - 20 != std::size_t{message[2]} * 256 + message[3]) return {};
    Tlvs all;
    ByteView rest = message.subspan(20);
    while (!rest.empty()) {
        const std::size_t size = std::size_t{rest[2]} * 256 + rest[3];
        const std::size_t whole = 4 + (size + 3) / 4 * 4;
        if (whole > rest.size()) return {};
        all.push_back({static_cast<std::uint16_t>(rest[0] * 256 + rest[1]), rest.subspan(4, size)});
        rest = rest.subspan(whole);
    }
    if (all.size() > 64) return {};
    for (const Tlv& each : all) {
        if (each.type != kFingerprint) continue;
        if (&each != &all.back() || each.value.size() != 4) return {};
        std::uint32_t crc = 0xFFFFFFFF;  // bit by bit
        for (const std::uint8_t byte : message.first(message.size() - 8)) {
            crc ^= byte;
            for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320U & (0U - (crc & 1)));
        }
        if ((~crc ^ 0x5354554EU) != load_u32(each.value, 0)) return {};
    }
    // RFC 8489 §14.5, §14.6
    Tlvs seen;
    auto end = std::ranges::find(all, kIntegritySha256, &Tlv::type);
    const auto integrity = std::find_if(all.begin(), end, [](const Tlv& each) { return each.type == kIntegrity; });
    seen.assign(all.begin(), integrity == end ? end : integrity + 1);
    if (end != all.end()) seen.push_back(*end);
    if (!all.empty() && all.back().type == kFingerprint && (seen.empty() || !(seen.back() == all.back()))) {
        seen.push_back(all.back());
    }
    return seen;
}

Tlvs attributes_of(const MessageView& view) {
    Tlvs seen;
    view.for_each([&](std::uint16_t type, ByteView value) { seen.push_back({type, value}); });
    return seen;
}

void decode_everything(const MessageView& view, ByteView value) {
    if (const auto endpoint = decode_address(value)) FUZZ_CHECK(value.size() == (endpoint->address.is_v4() ? 8U : 20U));
    if (const auto endpoint = decode_xor_address(value, view.transaction_id())) {
        std::array<std::uint8_t, 64> space;
        MessageBuilder again{space, Class::Success, Method::Binding, view.transaction_id()};
        again.xor_address(Attribute::XorMappedAddress, *endpoint);
        FUZZ_CHECK(again.ok() && std::ranges::equal(again.bytes().subspan(25), value.subspan(1)));
    }
    (void)decode_lifetime(value);
    (void)decode_u64(value);
    (void)decode_channel_number(value);
    (void)decode_requested_transport(value);
    (void)decode_address_family(value);
    (void)decode_even_port(value);
    (void)decode_icmp(value);
    if (const auto error = decode_error(value)) FUZZ_CHECK(error->code >= 300 && error->code <= 699);
    if (const auto error = decode_address_error(value)) FUZZ_CHECK(error->code >= 300 && error->code <= 699);
    (void)decode_password_algorithm(value);
    ByteView rest = value;
    std::size_t entries = 0;
    while (next_password_algorithm(rest)) FUZZ_CHECK(++entries <= value.size() / 4);
}

Bytes rebuilt(const MessageView& view) {
    Bytes space(view.bytes().size());
    MessageBuilder builder{space, view.message_class(), view.method(), view.transaction_id()};
    view.for_each([&](std::uint16_t type, ByteView value) {
        if (type == kFingerprint) {
            builder.fingerprint();
        } else {
            builder.raw(type, value);
        }
    });
    FUZZ_CHECK(builder.ok());
    return {builder.bytes().begin(), builder.bytes().end()};
}

void check(ByteView message) {
    const auto want = reference(message);
    const auto view = MessageView::parse(message);
    FUZZ_CHECK(view.has_value() == want.has_value());
    if (!view) return;

    const Tlvs seen = attributes_of(*view);
    FUZZ_CHECK(seen == *want);
    for (const Tlv& each : seen) {
        const auto first = std::ranges::find(seen, each.type, &Tlv::type);
        const auto found = view->find(static_cast<Attribute>(each.type));
        FUZZ_CHECK(found && found->data() == first->value.data() && found->size() == first->value.size());
        decode_everything(*view, each.value);
    }
    FUZZ_CHECK(!view->has(static_cast<Attribute>(0x7ACE)) || std::ranges::count(seen, 0x7ACE, &Tlv::type) > 0);

    const Bytes once = rebuilt(*view);
    const auto again = MessageView::parse(once);
    FUZZ_CHECK(again && again->message_class() == view->message_class() && again->method() == view->method());
    FUZZ_CHECK(again->transaction() == view->transaction());
    Tlvs twice = attributes_of(*again);
    FUZZ_CHECK(twice.size() == seen.size());
    for (std::size_t i = 0; i < seen.size(); ++i) FUZZ_CHECK(seen[i].type == kFingerprint || seen[i] == twice[i]);
    FUZZ_CHECK(rebuilt(*again) == once);
}

// Header, length and FINGERPRINT put right, which a fuzzer would not guess.
Bytes repaired(ByteView input) {
    Bytes message(input.begin(), input.end());
    message.resize(std::clamp<std::size_t>(message.size() / 4 * 4, kHeaderSize, kHeaderSize + 0xFFFC));
    message[0] &= 0x3F;
    store_u16(message, 2, static_cast<std::uint16_t>(message.size() - kHeaderSize));
    store_u32(message, 4, kMagicCookie);
    if (const std::size_t at = message.size() - 8; at >= kHeaderSize && load_u32(message, at) == 0x80280004) {
        store_u32(message, at + 4, fingerprint_of(ByteView{message}.first(at)));
    }
    return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{data, size};
    check(input);
    check(repaired(input));

    // check() above read the fuzzer's own block, whose end ASan guards; here it is UBSan that looks.
    const bool good = MessageView::parse(input).has_value();
    Bytes room(size + 7);
    for (std::size_t offset = 0; offset < 8; ++offset) {
        std::copy(input.begin(), input.end(), room.begin() + static_cast<std::ptrdiff_t>(offset));
        const auto view = MessageView::parse(ByteView{room}.subspan(offset, size));
        FUZZ_CHECK(view.has_value() == good);
        if (view) view->for_each([](std::uint16_t, ByteView value) { (void)decode_u64(value); });
    }
    return 0;
}
