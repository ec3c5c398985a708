#include "common/cluster/memory_database.hpp"

#include <algorithm>
#include <charconv>

#include "common/base/hash.hpp"

namespace turnpike::cluster {
namespace {

Reply texts(std::initializer_list<std::string> values) {
    Reply out = Reply::array();
    for (const std::string& value : values) out.elements.push_back(Reply::bytes(value));
    return out;
}

Reply fields_of(const Fields& fields) {
    Reply out = Reply::array();
    for (const auto& [name, value] : fields) {
        out.elements.push_back(Reply::bytes(name));
        out.elements.push_back(Reply::bytes(value));
    }
    return out;
}

Reply entry_of(const StreamEntry& entry) {
    return Reply::array({Reply::bytes(entry.id.to_string()), fields_of(entry.fields)});
}

}  // namespace

std::int64_t number_in(std::string_view text) noexcept {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Reply MemoryDatabase::wrong_type() {
    return Reply::error("WRONGTYPE Operation against a key holding the wrong kind of value");
}

void MemoryDatabase::drop_if_expired(const std::string& key, WallTime now) {
    const auto at = items_.find(key);
    if (at != items_.end() && at->second.expires && *at->second.expires <= now) items_.erase(at);
}

void MemoryDatabase::sweep(WallTime now) {
    std::erase_if(items_, [&](const auto& item) {
        return item.second.expires && *item.second.expires <= now;
    });
}

std::vector<std::string> MemoryDatabase::take_published() {
    return std::exchange(published_, {});
}

void MemoryDatabase::expire(const std::string& key, WallTime when) {
    const auto at = items_.find(key);
    if (at != items_.end()) at->second.expires = when;
}

std::optional<WallTime> MemoryDatabase::expiry(const std::string& key) const {
    const auto at = items_.find(key);
    return at == items_.end() ? std::nullopt : at->second.expires;
}

template <typename T>
MemoryDatabase::Found<T> MemoryDatabase::find(const std::string& key, WallTime now) {
    drop_if_expired(key, now);
    const auto at = items_.find(key);
    if (at == items_.end()) return {};
    T* value = std::get_if<T>(&at->second.value);
    return {value, value == nullptr};
}

template <typename T, typename Answer>
Reply MemoryDatabase::with(const Command& command, WallTime now, Reply absent, Answer answer) {
    const Found<T> found = find<T>(command.keys.at(0), now);
    if (found.wrong_type) return wrong_type();
    if (!found.value) return absent;
    return answer(*found.value);
}

Reply MemoryDatabase::execute(const Command& command, WallTime now) {
    if (command.script) return command.script->twin(*this, command, now);
    const std::string_view verb = command.verb;
    if (verb == "GET") {
        return with<std::string>(command, now, Reply::nil(),
                                 [](const std::string& value) { return Reply::bytes(value); });
    }
    if (verb == "SET") return set_text(command, now);
    if (verb == "UNLINK") {
        drop_if_expired(command.keys.at(0), now);
        return Reply::number(static_cast<std::int64_t>(items_.erase(command.keys.at(0))));
    }
    if (verb == "HGET") {
        return with<Hash>(command, now, Reply::nil(), [&](const Hash& hash) {
            const auto at = hash.find(command.arguments.at(0));
            return at == hash.end() ? Reply::nil() : Reply::bytes(at->second);
        });
    }
    if (verb == "HGETALL") {
        return with<Hash>(command, now, Reply::array(), [](const Hash& hash) {
            return fields_of({hash.begin(), hash.end()});
        });
    }
    if (verb == "HSCAN") return scan_hash(command, now);
    if (verb == "SMEMBERS") {
        return with<Members>(command, now, Reply::array(), [](const Members& members) {
            Reply out = Reply::array();
            for (const std::string& member : members) out.elements.push_back(Reply::bytes(member));
            return out;
        });
    }
    if (verb == "SADD") return change_members(command, now, true);
    if (verb == "SREM") return change_members(command, now, false);
    if (verb == "ZREM") {
        return with<Scores>(command, now, Reply::number(0), [&](Scores& scores) {
            const auto gone = scores.erase(command.arguments.at(0));
            if (scores.empty()) erase(command.keys.at(0));
            return Reply::number(static_cast<std::int64_t>(gone));
        });
    }
    if (verb == "XRANGE") return range(command, now);
    if (verb == "XREVRANGE") return reverse_range(command, now);
    if (verb == "TIME") {
        const auto ms = now.time_since_epoch().count();
        return texts({std::to_string(ms / 1000), std::to_string(ms % 1000 * 1000)});
    }
    if (verb == "INFO") return Reply::bytes("redis_version:memory\r\n");
    return Reply::error("ERR unknown command");
}

Reply MemoryDatabase::set_text(const Command& command, WallTime now) {
    const std::string& key = command.keys.at(0);
    drop_if_expired(key, now);
    std::optional<WallTime> expires;
    for (std::size_t i = 1; i < command.arguments.size(); ++i) {
        if (command.arguments[i] == "NX" && items_.contains(key)) return Reply::nil();
        if (command.arguments[i] == "PX")
            expires = now + Milliseconds{number_in(command.arguments.at(i + 1))};
    }
    items_[key] = {command.arguments.at(0), expires};
    return Reply::status("OK");
}

// Fields are given in the order of their hash, and the cursor is the hash that the next page begins
// with: fields that come or go in between move no other into or out of a page.
Reply MemoryDatabase::scan_hash(const Command& command, WallTime now) {
    const auto from = static_cast<std::uint64_t>(number_in(command.arguments.at(0)));
    const auto count = static_cast<std::size_t>(number_in(command.arguments.at(2)));
    const auto scan = [&](const Hash& hash) {
        std::multimap<std::uint64_t, const Hash::value_type*> order;
        for (const auto& field : hash) {
            // 48 bits, and never 0, which as a cursor means the beginning or the end.
            const std::uint64_t place = (keyed_hash(0, 0, as_bytes(field.first)) >> 16) + 1;
            if (place >= from) order.emplace(place, &field);
        }
        Fields page;
        std::uint64_t last = 0;
        for (const auto& [place, field] : order) {
            if (page.size() >= count && place != last) {
                return Reply::array({Reply::bytes(std::to_string(place)), fields_of(page)});
            }
            page.emplace_back(*field);
            last = place;
        }
        return Reply::array({Reply::bytes("0"), fields_of(page)});
    };
    return with<Hash>(command, now, Reply::array({Reply::bytes("0"), Reply::array()}), scan);
}

Reply MemoryDatabase::change_members(const Command& command, WallTime now, bool add) {
    const std::string& key = command.keys.at(0);
    const Found<Members> found = find<Members>(key, now);
    if (found.wrong_type) return wrong_type();
    if (!found.value && !add) return Reply::number(0);
    Members& members = *open<Members>(key, now);
    std::int64_t changed = 0;
    for (const std::string& member : command.arguments) {
        changed += add ? (members.insert(member).second ? 1 : 0)
                       : static_cast<std::int64_t>(members.erase(member));
    }
    if (members.empty()) erase(key);
    return Reply::number(changed);
}

Reply MemoryDatabase::range(const Command& command, WallTime now) {
    const auto from = StreamId::parse(command.arguments.at(0));
    const auto most = static_cast<std::size_t>(number_in(command.arguments.at(3)));
    return with<Stream>(command, now, Reply::array(), [&](const Stream& stream) {
        Reply out = Reply::array();
        auto at = std::ranges::lower_bound(stream.entries, *from, {}, &StreamEntry::id);
        for (; at != stream.entries.end() && out.elements.size() < most; ++at)
            out.elements.push_back(entry_of(*at));
        return out;
    });
}

Reply MemoryDatabase::reverse_range(const Command& command, WallTime now) {
    return with<Stream>(command, now, Reply::array(), [&](const Stream& stream) {
        Reply out = Reply::array();
        if (!stream.entries.empty()) out.elements.push_back(entry_of(stream.entries.back()));
        return out;
    });
}

}  // namespace turnpike::cluster
