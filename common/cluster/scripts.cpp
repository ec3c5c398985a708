#include "common/cluster/scripts.hpp"

#include <algorithm>

#include "common/cluster/memory_database.hpp"

namespace turnpike::cluster {
namespace {

Milliseconds duration_in(std::string_view text) {
    return Milliseconds{number_in(text)};
}

Reply update_hash(MemoryDatabase& database, const Command& command, WallTime now) {
    const std::string& key = command.keys.at(0);
    const auto& arguments = command.arguments;
    auto* hash = database.open<MemoryDatabase::Hash>(key, now);
    if (!hash) return MemoryDatabase::wrong_type();
    const Milliseconds expiry = duration_in(arguments.at(0));
    const auto removed_at = 2 + 2 * static_cast<std::size_t>(number_in(arguments.at(1)));
    for (std::size_t i = 2; i < removed_at; i += 2) (*hash)[arguments.at(i)] = arguments.at(i + 1);
    for (std::size_t i = removed_at; i < arguments.size(); ++i) hash->erase(arguments[i]);
    const auto size = static_cast<std::int64_t>(hash->size());
    if (size == 0) {
        database.erase(key);
    } else if (expiry > 0ms) {
        database.expire(key, now + expiry);
    }
    return Reply::number(size);
}

Reply append(MemoryDatabase& database, const Command& command, WallTime now) {
    const std::string& key = command.keys.at(0);
    const auto& arguments = command.arguments;
    auto* stream = database.open<MemoryDatabase::Stream>(key, now);
    if (!stream) return MemoryDatabase::wrong_type();
    const StreamId of_now{static_cast<std::uint64_t>(now.time_since_epoch().count()), 0};
    stream->last = std::max(of_now, stream->last.next());
    StreamEntry entry{stream->last, {}};
    for (std::size_t i = 2; i + 1 < arguments.size(); i += 2)
        entry.fields.emplace_back(arguments[i], arguments[i + 1]);
    stream->entries.push_back(std::move(entry));
    const auto most = static_cast<std::size_t>(number_in(arguments.at(0)));
    // In blocks, as Redis does with "~": an entry costs no move of all the others.
    if (stream->entries.size() > most + 64) {
        stream->entries.erase(stream->entries.begin(),
                              stream->entries.end() - static_cast<std::ptrdiff_t>(most));
    }
    if (const Milliseconds expiry = duration_in(arguments.at(1)); expiry > 0ms)
        database.expire(key, now + expiry);
    database.publish(key);
    return Reply::bytes(stream->last.to_string());
}

Reply reserve_quota(MemoryDatabase& database, const Command& command, WallTime now) {
    const std::string& key = command.keys.at(0);
    const std::string& id = command.arguments.at(0);
    const std::int64_t limit = number_in(command.arguments.at(1));
    const Milliseconds lease = duration_in(command.arguments.at(2));
    auto* scores = database.open<MemoryDatabase::Scores>(key, now);
    if (!scores) return MemoryDatabase::wrong_type();
    const std::int64_t ms = now.time_since_epoch().count();
    std::erase_if(*scores, [&](const auto& held) { return held.second <= ms; });
    auto held = static_cast<std::int64_t>(scores->size());
    if (!scores->contains(id)) {
        if (held >= limit) {
            if (scores->empty()) database.erase(key);
            return Reply::array({Reply::number(0), Reply::number(held)});
        }
        ++held;
    }
    (*scores)[id] = ms + lease.count();
    const WallTime until = now + lease;
    if (const auto expiry = database.expiry(key); !expiry || *expiry < until)
        database.expire(key, until);
    return Reply::array({Reply::number(1), Reply::number(held)});
}

}  // namespace

const Script kUpdateHash{"update_hash", R"lua(
local fields = 2 * tonumber(ARGV[2])
for i = 3, 2 + fields, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 3 + fields, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
if tonumber(ARGV[1]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return redis.call('HLEN', KEYS[1])
)lua",
                         &update_hash};

// The channel is the stream's key. It is a wake-up only: what it says is not read.
const Script kAppend{"append", R"lua(
local add = {'XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*'}
for i = 3, #ARGV do add[#add + 1] = ARGV[i] end
local id = redis.call(unpack(add))
if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
redis.call('PUBLISH', KEYS[1], '')
return id
)lua",
                     &append};

// Leases end by the store's clock. The key lives as long as its longest lease.
const Script kReserveQuota{"reserve_quota", R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local held = redis.call('ZCARD', KEYS[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if held >= tonumber(ARGV[2]) then return {0, held} end
  held = held + 1
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {1, held}
)lua",
                           &reserve_quota};

}  // namespace turnpike::cluster
