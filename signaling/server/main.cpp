// turnpike-signaling: how it is put together. The main thread has signals, the admin socket, metrics
// and the watch on secret files; the Service's thread has WebSockets, rooms and relays.

#include <array>
#include <cstdio>
#include <string>

#include "common/base/system_clock.hpp"
#include "common/crypto/base64.hpp"
#include "common/crypto/system_random.hpp"
#include "common/ops/control_loop.hpp"
#include "common/ops/file_watch.hpp"
#include "common/ops/http_endpoint.hpp"
#include "common/ops/instance_directory.hpp"
#include "common/ops/systemd.hpp"
#include "signaling/server/admin_routes.hpp"
#include "signaling/server/metrics.hpp"
#include "signaling/server/options.hpp"
#include "signaling/server/service.hpp"

namespace {

using namespace turnpike;
using namespace turnpike::signaling;

constexpr Milliseconds kWatchFilesEvery{2000};
constexpr int kExitFailed = 1;

int fail(const std::string& message) {
    std::fprintf(stderr, "turnpike-signaling: %s\n", message.c_str());
    return kExitFailed;
}

int run(const Options& options) {
    config::Document document = options.load();
    SignalingConfig config = read_config(document);
    document.finish();
    if (!document.problems().empty()) std::fputs(document.report().c_str(), stderr);
    if (!document.ok()) return kExitConfig;
    if (options.print_config) std::fputs(document.effective().c_str(), stdout);
    if (options.check && !options.print_config) std::puts("configuration is good");
    if (options.check || options.print_config) return 0;

    const SystemClock clock;
    crypto::SystemRandom random;
    ops::Log log{config.common.log};
    const ops::Settings common = config.common;

    auto directory = ops::InstanceDirectory::claim(ops::InstanceDirectory::locate("signaling", common.runtime_dir), common.admin_group);
    if (!directory) return fail(directory.error());
    auto service = Service::open(std::move(config), clock, random, log);
    if (!service) return fail(service.error());
    Service& signaling = **service;

    std::array<std::uint8_t, 8> boot{};
    random.fill_public(boot);
    const Identity identity{common.node_id, crypto::hex(boot), clock.wall()};
    ops::ControlLoop control;
    ops::Metrics metrics;
    add_metrics(metrics, signaling);
    signaling.on_metrics([&](std::function<void(std::string)> done) {
        control.post([&metrics, done = std::move(done)] { done(metrics.text()); });
    });

    ops::Router admin_routes, public_routes;
    add_admin_routes(admin_routes, signaling, clock, identity, metrics, document.effective());
    add_health_routes(public_routes, signaling, metrics);
    ops::HttpEndpoint admin{control, admin_routes}, health{control, public_routes};
    if (auto listening = admin.listen_admin(directory->admin_socket(), common.admin_group); !listening) return fail(listening.error());
    if (common.metrics_address) {
        if (auto listening = health.listen_tcp(*common.metrics_address); !listening) {
            return fail(listening.error() + "; change metrics.address, or set it to \"\"");
        }
    }

    ops::FileWatch watch;
    watch.watch(document.secret_files());
    const auto reload = [&] {
        config::Document again = options.load();
        SignalingConfig fresh = read_config(again);
        again.finish();
        if (!again.ok()) {
            // The old secrets go on working; the report says what is wrong and where.
            log.error("config.reload_refused", {{"problems", again.report()}});
            return;
        }
        watch.watch(again.secret_files());
        log.set_level(fresh.common.log.level);
        signaling.reload(std::move(fresh));
    };
    control.handle_usual_signals([&] {
        ops::systemd::reloading();
        reload();
        ops::systemd::ready("reloaded");
    });
    control.every(kWatchFilesEvery, [&] {
        if (watch.changed()) reload();
    });
    if (const auto interval = ops::systemd::watchdog_interval()) {
        // Alive means that the thread of the calls is, not only this one.
        control.every(*interval, [&] {
            if (signaling.ask<bool>([](Service::Inside) { return true; })) ops::systemd::alive();
        });
    }

    signaling.start();
    log.info("signaling.started", {{"address", signaling.address().to_string()},
                                   {"version", TURNPIKE_VERSION},
                                   {"admin_socket", directory->admin_socket().string()}});
    if (!signaling.has_page()) {
        log.warning("web.page_missing", {{"web_root", signaling.config().web.root.string()}, {"fix", "./dev build, then set web.root"}});
    }
    ops::systemd::ready("serving on " + signaling.address().to_string());
    control.run();

    ops::systemd::stopping("saying goodbye");
    signaling.stop();
    log.info("signaling.stopped");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    int exit_code = 0;
    const auto options = Options::parse(argc, argv, exit_code);
    if (!options) return exit_code;
    try {
        return run(*options);
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}
