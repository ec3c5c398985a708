#include "common/cluster/cluster_slots.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace turnpike::cluster {
namespace {

constexpr std::size_t kRangesMax = kClusterSlots;
constexpr std::size_t kMastersMax = 1000;

std::uint16_t crc16(std::string_view text) noexcept {
    unsigned crc = 0;
    for (const char c : text) {
        crc ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
        for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) ? (crc << 1) ^ 0x1021U : crc << 1;
        crc &= 0xFFFFU;
    }
    return static_cast<std::uint16_t>(crc);
}

bool is_host(std::string_view host) {
    return host.size() <= 253 && std::ranges::all_of(host, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '-' || c == '_' || c == ':';
           });
}

std::optional<std::uint16_t> number_of(std::string_view text, std::uint16_t most) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > most) return {};
    return value;
}

std::unexpected<StoreError> bad(const char* what) {
    return std::unexpected{StoreError{StoreError::Kind::BadReply, what}};
}

}  // namespace

std::uint16_t hash_slot(std::string_view key) noexcept {
    if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
        const std::size_t close = key.find('}', open + 1);
        if (close != std::string_view::npos && close > open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return static_cast<std::uint16_t>(crc16(key) % kClusterSlots);
}

std::optional<Redirect> redirect_in(std::string_view error) {
    Redirect out;
    if (error.starts_with("ASK ")) {
        out.ask = true;
        error.remove_prefix(4);
    } else if (error.starts_with("MOVED ")) {
        error.remove_prefix(6);
    } else {
        return {};
    }
    const std::size_t space = error.find(' ');
    const std::size_t colon = error.rfind(':');
    if (space == std::string_view::npos || colon == std::string_view::npos || colon < space)
        return {};
    const auto slot = number_of(error.substr(0, space), kClusterSlots - 1);
    const auto port = number_of(error.substr(colon + 1), 65535);
    const std::string_view host = error.substr(space + 1, colon - space - 1);
    if (!slot || !port || *port == 0 || !is_host(host)) return {};
    out.slot = *slot;
    out.to = {{}, std::string{host}, *port};
    return out;
}

Outcome<std::vector<SlotRange>> slot_ranges(const Reply& reply, std::string_view host_asked) {
    if (reply.is(Reply::Type::Error))
        return std::unexpected{StoreError{StoreError::Kind::Failed, printable(reply.text)}};
    if (!reply.is(Reply::Type::Array) || reply.elements.size() > kRangesMax)
        return bad("CLUSTER SLOTS: no array");
    std::vector<SlotRange> out;
    std::vector<bool> taken(kClusterSlots);
    std::set<StoreAddress> masters;
    for (const Reply& range : reply.elements) {
        using Type = Reply::Type;
        if (!range.is(Type::Array) || range.elements.size() < 3)
            return bad("CLUSTER SLOTS: no range");
        const Reply& first = range.elements[0];
        const Reply& last = range.elements[1];
        const Reply& master = range.elements[2];
        if (!first.is(Type::Integer) || !last.is(Type::Integer) || first.integer < 0 ||
            last.integer < first.integer || last.integer >= kClusterSlots)
            return bad("CLUSTER SLOTS: no slots");
        if (!master.is(Type::Array) || master.elements.size() < 2 ||
            !master.elements[1].is(Type::Integer) || master.elements[1].integer < 1 ||
            master.elements[1].integer > 65535)
            return bad("CLUSTER SLOTS: no master");
        const Reply& host = master.elements[0];
        if (!(host.is(Type::Nil) || host.is(Type::Text)) || !is_host(host.text))
            return bad("CLUSTER SLOTS: no host");
        for (auto slot = static_cast<std::size_t>(first.integer);
             slot <= static_cast<std::size_t>(last.integer); ++slot) {
            if (taken[slot]) return bad("CLUSTER SLOTS: a slot twice");
            taken[slot] = true;
        }
        StoreAddress address{{},
                             host.text.empty() ? std::string{host_asked} : host.text,
                             static_cast<std::uint16_t>(master.elements[1].integer)};
        masters.insert(address);
        if (masters.size() > kMastersMax) return bad("CLUSTER SLOTS: more than 1000 masters");
        out.push_back({static_cast<std::uint16_t>(first.integer),
                       static_cast<std::uint16_t>(last.integer), std::move(address)});
    }
    return out;
}

}  // namespace turnpike::cluster
