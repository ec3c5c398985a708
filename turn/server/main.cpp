// turnpike-relay: reads its configuration, starts the workers, and serves administrators until told
// to stop.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "common/base/system_clock.hpp"
#include "common/crypto/base64.hpp"
#include "common/crypto/system_random.hpp"
#include "common/ops/control_loop.hpp"
#include "common/ops/http_endpoint.hpp"
#include "common/ops/instance_directory.hpp"
#include "common/ops/systemd.hpp"
#include "turn/net/journal.hpp"
#include "turn/server/admin_routes.hpp"
#include "turn/server/load.hpp"
#include "turn/server/metrics.hpp"
#include "turn/server/node_urls.hpp"
#include "turn/server/options.hpp"
#include "turn/server/reload.hpp"

namespace turnpike::relay {
namespace {

constexpr Milliseconds kSecretsEvery = 1s, kOwnAddressesEvery = 5s, kLoadEvery = 2s, kStatusEvery = 10s,
                       kLabReminderEvery = 60s, kTidyEvery = 1h, kTicketKeysEvery = 12h;
constexpr std::size_t kNonceKeyBytes = 32;

/// A start that cannot be: one sentence, plain for people.
int failed(ops::Log& log, const std::string& reason) {
    if (log.format() == ops::Log::Format::Text)
        std::fprintf(stderr, "turnpike-relay: %s\n", reason.c_str());
    else
        log.error("start.refused", {{"reason", reason}});
    return kExitFailed;
}

std::string random_hex(Random& random, std::size_t bytes) {
    Bytes raw(bytes);
    random.fill_secret(raw);
    return crypto::hex(raw);
}

/// --dev without credentials: a user of this process only.
std::optional<core::StaticUser> throwaway_user(const Config& config, Random& random) {
    if (config.has_credentials()) return {};
    return core::StaticUser{"dev", Secret{random_hex(random, 12)}};
}

void tell(const core::StaticUser& user, const std::string& realm) {
    const std::string password{as_text(user.password.reveal())};
    std::fprintf(stderr,
                 "turnpike-relay: no credentials are configured; until this process ends: username "
                 "%s, password %s, realm %s\n",
                 user.name.c_str(), password.c_str(), realm.c_str());
}

// A journal that cannot be kept is no reason to relay nothing.
void keep_journal(Config& config, const std::filesystem::path& directory, ops::Log& log) {
    const auto off = [&log](const std::string& why) { log.error("journal.off", {{"reason", why}}); };
    const auto boot = net::this_boot();
    if (!boot) return off("the kernel does not tell which boot of this machine this is");
    // A file larger than RLIMIT_FSIZE is an error to be told of, not the end.
    std::signal(SIGXFSZ, SIG_IGN);
    config.net.journal = net::JournalOptions{directory, *boot, off};
}

/// --coturn-conf: what does not do as coturn would.
void tell(const std::vector<config::coturn::Entry>& entries, ops::Log& log) {
    using config::coturn::Outcome;
    for (const auto& entry : entries) {
        if (!entry.notable) continue;
        const std::string event = "coturn." + std::string{to_string(entry.outcome)};
        if (entry.outcome == Outcome::Mapped)
            log.info(event, {{"option", entry.option},
                             {"line", entry.at.line},
                             {"key", entry.key},
                             {"value", entry.value},
                             {"reason", entry.note}});
        else
            log.write(entry.outcome == Outcome::Unsupported ? ops::Level::Warning : ops::Level::Info,
                      event,
                      {{"option", entry.option}, {"line", entry.at.line}, {"reason", entry.note}});
    }
}
void print(const std::vector<config::coturn::Entry>& entries, const std::filesystem::path& file) {
    std::size_t others = 0;
    for (const auto& entry : entries) {
        if (entry.notable || entry.stops)
            std::fprintf(stderr, "%s\n", entry.to_string(file.string()).c_str());
        else
            ++others;
    }
    if (others > 0)
        std::fprintf(stderr, "%s: and %zu more; turnpike config import-coturn shows all of them\n",
                     file.c_str(), others);
}

std::string status_line(const net::Snapshot& snapshot) {
    return std::to_string(snapshot.allocations) + " allocations, " +
           std::to_string(snapshot.stream_sessions) + " stream sessions";
}

int serve(const Options& options, Loaded loaded) {
    const SystemClock clock;
    crypto::SystemRandom random;
    Config& config = loaded.config;
    ops::Log log{config.common.log};
    ops::ControlLoop loop;

    // One process per instance: the lock comes before the ports, so that a second start says what
    // it means.
    const auto directory = ops::InstanceDirectory::claim(
        ops::InstanceDirectory::locate("relay", config.common.runtime_dir),
        config.common.admin_group);
    if (!directory) return failed(log, directory.error());

    Bytes nonce_key(kNonceKeyBytes);
    random.fill_secret(nonce_key);
    config.net.core.nonce_key = Secret{nonce_key};
    HashKey privacy_key{};
    random.fill_secret({reinterpret_cast<std::uint8_t*>(&privacy_key), sizeof privacy_key});
    const std::optional<core::StaticUser> throwaway = throwaway_user(config, random);
    if (throwaway) config.users.push_back(*throwaway);

    config.net.upstream_failed = [&log](const Endpoint& upstream, int error) {
        log.limited(ops::Level::Warning, 10s, "upstream.failed",
                    {{"upstream", upstream.to_string()}, {"reason", std::strerror(error)}});
    };
    if (config.journal) keep_journal(config, directory->path(), log);
    else net::Journal::remove_from(directory->path(), 0);
    UsageLog usage{loop, log, ops::ClientIpPrivacy{config.common.client_ip, privacy_key}, clock};
    net::WorkerPool pool{
        config.net,   config.credentials(),
        config.peers, clock,
        random,       [&usage](const core::Action& action) { usage.report(action); }};

    // Revocations come before the first client: who was revoked stays out across a restart.
    RevocationFile revocations{directory->path() / "revocations.jsonl"};
    const auto replay = revocations.open(clock.wall());
    if (!replay) return failed(log, replay.error());
    if (replay->unreadable > 0)
        log.warning("revocations.unreadable", {{"lines", replay->unreadable}});

    if (const auto started = pool.start(); !started) return failed(log, started.error().message);
    for (const auto& entry : replay->live) pool.revoke(entry.realm, entry.subject, entry.until);

    Node node{config,
              pool,
              revocations,
              usage,
              clock,
              log,
              random_hex(random, 16),
              clock.wall(),
              clock.now(),
              pool.listeners(),
              config.urls,
              loaded.document.effective(),
              {}};
    if (node.urls.empty()) node.urls = node_urls(node.listeners, config.net.relay_addresses);
    ops::Metrics metrics;
    metrics.add([&node](ops::Scrape& scrape) { collect(scrape, node); });
    metrics.add(ops::collect_process);

    ops::Router admin_router{log}, public_router{log};
    add_admin_routes(admin_router, node, metrics);
    add_public_routes(public_router, node, metrics);
    ops::HttpEndpoint admin{loop, admin_router}, scraped{loop, public_router};
    if (const auto listening =
            admin.listen_admin(directory->admin_socket(), config.common.admin_group);
        !listening)
        return failed(log, listening.error());
    if (config.common.metrics_address) {
        const auto bound = scraped.listen_tcp(*config.common.metrics_address);
        if (!bound)
            return failed(
                log, bound.error() +
                         "; stop the other program or change metrics.address (\"\" turns it off)");
    }

    Reload reload{options, config, node, throwaway};
    reload.watch(loaded.document);
    loop.handle_usual_signals([&reload] { reload.all(); });
    loop.every(kSecretsEvery, [&reload] {
        reload.secrets_if_changed();
        reload.certificates_if_changed();
    });
    loop.every(kTicketKeysEvery, [&reload] { reload.certificates(); });
    loop.every(kOwnAddressesEvery, [&reload] { reload.own_addresses_if_changed(Machine::look()); });
    loop.every(kLoadEvery, [&] { node.load.sample(clock.now()); });
    loop.every(kStatusEvery, [&] { ops::systemd::status(status_line(pool.snapshot())); });
    loop.every(kTidyEvery, [&] {
        if (revocations.appended() == 0) return;
        if (const auto kept = revocations.rewrite(pool.revocations()); !kept)
            log.error("revocations.not_kept", {{"reason", kept.error()}});
    });
    if (config.peers.mode == core::PeerPolicy::Mode::Lab && !options.dev) {
        loop.every(kLabReminderEvery, [&] {
            log.warning("peers.lab",
                        {{"reason", "peers.mode is lab: loopback and local peers can be allowed"}});
        });
    }
    if (const auto interval = ops::systemd::watchdog_interval()) {
        loop.every(*interval, [&] {
            // A worker that hangs is a reason to be restarted, so it is not the control loop's word
            // alone.
            if (node.alive(pool.snapshot()))
                ops::systemd::alive();
            else
                log.limited(ops::Level::Error, 10s, "worker.stuck");
        });
    }

    if (throwaway) tell(*throwaway, config.realm);
    for (const net::Listener& listener : node.listeners) {
        log.info("listening", {{"transport", listener.transports()},
                               {"address", listener.address.to_string()},
                               {"realm", listener.realm}});
    }
    tell(loaded.coturn.entries, log);
    log.info("io.engine", {{"engine", to_string(pool.engine())}, {"why", pool.engine_why()}});
    log.info("started", {{"version", TURNPIKE_VERSION},
                         {"node", config.common.node_id},
                         {"workers", pool.workers()},
                         {"admin", directory->admin_socket().string()}});
    ops::systemd::ready("running");
    loop.run();

    ops::systemd::stopping("stopping");
    log.info("stopping", {{"allocations", pool.snapshot().allocations}});
    pool.stop();
    usage.drain();
    log.info("stopped");
    return 0;
}

int run(int argc, char** argv) {
    const auto parsed = Options::parse(argc, argv);
    if (const int* code = std::get_if<int>(&parsed)) return *code;
    const Options& options = std::get<Options>(parsed);

    Loaded loaded = load(options, SystemClock{}.wall());
    if (!loaded.document.ok() || options.check || options.print_config)
        print(loaded.coturn.entries, options.coturn_conf);
    std::fputs(loaded.document.report().c_str(), stderr);
    if (!loaded.document.ok()) return kExitConfig;
    if (options.print_config) {
        std::fputs(loaded.document.effective().c_str(), stdout);
        return 0;
    }
    if (options.check) {
        std::fputs(summary(loaded.config).c_str(), stdout);
        return 0;
    }
    return serve(options, std::move(loaded));
}

}  // namespace
}  // namespace turnpike::relay

int main(int argc, char** argv) {
    return turnpike::relay::run(argc, argv);
}
