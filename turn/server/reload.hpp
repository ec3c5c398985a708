#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/ops/file_watch.hpp"
#include "turn/server/load.hpp"
#include "turn/server/node.hpp"

namespace turnpike::relay {

/// Reads the configuration again and applies what can change in a running relay: secrets, users,
/// peer rules, certificates, the log's level. All or nothing: a configuration with a problem changes nothing.
///
/// Lifetime   borrows what it is given
/// Threading  the control loop
class Reload {
public:
    /// `throwaway`: the user that --dev made up, kept as long as nothing else is configured.
    Reload(const Options& options, Config& config, Node& node,
           std::optional<core::StaticUser> throwaway);

    /// SIGHUP: everything that may change.
    void all();
    /// The timer: only when a file with a secret has changed.
    void secrets_if_changed();
    /// The timer: this machine and its network are no peers, whatever addresses they have now.
    void own_addresses_if_changed(const Machine& machine);
    /// The timer: only when a file with a certificate or a key has changed, or was replaced.
    void certificates_if_changed();
    /// Reads certificates again whether they changed or not, which gives session tickets new keys.
    void certificates();
    void watch(const config::Document& document);

private:
    std::optional<Loaded> read();
    void apply_credentials(Loaded& loaded);
    void apply_peers(core::PeerPolicy::Rules peers);

    const Options& options_;
    Config& config_;
    Node& node_;
    std::optional<core::StaticUser> throwaway_;
    ops::FileWatch watch_, certificate_watch_;
};

/// Keys whose value differs between two printed configurations, those left out that a reload
/// applies.
std::vector<std::string> keys_for_restart(std::string_view before, std::string_view after);

}  // namespace turnpike::relay
