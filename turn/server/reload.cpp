#include "turn/server/reload.hpp"

#include <map>

#include "common/ops/systemd.hpp"
#include "turn/server/listeners.hpp"
#include "turn/server/peer_rules.hpp"

namespace turnpike::relay {
namespace {

/// "relay.min_port" → "50000". Tables of a list are told apart by their number.
std::map<std::string, std::string> values_of(std::string_view printed) {
    std::map<std::string, std::string> values;
    std::map<std::string, int> lists;
    std::string table;
    while (!printed.empty()) {
        const std::size_t end = std::min(printed.find('\n'), printed.size());
        std::string_view line = printed.substr(0, end);
        printed.remove_prefix(std::min(end + 1, printed.size()));
        if (line.starts_with('#')) continue;  // not set
        if (line.starts_with("[[")) {
            const std::string name{line.substr(2, line.find("]]") - 2)};
            table = name + "[" + std::to_string(lists[name]++) + "].";
        } else if (line.starts_with('[')) {
            table = std::string{line.substr(1, line.find(']') - 1)} + ".";
        } else if (const std::size_t equals = line.find(" = "); equals != std::string_view::npos) {
            std::string_view value = line.substr(equals + 3);
            value = value.substr(0, value.rfind(" # "));  // where it came from may change
            while (value.ends_with(' ')) value.remove_suffix(1);
            values[table + std::string{line.substr(0, equals)}] = value;
        }
    }
    return values;
}

bool reloadable(std::string_view key) {
    return key.starts_with("auth.secrets") || key.starts_with("auth.users") ||
           key.starts_with("auth.third_party") || key.starts_with("peers.") || key == "log.level";
}

}  // namespace

std::vector<std::string> keys_for_restart(std::string_view before, std::string_view after) {
    const auto old_values = values_of(before), new_values = values_of(after);
    std::vector<std::string> keys;
    for (const auto& [key, value] : new_values) {
        const auto old = old_values.find(key);
        if (!reloadable(key) && (old == old_values.end() || old->second != value))
            keys.push_back(key);
    }
    for (const auto& [key, value] : old_values) {
        if (!reloadable(key) && !new_values.contains(key)) keys.push_back(key);
    }
    return keys;
}

Reload::Reload(const Options& options, Config& config, Node& node,
               std::optional<core::StaticUser> throwaway)
    : options_(options), config_(config), node_(node), throwaway_(std::move(throwaway)) {}

void Reload::all() {
    ops::systemd::reloading();
    if (auto loaded = read()) {
        const std::string printed = loaded->document.effective();
        const std::vector<std::string> waiting = keys_for_restart(node_.effective_config, printed);
        apply_credentials(*loaded);
        apply_peers(std::move(loaded->config.peers));
        node_.log.set_level(loaded->config.common.log.level);
        watch(loaded->document);
        certificates();
        node_.log.info("reload.done",
                       {{"secrets", config_.secrets.size()}, {"users", config_.users.size()}});
        // Shown is what is in effect: not what waits for a restart.
        if (waiting.empty()) node_.effective_config = printed;
        for (const std::string& key : waiting)
            node_.log.warning("reload.needs_restart", {{"key", key}});
    }
    ops::systemd::ready("running");
}

void Reload::secrets_if_changed() {
    if (!watch_.changed()) return;
    if (auto loaded = read()) {
        apply_credentials(*loaded);
        node_.log.info("secrets.reloaded",
                       {{"secrets", config_.secrets.size()}, {"users", config_.users.size()}});
    }
}

void Reload::watch(const config::Document& document) {
    watch_.watch(document.secret_files());
    std::vector<std::filesystem::path> files;
    for (const net::Listener& listener : node_.listeners) {
        if (!listener.secure()) continue;
        for (const net::CertificateFiles& pair : listener.certificates()) {
            files.emplace_back(pair.certificate);
            files.emplace_back(pair.key);
        }
    }
    certificate_watch_.watch(std::move(files));
}

void Reload::certificates_if_changed() {
    if (!certificate_watch_.changed()) return;
    certificates();
}

// Two files are seldom written in one instant: what does not fit together is looked at again when
// the other one changes.
void Reload::certificates() {
    if (const auto loaded = node_.pool.reload_certificates(); !loaded)
        node_.log.error("certificates.kept", {{"reason", loaded.error().message}});
    else if (!config_.certificates.empty())
        node_.log.info("certificates.loaded");
    for (const net::Listener& listener : config_.net.listeners) {
        if (const auto until = certificates_until(listener, node_.clock.wall()))
            config_.certificates[listener.address.to_string()] = *until;
    }
}

void Reload::own_addresses_if_changed(const Machine& machine) {
    std::vector<IpAddress> own = own_addresses(config_, machine);
    if (own == config_.peers.hard_denied) return;
    core::PeerPolicy::Rules peers = config_.peers;
    peers.hard_denied = std::move(own);
    apply_peers(std::move(peers));
    node_.log.info("peers.own_addresses", {{"denied", config_.peers.hard_denied.size()}});
}

std::optional<Loaded> Reload::read() {
    Loaded loaded = load(options_, node_.clock.wall());
    if (loaded.document.ok()) return loaded;
    for (const config::Problem& problem : loaded.document.problems()) {
        if (problem.severity != config::Problem::Severity::Error) continue;
        const std::string place = problem.source + ":" + std::to_string(problem.line) + ":" +
                                  std::to_string(problem.column);
        node_.log.error("reload.refused", {{"place", place}, {"reason", problem.message}});
    }
    return {};
}

void Reload::apply_peers(core::PeerPolicy::Rules peers) {
    config_.peers = std::move(peers);
    node_.pool.set_policy(config_.peers);
}

void Reload::apply_credentials(Loaded& loaded) {
    if (!loaded.config.has_credentials() && throwaway_) loaded.config.users.push_back(*throwaway_);
    config_.secrets = std::move(loaded.config.secrets);
    config_.users = std::move(loaded.config.users);
    config_.third_party = std::move(loaded.config.third_party);
    config_.cap = loaded.config.cap;
    node_.pool.set_credentials(config_.credentials());
}

}  // namespace turnpike::relay
