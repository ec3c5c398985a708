#pragma once

#include <string>
#include <vector>

#include "common/config/document.hpp"
#include "turn/server/config.hpp"
#include "turn/server/listeners.hpp"

namespace turnpike::relay {

/// [behaviour_discovery]: goes into `config.net.core`, and the UDP listeners that it needs and
/// [[listen]] does not have are added to `listening`.
///
/// Errors  become problems of the document
void read_behaviour_discovery(config::Document& document, const Machine& machine,
                              const std::string& realm, std::vector<Listening>& listening,
                              core::Config& core);

/// How many times larger than its request a Binding answer can be with it; 0 when it is off.
double discovery_amplification(const core::Config::BehaviourDiscovery& discovery);

}  // namespace turnpike::relay
