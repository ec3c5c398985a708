#pragma once

#include <expected>
#include <memory>
#include <string>

#include "common/cluster/store_url.hpp"

struct bufferevent;
struct event_base;

namespace turnpike::cluster {

/// How a store's connections are made: plain or over TLS, to addresses, names and sockets.
///
/// TLS        1.2 or 1.3; the server's certificate must chain to `ca` (or the system's CAs) and
///            name the host of the URL, or `server_name`
/// Threading  the store's own
class RedisTransport {
public:
    /// Reads the files that the URL names. The error is the end of a sentence about the URL.
    static std::expected<std::unique_ptr<RedisTransport>, std::string> make(const StoreUrl& url);
    ~RedisTransport();

    /// A bufferevent that is connecting; null when not even that could begin, `problem` says why.
    bufferevent* dial(event_base* base, const StoreAddress& address, std::string& problem);
    /// Why TLS or the look-up failed, when that is what ended `stream`; else empty.
    static std::string why(bufferevent* stream);

private:
    struct State;
    explicit RedisTransport(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace turnpike::cluster
