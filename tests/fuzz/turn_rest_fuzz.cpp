// rooms: common/crypto common/base
//
// TURN REST usernames: the grammar, and that what is parsed, minted again and parsed again stays.

#include <algorithm>

#include "common/crypto/base64.hpp"
#include "common/crypto/turn_rest.hpp"
#include "tests/support/fuzz_check.hpp"

using namespace turnpike;
using namespace turnpike::crypto;

namespace {

// [0-9]{1,10} ( ':' without control characters )?, at most 508 bytes.
bool is_username(std::string_view text) {
    if (text.size() > 508) return false;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    if (digits == 0 || digits > 10) return false;
    if (digits < text.size() && text[digits] != ':') return false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text(ByteView{data, size});
    const auto name = RestUsername::parse(text);
    FUZZ_CHECK(name.has_value() == is_username(text));
    if (const auto bytes = from_base64(text)) FUZZ_CHECK(base64(*bytes) == text);
    if (!name) return 0;

    const std::int64_t expiry = unix_seconds(name->expires_at);
    FUZZ_CHECK(expiry >= 0 && expiry <= 9'999'999'999);
    FUZZ_CHECK(text.ends_with(name->rest) && name->rest.starts_with(name->subject));
    FUZZ_CHECK(name->subject.find(';') == std::string_view::npos);
    const auto limits = name->capability();
    const std::string_view kid = name->kid();
    FUZZ_CHECK(name->rest.find(kid) != std::string_view::npos);
    if (!limits) return 0;

    const RestSecret secret{std::string{kid}, Secret{std::string_view{"a secret of this target"}},
                            RestSecret::Algorithm::HmacSha1, true};
    const auto minted = mint(secret, name->subject, *limits, name->expires_at);
    if (!minted) {
        FUZZ_CHECK(name->subject.size() > 100);  // too long for 200 bytes: the one reason left
        return 0;
    }
    FUZZ_CHECK(minted->username.size() <= 200 && minted->expires_at == name->expires_at);
    const auto again = RestUsername::parse(minted->username);
    FUZZ_CHECK(again && again->expires_at == name->expires_at && again->subject == name->subject);
    FUZZ_CHECK(again->kid() == kid && again->capability() == *limits);
    const auto twice = mint(secret, again->subject, *again->capability(), again->expires_at);
    FUZZ_CHECK(twice && twice->username == minted->username && twice->password == minted->password);
    return 0;
}
