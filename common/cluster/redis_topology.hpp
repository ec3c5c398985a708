#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/cluster/redis_node.hpp"
#include "common/cluster/store.hpp"
#include "common/cluster/store_url.hpp"

namespace turnpike::cluster {

/// What a topology may ask of its store.
class RedisNodes {
public:
    /// The node at that address; connects to it when it is new.
    virtual RedisNode& node(const StoreAddress& address, RedisNode::Role role) = 0;
    /// Asks that very server, whatever its breaker says.
    virtual void ask(RedisNode& node, Command command, Milliseconds deadline,
                     Store::Callback done) = 0;
    /// Routes have changed, or are given up: what waits is looked at again.
    virtual void rerouted() = 0;
    virtual void note_problem(const std::string& what) = 0;
    virtual EventThread& thread() = 0;
    virtual const Clock& clock() = 0;
    virtual Random& random() = 0;

protected:
    ~RedisNodes() = default;
};

/// Which server a command goes to, and how that is found out: one class for each kind of URL.
class RedisTopology {
public:
    static std::unique_ptr<RedisTopology> make(const StoreUrl& url, RedisNodes& nodes);
    virtual ~RedisTopology() = default;

    virtual void begin() = 0;
    /// Null while it is not known.
    virtual RedisNode* route(const Command& command) = 0;
    /// Not known, and not about to be: commands should not wait for it.
    virtual bool lost() const { return false; }
    /// The servers that commands go to: the store is up when these are.
    virtual std::vector<RedisNode*> serving() const = 0;
    /// Others are let go.
    virtual bool wants(const RedisNode& node) const = 0;

    virtual void went_down(RedisNode&) {}
    /// The server said READONLY. True when another may be found.
    virtual bool read_only(RedisNode&) { return false; }
    virtual void moved(std::uint16_t /*slot*/, const StoreAddress&) {}
    /// The server said CLUSTERDOWN.
    virtual void partial() {}
    /// Twice a second.
    virtual void tick() {}
};

}  // namespace turnpike::cluster
