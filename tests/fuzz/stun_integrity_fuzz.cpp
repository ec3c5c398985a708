// rooms: turn/stun common/crypto common/base
//
// MESSAGE-INTEGRITY and -SHA256: accepted under a fixed key exactly when a second computation says
// that they are genuine; and no message that the builder signed survives the flip of a covered bit.

#include <algorithm>
#include <array>

#include "tests/support/fuzz_check.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

using namespace turnpike;
using namespace turnpike::stun;

namespace {

constexpr std::array<std::uint8_t, 16> kKey = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

// The message cut before the attribute, its length field set as if it ended with it (§14.5).
Bytes covered(const MessageView& view, std::size_t at, std::size_t value_size) {
    Bytes message(view.bytes().begin(), view.bytes().begin() + static_cast<std::ptrdiff_t>(at));
    store_u16(message, 2, static_cast<std::uint16_t>(at + 4 + value_size - kHeaderSize));
    return message;
}

bool genuine(const MessageView& view) {
    const auto at = view.offset_of(Attribute::MessageIntegrity);
    if (!at || view.value_at(*at).size() != 20) return false;
    return std::ranges::equal(crypto::hmac_sha1(kKey, {covered(view, *at, 20)}), view.value_at(*at));
}

bool genuine_sha256(const MessageView& view) {
    const auto at = view.offset_of(Attribute::MessageIntegritySha256);
    if (!at) return false;
    const ByteView value = view.value_at(*at);
    if (value.size() < 16 || value.size() > 32 || value.size() % 4 != 0) return false;
    const auto mac = crypto::hmac_sha256(kKey, {covered(view, *at, value.size())});
    return std::equal(value.begin(), value.end(), mac.begin());
}

void check_as_it_is(ByteView input) {
    const auto view = MessageView::parse(input);
    if (!view) return;
    FUZZ_CHECK(verify_message_integrity(*view, kKey) == genuine(*view));
    FUZZ_CHECK(verify_message_integrity_sha256(*view, kKey) == genuine_sha256(*view));
}

// What is in the input, signed by us: genuine, and with any covered bit flipped not.
void check_signed(ByteView input) {
    const auto view = MessageView::parse(input);
    if (!view) return;
    Bytes space(input.size() + 128);
    MessageBuilder builder{space, view->message_class(), view->method(), view->transaction_id()};
    const bool sha256 = (input.back() & 1) != 0, fingerprint = (input.back() & 2) != 0;
    view->for_each([&](std::uint16_t type, ByteView value) {
        const auto attribute = static_cast<Attribute>(type);
        if (attribute == Attribute::MessageIntegrity || attribute == Attribute::MessageIntegritySha256 ||
            attribute == Attribute::Fingerprint) {
            return;
        }
        builder.raw(type, value);
    });
    if (sha256) {
        builder.message_integrity_sha256(kKey);
    } else {
        builder.message_integrity(kKey);
    }
    if (!builder.ok()) return;  // at the end of the length field
    const std::size_t end = builder.bytes().size();
    if (fingerprint) builder.fingerprint();
    if (!builder.ok()) return;
    Bytes message(builder.bytes().begin(), builder.bytes().end());
    const auto verifies = [&] {
        const auto seen = MessageView::parse(message);
        return seen && (sha256 ? verify_message_integrity_sha256(*seen, kKey) : verify_message_integrity(*seen, kKey));
    };

    const auto good = MessageView::parse(message);
    if (!good) {
        FUZZ_CHECK(good.error() == ParseError::TooManyAttributes);
        return;
    }
    FUZZ_CHECK(verifies());
    const std::size_t bit = crypto::md5({input})[0] * 256U + crypto::md5({input})[1];
    const std::size_t flipped = bit % (end * 8);
    message[flipped / 8] ^= static_cast<std::uint8_t>(1U << (flipped % 8));
    // FINGERPRINT would refuse it first: made to agree, so that the HMAC has to.
    if (fingerprint) store_u32(message, end + 4, fingerprint_of(ByteView{message}.first(end)));
    FUZZ_CHECK(!verifies());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input{data, size};
    check_as_it_is(input);

    if (size < kHeaderSize) return 0;
    Bytes message(data, data + std::min(size / 4 * 4, kHeaderSize + std::size_t{0xFFFC}));
    message[0] &= 0x3F;
    store_u16(message, 2, static_cast<std::uint16_t>(message.size() - kHeaderSize));
    store_u32(message, 4, kMagicCookie);
    check_as_it_is(message);
    check_signed(message);
    return 0;
}
