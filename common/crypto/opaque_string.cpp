#include "common/crypto/opaque_string.hpp"

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common/crypto/freed.hpp"

namespace turnpike::crypto {
namespace {

using CodePoints = std::vector<ucs4_t>;

template <typename T>
using Mallocated = std::unique_ptr<T, Freed<std::free>>;

std::optional<CodePoints> decode(std::string_view text) {
    const auto* at = reinterpret_cast<const std::uint8_t*>(text.data());
    std::size_t left = text.size();
    CodePoints points;
    points.reserve(left);
    while (left > 0) {
        ucs4_t point = 0;
        const int used = u8_mbtoucr(&point, at, left);
        if (used <= 0) return {};
        points.push_back(point);
        at += used;
        left -= static_cast<std::size_t>(used);
    }
    return points;
}

bool in_script(ucs4_t point, std::initializer_list<const char*> names) {
    const uc_script_t* const script = uc_script(point);
    return script != nullptr &&
           std::ranges::any_of(names, [&](std::string_view name) { return name == script->name; });
}

constexpr bool between(ucs4_t point, ucs4_t first, ucs4_t last) {
    return point >= first && point <= last;
}

// RFC 5892 appendix A.1: a zero width non-joiner between letters that would join.
bool joins_around(const CodePoints& text, std::size_t at) {
    std::size_t before = at;
    while (before > 0 && uc_joining_type(text[before - 1]) == UC_JOINING_TYPE_T) --before;
    std::size_t after = at + 1;
    while (after < text.size() && uc_joining_type(text[after]) == UC_JOINING_TYPE_T) ++after;
    if (before == 0 || after == text.size()) return false;
    const int left = uc_joining_type(text[before - 1]), right = uc_joining_type(text[after]);
    return (left == UC_JOINING_TYPE_L || left == UC_JOINING_TYPE_D) &&
           (right == UC_JOINING_TYPE_R || right == UC_JOINING_TYPE_D);
}

// The contextual rules, appendix A; nothing for a code point that has none.
std::optional<bool> allowed_in_context(const CodePoints& text, std::size_t at) {
    const ucs4_t point = text[at];
    const ucs4_t before = at > 0 ? text[at - 1] : 0,
                 after = at + 1 < text.size() ? text[at + 1] : 0;
    const auto any = [&](auto&& which) { return std::ranges::any_of(text, which); };
    const bool behind_virama = at > 0 && uc_combining_class(before) == UC_CCC_VR;
    switch (point) {
        case 0x200C:
            return behind_virama || joins_around(text, at);  // A.1
        case 0x200D:
            return behind_virama;  // A.2
        case 0x00B7:
            return before == 'l' && after == 'l';  // A.3, middle dot
        case 0x0375:
            return at + 1 < text.size() && in_script(after, {"Greek"});  // A.4
        case 0x05F3:
        case 0x05F4:
            return at > 0 && in_script(before, {"Hebrew"});  // A.5, A.6
        case 0x30FB:                                         // A.7, katakana middle dot
            return any([](ucs4_t p) { return in_script(p, {"Hiragana", "Katakana", "Han"}); });
        default:
            break;
    }
    // A.8, A.9: two sets of digits that look alike must not meet.
    if (between(point, 0x0660, 0x0669))
        return !any([](ucs4_t p) { return between(p, 0x06F0, 0x06F9); });
    if (between(point, 0x06F0, 0x06F9))
        return !any([](ucs4_t p) { return between(p, 0x0660, 0x0669); });
    return {};
}

// RFC 5892 §2.6: what the rules alone would decide otherwise.
std::optional<bool> exception(ucs4_t point) {
    switch (point) {
        case 0x00DF:
        case 0x03C2:
        case 0x06FD:
        case 0x06FE:
        case 0x0F0B:
        case 0x3007:
            return true;
        case 0x0640:
        case 0x07FA:
        case 0x302E:
        case 0x302F:
        case 0x3031:
        case 0x3032:
        case 0x3033:
        case 0x3034:
        case 0x3035:
        case 0x303B:
            return false;
        default:
            return {};
    }
}

bool old_hangul_jamo(ucs4_t point) {
    return between(point, 0x1100, 0x11FF) || between(point, 0xA960, 0xA97C) ||
           between(point, 0xD7B0, 0xD7FB);
}

// RFC 8264 §8, in its order, for the FreeformClass.
bool allowed(const CodePoints& text, std::size_t at) {
    const ucs4_t point = text[at];
    if (const auto known = exception(point)) return *known;
    if (const auto known = allowed_in_context(text, at)) return *known;
    if (uc_is_general_category(point, UC_CATEGORY_Cn)) return false;  // unassigned, noncharacters
    if (between(point, 0x21, 0x7E)) return true;
    if (old_hangul_jamo(point)) return false;
    if (uc_is_property(point, UC_PROPERTY_DEFAULT_IGNORABLE_CODE_POINT)) return false;
    if (uc_is_general_category(point, UC_CATEGORY_Cc)) return false;
    // Letters, marks, numbers, spaces, symbols, punctuation; what has a compatible form is among
    // them.
    return uc_is_general_category(point, UC_CATEGORY_L) ||
           uc_is_general_category(point, UC_CATEGORY_M) ||
           uc_is_general_category(point, UC_CATEGORY_N) ||
           uc_is_general_category(point, UC_CATEGORY_Zs) ||
           uc_is_general_category(point, UC_CATEGORY_S) ||
           uc_is_general_category(point, UC_CATEGORY_P);
}

}  // namespace

std::optional<std::string> opaque_string(std::string_view text) {
    auto points = decode(text);
    if (!points) return {};
    for (ucs4_t& point : *points) {
        if (uc_is_general_category(point, UC_CATEGORY_Zs)) point = ' ';
    }
    std::size_t size = 0;
    const Mallocated<ucs4_t> normal{
        u32_normalize(UNINORM_NFC, points->data(), points->size(), nullptr, &size)};
    if (!normal || size == 0) return {};
    points->assign(normal.get(), normal.get() + size);
    for (std::size_t at = 0; at < points->size(); ++at) {
        if (!allowed(*points, at)) return {};
    }
    std::size_t bytes = 0;
    const Mallocated<std::uint8_t> utf8{u32_to_u8(points->data(), points->size(), nullptr, &bytes)};
    if (!utf8) return {};
    return std::string{reinterpret_cast<const char*>(utf8.get()), bytes};
}

}  // namespace turnpike::crypto
