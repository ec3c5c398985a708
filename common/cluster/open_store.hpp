#pragma once

#include <expected>
#include <memory>
#include <string>

#include "common/base/clock.hpp"
#include "common/base/random.hpp"
#include "common/cluster/store.hpp"

namespace turnpike::cluster {

/// The store of a `store.url` (StoreUrl lists the forms). Does not wait for it to be there.
///
/// Errors     the end of a sentence about the URL
/// Lifetime   borrows clock and random
std::expected<std::unique_ptr<Store>, std::string> open_store(std::string_view url,
                                                              const Clock& clock, Random& random);

}  // namespace turnpike::cluster
