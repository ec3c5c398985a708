#include "common/cluster/open_store.hpp"

#include "common/cluster/memory_store.hpp"
#include "common/cluster/redis_store.hpp"
#include "common/cluster/store_url.hpp"

namespace turnpike::cluster {

std::expected<std::unique_ptr<Store>, std::string> open_store(std::string_view url,
                                                              const Clock& clock, Random& random) {
    auto parsed = StoreUrl::parse(url);
    if (!parsed) return std::unexpected{parsed.error()};
    if (parsed->kind == StoreUrl::Kind::Memory) return std::make_unique<MemoryStore>(clock);
    auto store = RedisStore::open(std::move(*parsed), clock, random);
    if (!store) return std::unexpected{store.error()};
    return std::move(*store);
}

}  // namespace turnpike::cluster
