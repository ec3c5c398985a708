#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/cluster/outcome.hpp"
#include "common/cluster/queries.hpp"
#include "common/cluster/reply.hpp"

namespace turnpike::cluster {

/// Replies become values here, and only here. Every shape is checked: what does not fit is
/// BadReply, an error reply becomes the error that it is.
///
/// Threading  any
namespace reading {

/// The closed set of what an error reply may say, by its first word. Unknown ones are Failed.
StoreError error_of(std::string_view text);
/// What `reply` is instead of what was expected.
StoreError unexpected_type(const Reply& reply);

Outcome<std::int64_t> number(const Reply& reply);
Outcome<bool> flag(const Reply& reply);  // 0 or 1
Outcome<std::string> bytes(const Reply& reply);
Outcome<std::optional<std::string>> optional_bytes(const Reply& reply);
Outcome<std::vector<std::string>> list(const Reply& reply);
Outcome<Fields> fields(const Reply& reply);
Outcome<HashPage> hash_page(const Reply& reply);
Outcome<StreamId> stream_id(const Reply& reply);
Outcome<std::vector<StreamEntry>> entries(const Reply& reply);

}  // namespace reading
}  // namespace turnpike::cluster
