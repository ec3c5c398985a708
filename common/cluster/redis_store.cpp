#include "common/cluster/redis_store.hpp"

#include "common/base/assert.hpp"
#include "common/cluster/redis_core.hpp"

namespace turnpike::cluster {

std::expected<std::unique_ptr<RedisStore>, std::string> RedisStore::open(
    StoreUrl url, const Clock& clock, Random& random, RedisStoreOptions options) {
    TURNPIKE_ASSERT(url.kind != StoreUrl::Kind::Memory && !url.addresses.empty());
    auto transport = RedisTransport::make(url);
    if (!transport) return std::unexpected{transport.error()};
    return std::unique_ptr<RedisStore>{new RedisStore{std::make_unique<RedisCore>(
        std::move(url), std::move(*transport), clock, random, options)}};
}

RedisStore::RedisStore(std::unique_ptr<RedisCore> core) : core_(std::move(core)) {}
RedisStore::~RedisStore() = default;

void RedisStore::submit(Command command, Milliseconds deadline, Callback done) {
    core_->submit(std::move(command), deadline, std::move(done));
}
Store::WatchId RedisStore::watch(std::string channel, std::function<void()> woken) {
    return core_->watch(std::move(channel), std::move(woken));
}
void RedisStore::unwatch(WatchId id) {
    core_->unwatch(id);
}
StoreStatus RedisStore::status() const {
    return core_->status();
}
void RedisStore::note_error(const StoreError& error) {
    core_->note_error(error);
}

}  // namespace turnpike::cluster
