#include "signaling/core/room.hpp"

#include <array>

#include "common/crypto/base64.hpp"

namespace turnpike::signaling {

std::string new_room_id(Random& random) {
    // Without vowels and look-alikes: it can be read out, and spells nothing.
    static constexpr std::string_view kLetters = "bcdfghjkmnpqrstvwxz23456789";
    std::string id;
    for (int group = 0; group < 3; ++group) {
        if (group > 0) id += '-';
        for (int i = 0; i < 4; ++i) id += kLetters[random.below(static_cast<std::uint32_t>(kLetters.size()))];
    }
    return id;
}

std::string new_epoch(Random& random) {
    std::array<std::uint8_t, 4> raw{};
    random.fill_public(raw);
    return crypto::hex(raw);
}

std::string new_key(Random& random) {
    std::array<std::uint8_t, 16> raw{};
    random.fill_secret(raw);
    return crypto::base64url(raw);
}

std::string new_public_id(Random& random, std::string_view prefix) {
    std::array<std::uint8_t, 16> raw{};
    random.fill_public(raw);
    return std::string{prefix} + crypto::base64url(raw);
}

}  // namespace turnpike::signaling
