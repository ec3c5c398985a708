#pragma once

#include <string>
#include <string_view>

namespace turnpike::cluster {

/// The names of the cluster's keys: docs/redis-schema.md lists what is in them. What one script or
/// one reader needs together has the same hash tag, so it lies in one slot of Redis Cluster.
///
/// Names of nodes, realms, subjects and rooms come from configuration and strangers: in a key they
/// are percent-encoded as far as they could be read as another's key or end its hash tag.
class Keys {
public:
    explicit Keys(std::string prefix = "turnpike:") : prefix_(std::move(prefix)) {}

    std::string node_info() const { return shared("nodes", "info"); }
    std::string node_leases() const { return shared("nodes", "lease"); }
    std::string node_desired() const { return shared("nodes", "desired"); }
    std::string node_allocations(std::string_view node) const { return of("n", {node}, "alloc"); }
    std::string node_commands(std::string_view node) const { return of("n", {node}, "cmd"); }
    std::string node_events(std::string_view node) const { return of("n", {node}, "events"); }
    std::string replies(std::string_view request) const { return of("req", {request}, "reply"); }
    std::string quota(std::string_view realm, std::string_view subject) const {
        return of("u", {realm, subject}, "q");
    }
    std::string secrets(std::string_view realm) const { return of("r", {realm}, "secrets"); }
    std::string revocations() const { return shared("revoked", "log"); }
    std::string room_meta(std::string_view room) const { return of("room", {room}, "meta"); }
    std::string room_members(std::string_view room) const { return of("room", {room}, "members"); }
    std::string room_log(std::string_view room) const { return of("room", {room}, "log"); }
    std::string inbox(std::string_view signaling_node) const {
        return of("s", {signaling_node}, "inbox");
    }

    /// Percent-encodes ':', '{', '}', '%' and control bytes.
    static std::string part(std::string_view name);

private:
    std::string shared(std::string_view tag, std::string_view leaf) const {
        return prefix_ + '{' + std::string{tag} + "}:" + std::string{leaf};
    }
    std::string of(std::string_view kind, std::initializer_list<std::string_view> names,
                   std::string_view leaf) const;

    std::string prefix_;
};

}  // namespace turnpike::cluster
