// coturn's STUN library (libturnclient.a of Debian's package) and ours judge the same messages: RFC 5769's
// vectors, every single-byte change of them, and what each of the two writes. turnutils_rfc5769check, which
// does the first of these, is not in Debian's package; this is built on the same functions.
//
// Prints a line per check, "agree" or "DISAGREE"; exits 1 at any of the latter. Built by rfc5769.test.mjs.

#include <cstdio>
#include <cstring>
#include <string>

#include <TurnMsgLib.h>

#include "tests/support/stun_vectors.hpp"
#include "turn/stun/integrity.hpp"
#include "turn/stun/message_builder.hpp"

namespace {

using namespace turnpike;
namespace vectors = test::vectors;

int disagreements = 0;

void check(const std::string& what, bool agree) {
    std::printf("%s: %s\n", agree ? "agree" : "DISAGREE", what.c_str());
    if (!agree) ++disagreements;
}

struct Case {
    const char* name;
    Bytes message;
    bool long_term;
};

const std::uint8_t* text(std::string_view value) { return reinterpret_cast<const std::uint8_t*>(value.data()); }

bool ours(const Case& one, const Bytes& message) {
    const auto view = stun::MessageView::parse(message);  // checks FINGERPRINT too
    if (!view) return false;
    if (!one.long_term) return stun::verify_message_integrity(*view, as_bytes(vectors::kShortTermPassword));
    return stun::verify_message_integrity(*view, stun::long_term_key_md5(vectors::kUsername, vectors::kRealm, vectors::kPassword));
}

bool theirs(const Case& one, Bytes message) {
    int has_fingerprint = 0;
    if (!stun_is_command_message_full_check_str(message.data(), message.size(), 0, &has_fingerprint)) return false;
    const auto kind = one.long_term ? TURN_CREDENTIALS_LONG_TERM : TURN_CREDENTIALS_SHORT_TERM;
    const auto* password = text(one.long_term ? vectors::kPassword : vectors::kShortTermPassword);
    return stun_check_message_integrity_str(kind, message.data(), message.size(), text(vectors::kUsername), text(vectors::kRealm), password, SHATYPE_SHA1) > 0;
}

void judge_vector(const Case& one) {
    check(std::string{one.name} + " is good", ours(one, one.message) && theirs(one, one.message));
    // With any byte changed it is good for neither. What comes after MESSAGE-INTEGRITY is FINGERPRINT's,
    // which coturn does not insist on: there only ours must refuse. With another type (its first two
    // bytes) it is some attribute after MESSAGE-INTEGRITY, which RFC 8489 §14.5 has everybody ignore.
    bool refused = true;
    for (std::size_t at = 0; at < one.message.size(); ++at) {
        Bytes changed = one.message;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0x01);
        const std::size_t fingerprint = one.message.size() - (one.long_term ? 0 : 8);
        const bool after_integrity = at >= fingerprint;
        if (after_integrity && at < fingerprint + 2) continue;
        if (ours(one, changed) || (!after_integrity && theirs(one, changed))) {
            refused = false;
            std::printf("  byte %zu: ours %d, theirs %d\n", at, ours(one, changed), theirs(one, changed));
        }
    }
    check(std::string{one.name} + " with a byte changed is not", refused);
}

void judge_what_we_write() {
    std::array<std::uint8_t, 512> space;
    const stun::TransactionId id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    stun::MessageBuilder builder{space, stun::Class::Request, stun::Method::Allocate, id};
    builder.u8(stun::Attribute::RequestedTransport, stun::kProtocolUdp)
        .text(stun::Attribute::Username, vectors::kUsername)
        .text(stun::Attribute::Realm, vectors::kRealm)
        .text(stun::Attribute::Nonce, "f//499k954d6OL34oL9FSTvy64sA")
        .message_integrity(stun::long_term_key_md5(vectors::kUsername, vectors::kRealm, vectors::kPassword))
        .fingerprint();
    const Case one{"what we write", {builder.bytes().begin(), builder.bytes().end()}, true};
    check("what we write is good for both", ours(one, one.message) && theirs(one, one.message));
    Bytes copy = one.message;
    int has_fingerprint = 0;
    check("and its FINGERPRINT is what coturn computes", stun_is_command_message_full_check_str(copy.data(), copy.size(), 1, &has_fingerprint) != 0 && has_fingerprint != 0);
}

void judge_what_they_write() {
    Bytes message(1024);
    std::size_t size = 0;
    stun_set_binding_request_str(message.data(), &size);
    const auto* nonce = text("f//499k954d6OL34oL9FSTvy64sA");
    const bool written = stun_attr_add_integrity_by_user_str(message.data(), &size, text(vectors::kUsername), text(vectors::kRealm), text(vectors::kPassword), nonce, SHATYPE_SHA1) >= 0 &&
                         stun_attr_add_fingerprint_str(message.data(), &size) >= 0;
    message.resize(size);
    const Case one{"what coturn writes", message, true};
    check("what coturn writes is good for both", written && ours(one, message) && theirs(one, message));
}

}  // namespace

int main() {
    for (const Case& one : {Case{"RFC 5769 §2.1, request", vectors::request(), false}, Case{"RFC 5769 §2.2, IPv4 response", vectors::ipv4_response(), false},
                            Case{"RFC 5769 §2.3, IPv6 response", vectors::ipv6_response(), false}, Case{"RFC 5769 §2.4, long-term request", vectors::long_term_request(), true}}) {
        judge_vector(one);
    }
    judge_what_we_write();
    judge_what_they_write();
    return disagreements == 0 ? 0 : 1;
}
