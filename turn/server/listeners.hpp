#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/config/document.hpp"
#include "turn/net/worker_pool.hpp"
#include "turn/server/config.hpp"

namespace turnpike::relay {

/// A listener and where the configuration has it.
struct Listening {
    net::Listener net;
    config::Place place;
    std::optional<WallTime> certificate_until;
};

/// [[listen]]; under --dev without one, UDP and TCP on both loopback addresses. Certificates and
/// keys are read and must fit.
///
/// Errors  become problems of the document
std::vector<Listening> read_listeners(config::Document& document, const Machine& machine,
                                      const ReadOptions& options, const std::string& default_realm);

/// Until when the first of the listener's certificates to end holds, as its files are now; nothing
/// when it has none, or one is no good.
std::optional<WallTime> certificates_until(const net::Listener& listener, WallTime now);

/// Why `realm` will not do, as the end of a sentence; empty when it will.
std::string why_no_realm(const std::string& realm);

}  // namespace turnpike::relay
