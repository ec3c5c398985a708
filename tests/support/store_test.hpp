#pragma once

#include <poll.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/base/system_clock.hpp"
#include "common/cluster/queries.hpp"
#include "common/cluster/redis_store.hpp"
#include "common/crypto/system_random.hpp"
#include "tests/support/redis_server.hpp"

/// What tests of stores share.
namespace store_test {

using namespace turnpike;
using namespace turnpike::cluster;

inline SystemClock g_clock;
inline crypto::SystemRandom g_random;

/// Long enough for a loaded machine; where a test is about a deadline it gives its own.
inline constexpr Milliseconds kAmple{30'000};

/// The outcome of one query, waited for.
template <typename T>
Outcome<T> ask(Store& store, Query<T> query, Milliseconds deadline = kAmple) {
    auto done = std::make_shared<std::promise<Outcome<T>>>();
    auto future = done->get_future();
    store.run<T>(std::move(query), deadline,
                 [done](Outcome<T> out) { done->set_value(std::move(out)); });
    if (future.wait_for(std::chrono::seconds{120}) != std::future_status::ready)
        throw std::runtime_error("a callback was never called");
    return future.get();
}

/// The answer of one query that must succeed.
template <typename T>
T get(Store& store, Query<T> query, Milliseconds deadline = kAmple) {
    auto out = ask(store, std::move(query), deadline);
    if (!out)
        throw std::runtime_error(std::string{to_string(out.error().kind)} + ": " +
                                 out.error().detail);
    return std::move(*out);
}

/// Why a query failed; nothing when it did not.
template <typename T>
std::optional<StoreError::Kind> why_not(Store& store, Query<T> query,
                                        Milliseconds deadline = kAmple) {
    auto out = ask(store, std::move(query), deadline);
    if (out) return {};
    return out.error().kind;
}

/// Asks until `good` says so, at most two minutes.
inline bool eventually(const std::function<bool()>& good) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::minutes{2};
         std::chrono::steady_clock::now() < end; ::poll(nullptr, 0, 2)) {
        if (good()) return true;
    }
    return false;
}

inline std::unique_ptr<RedisStore> open(const std::string& url, RedisStoreOptions options = {}) {
    auto parsed = StoreUrl::parse(url);
    if (!parsed) throw std::runtime_error(url + " " + parsed.error());
    auto store = RedisStore::open(std::move(*parsed), g_clock, g_random, options);
    if (!store) throw std::runtime_error(url + " " + store.error());
    return std::move(*store);
}

inline std::string url_of(const RedisServer& server) {
    return "redis+unix://" + server.socket();
}

}  // namespace store_test
