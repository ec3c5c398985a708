#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.hpp"
#include "common/cluster/command.hpp"
#include "common/cluster/stream_id.hpp"

namespace turnpike::cluster {

using Field = std::pair<std::string, std::string>;
using Fields = std::vector<Field>;

/// One part of a hash: the fields, in no order, and where the next part begins ("0": that was all).
/// A field that was there all the time is in some part; one may be in two.
struct HashPage {
    Fields fields;
    std::string next;
};

struct StreamEntry {
    StreamId id;
    Fields fields;

    friend bool operator==(const StreamEntry&, const StreamEntry&) = default;
};

struct QuotaAnswer {
    bool granted = false;
    std::int64_t held = 0;  // places taken, this one included
};

/// What everything in the cluster is built of. An expiry of 0 ms means: leave it as it is.
namespace query {

Query<std::optional<std::string>> text(std::string key);
/// True when it was set; with `only_if_absent`, false when the key was there.
Query<bool> set_text(std::string key, std::string value, Milliseconds expiry = 0ms,
                     bool only_if_absent = false);
/// True when the key was there.
Query<bool> remove(std::string key);

Query<std::optional<std::string>> hash_field(std::string key, std::string field);
/// All of it. For hashes known to be small; the others by pages.
Query<Fields> hash(std::string key);
Query<HashPage> hash_page(std::string key, std::string from = "0", unsigned about = 200);
/// Sets and removes fields and renews the key's expiry in one step, so that no key stays without
/// one. The number of fields in it afterwards.
Query<std::int64_t> update_hash(std::string key, const Fields& set,
                                std::span<const std::string> removed, Milliseconds expiry);

Query<std::vector<std::string>> members(std::string key);
/// How many members are new, or are gone.
Query<std::int64_t> add_member(std::string key, std::string member);
Query<std::int64_t> remove_member(std::string key, std::string member);

/// Appends, keeps about the newest `most` entries, renews the expiry, and wakes the watchers of the
/// stream's key, in one step. At least one field, at most 100.
Query<StreamId> append(std::string stream, const Fields& fields, unsigned most,
                       Milliseconds expiry = 0ms);
/// At most `most` entries after that id, oldest first.
Query<std::vector<StreamEntry>> entries_after(std::string stream, StreamId after,
                                              unsigned most = 256);
Query<std::optional<StreamId>> last_entry(std::string stream);

/// A place below `limit` for `id`, held for `lease`. Granted again to who holds one.
Query<QuotaAnswer> reserve_quota(std::string key, std::string id, std::int64_t limit,
                                 Milliseconds lease);
/// True when `id` held a place.
Query<bool> release_quota(std::string key, std::string id);

/// The store's own clock, to the millisecond: what leases are counted by.
Query<WallTime> server_time();
/// Redis INFO: lines "name:value". In memory, the version only.
Query<std::string> server_info(std::string section);

}  // namespace query
}  // namespace turnpike::cluster
