#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.hpp"
#include "common/cluster/command.hpp"
#include "common/cluster/queries.hpp"

namespace turnpike::cluster {

/// The data of memory://, with the answers that Redis would give: the few verbs that queries.hpp
/// uses, and the twins of the scripts. No clock: `now` is an argument, and never goes back.
///
/// Threading  one thread at a time
class MemoryDatabase {
public:
    using Hash = std::map<std::string, std::string, std::less<>>;
    using Members = std::set<std::string, std::less<>>;
    using Scores = std::map<std::string, std::int64_t, std::less<>>;
    struct Stream {
        std::vector<StreamEntry> entries;
        StreamId last;
    };

    Reply execute(const Command& command, WallTime now);
    /// Forgets what has expired; without it, that is noticed when it is next asked for.
    void sweep(WallTime now);
    std::size_t size() const noexcept { return items_.size(); }

    /// The channels published to since the last call.
    std::vector<std::string> take_published();

    // For the twins of scripts.
    /// The value of a key, made when it is not there; null when it is of another type.
    template <typename T>
    T* open(const std::string& key, WallTime now) {
        drop_if_expired(key, now);
        auto [at, fresh] = items_.try_emplace(key);
        if (fresh) at->second.value.template emplace<T>();
        return std::get_if<T>(&at->second.value);
    }
    void expire(const std::string& key, WallTime at);
    std::optional<WallTime> expiry(const std::string& key) const;
    void erase(const std::string& key) { items_.erase(key); }
    void publish(std::string channel) { published_.push_back(std::move(channel)); }
    static Reply wrong_type();

private:
    struct Item {
        std::variant<std::string, Hash, Members, Scores, Stream> value;
        std::optional<WallTime> expires;
    };
    template <typename T>
    struct Found {
        T* value = nullptr;
        bool wrong_type = false;
    };

    void drop_if_expired(const std::string& key, WallTime now);
    template <typename T>
    Found<T> find(const std::string& key, WallTime now);
    template <typename T, typename Answer>
    Reply with(const Command& command, WallTime now, Reply absent, Answer answer);

    Reply set_text(const Command& command, WallTime now);
    Reply scan_hash(const Command& command, WallTime now);
    Reply change_members(const Command& command, WallTime now, bool add);
    Reply range(const Command& command, WallTime now);
    Reply reverse_range(const Command& command, WallTime now);

    std::map<std::string, Item, std::less<>> items_;
    std::vector<std::string> published_;
};

/// The whole number in `text`, or 0: scripts get what our own queries wrote.
std::int64_t number_in(std::string_view text) noexcept;

}  // namespace turnpike::cluster
