#include "signaling/core/source_limits.hpp"

#include <algorithm>

#include "common/base/hash.hpp"

namespace turnpike::signaling {

IpAddress source_key(const IpAddress& source) noexcept {
    if (source.is_v4()) return source;
    std::array<std::uint8_t, 16> raw = source.raw();
    const bool mapped = std::all_of(raw.begin(), raw.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
                        raw[10] == 0xFF && raw[11] == 0xFF;
    if (mapped) return IpAddress::v4(ByteView{raw}.subspan(12));
    std::fill(raw.begin() + 8, raw.end(), std::uint8_t{0});
    return IpAddress::v6(raw);
}

// Addresses cannot be chosen freely enough to build collisions worth a keyed hash's key.
std::size_t SourceLimits::Hash::operator()(const IpAddress& a) const noexcept {
    return static_cast<std::size_t>(keyed_hash(0x736f75726365ULL, static_cast<std::uint64_t>(a.family()), a.raw()));
}

SourceLimits::Source& SourceLimits::at(const IpAddress& key, Instant now) {
    const auto [found, fresh] = sources_.try_emplace(key);
    Source& source = found->second;
    if (fresh) {
        source.join = TokenBucket{limits_.join.per_second, limits_.join.burst};
        source.create = TokenBucket{limits_.create.per_second, limits_.create.burst};
    }
    source.used = now;
    return source;
}

bool SourceLimits::may_open(const IpAddress& source) const noexcept {
    if (limits_.is_exempt(source)) return true;
    const auto found = sources_.find(source_key(source));
    return found == sources_.end() || found->second.sessions < limits_.sessions_per_source;
}

bool SourceLimits::open(const IpAddress& source, Instant now) {
    if (limits_.is_exempt(source)) return true;
    Source& entry = at(source_key(source), now);
    if (entry.sessions >= limits_.sessions_per_source) return false;
    ++entry.sessions;
    return true;
}

void SourceLimits::close(const IpAddress& source) noexcept {
    if (const auto found = sources_.find(source_key(source)); found != sources_.end() && found->second.sessions > 0) {
        --found->second.sessions;
    }
}

bool SourceLimits::take_join(const IpAddress& source, Instant now) {
    return limits_.is_exempt(source) || at(source_key(source), now).join.take(1, now);
}

bool SourceLimits::take_create(const IpAddress& source, Instant now) {
    return limits_.is_exempt(source) || at(source_key(source), now).create.take(1, now);
}

void SourceLimits::sweep(Instant now) {
    const auto refill = [](const Rate& rate) { return rate.per_second > 0 ? rate.burst / rate.per_second : 0.0; };
    const auto full_after = std::chrono::duration_cast<Nanoseconds>(
        std::chrono::duration<double>(std::max(refill(limits_.join), refill(limits_.create))));
    std::erase_if(sources_, [&](const auto& each) {
        return each.second.sessions == 0 && now - each.second.used >= full_after;
    });
}

}  // namespace turnpike::signaling
