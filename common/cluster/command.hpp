#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.hpp"
#include "common/cluster/outcome.hpp"
#include "common/cluster/reply.hpp"

namespace turnpike::cluster {

class MemoryDatabase;
struct Command;

/// One atomic step: in Redis a Lua script, in memory its twin. Both get the same keys and arguments
/// and answer alike; the contract suite holds them to that. An object of static storage, which a
/// noun of the cluster defines beside its queries.
struct Script {
    std::string_view name;
    std::string_view lua;
    Reply (*twin)(MemoryDatabase& database, const Command& command, WallTime now);
};

/// What a store is asked: a verb of Redis or a script. All keys of one command have the same hash
/// tag; what a stranger said is an argument or a part of a key (Keys), never part of a verb.
struct Command {
    std::string_view verb;  // static; empty with a script
    const Script* script = nullptr;
    std::vector<std::string> keys;
    std::vector<std::string> arguments;

    /// About what it takes on the wire.
    std::size_t size() const noexcept {
        std::size_t bytes = verb.size() + 48;
        for (const std::string& key : keys) bytes += key.size() + 16;
        for (const std::string& argument : arguments) bytes += argument.size() + 16;
        return bytes;
    }
};

/// A command, and how its answer is read.
template <typename T>
struct Query {
    Command command;
    Outcome<T> (*read)(const Reply& reply);
};

}  // namespace turnpike::cluster
