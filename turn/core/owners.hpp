#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/five_tuple.hpp"

namespace turnpike::core {

/// Which allocation of the node a name belongs to, and which worker has it: mobility tickets
/// (RFC 8016) and last accepted nonces (NAT rebinding) are shown on 5-tuples whose worker may be another.
///
/// A hint about where to look: what it names may be gone or elsewhere by the time one gets there.
///
/// Threading  any; control plane only
class Owners {
public:
    struct Owner {
        unsigned worker = 0;
        FiveTuple tuple;
    };

    void set(std::string_view name, const Owner& owner) {
        const std::lock_guard lock{mutex_};
        owners_.insert_or_assign(std::string{name}, owner);
    }
    /// Only while it names the allocation of `tuple`.
    void erase(std::string_view name, const FiveTuple& tuple) {
        const std::lock_guard lock{mutex_};
        const auto found = owners_.find(std::string{name});
        if (found != owners_.end() && found->second.tuple == tuple) owners_.erase(found);
    }
    std::optional<Owner> find(std::string_view name) const {
        const std::lock_guard lock{mutex_};
        const auto found = owners_.find(std::string{name});
        if (found == owners_.end()) return {};
        return found->second;
    }
    std::size_t size() const {
        const std::lock_guard lock{mutex_};
        return owners_.size();
    }

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, Owner> owners_;  // names are random: nobody chooses their hashes
};

}  // namespace turnpike::core
