#pragma once

#include "common/config/coturn_conf.hpp"
#include "common/config/document.hpp"
#include "turn/server/config.hpp"
#include "turn/server/options.hpp"

namespace turnpike::relay {

/// The configuration as the command line asks for it, read now: at the start, and again at each
/// reload.
struct Loaded {
    config::Document document;      // its problems, if any
    Config config;                  // meaningless unless document.ok()
    config::coturn::Conf coturn{};  // of --coturn-conf: what became of its lines, its databases
};
Loaded load(const Options& options, WallTime now);

}  // namespace turnpike::relay
