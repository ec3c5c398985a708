#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/config/document.hpp"
#include "common/crypto/turn_rest.hpp"
#include "common/ops/settings.hpp"
#include "signaling/core/hub.hpp"
#include "signaling/net/web_server.hpp"

namespace turnpike::signaling {

/// Everything that signaling.toml can say; docs/configuration.md has a line for each key.
struct SignalingConfig {
    ops::Settings common;
    std::vector<std::filesystem::path> relays;  // admin sockets
    std::string realm = "turnpike";
    std::vector<crypto::RestSecret> secrets;    // the first one mints
    std::vector<Secret> api_keys;               // none: the HTTP API for credentials answers 404
    HubConfig hub;                              // without secrets and room-tag key
    WebConfig web;
};

/// Errors  problems of the Document; values keep their defaults
SignalingConfig read_config(config::Document& document);

}  // namespace turnpike::signaling
