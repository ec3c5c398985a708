#pragma once

#include "turn/server/config.hpp"

namespace turnpike::relay {

/// [auth] but for the realm: who is let in, and what they are offered to prove it with. Nobody at
/// all is a problem, except under --dev on loopback.
void read_auth(config::Document& document, config::Table auth, const ReadOptions& options,
               Config& config);

}  // namespace turnpike::relay
