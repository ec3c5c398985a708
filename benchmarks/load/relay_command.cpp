#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/payload.hpp"
#include "benchmarks/load/relay_mode.hpp"
#include "benchmarks/load/report.hpp"
#include "benchmarks/load/target_flags.hpp"
#include "common/base/system_clock.hpp"
#include "common/crypto/system_random.hpp"

namespace turnpike::bench {
namespace {

struct RelayFlags {
    TargetFlags target;
    std::uint64_t packets = 1000;
    double rate = 1000, duration = 0, timeout = 10, drain = 2, interval = 0;
    std::size_t size = 160;
    std::string mode = "channels";
    bool json = false;
};

Nanoseconds nanoseconds(double seconds) { return Nanoseconds{static_cast<std::int64_t>(seconds * 1e9)}; }

int run(const RelayFlags& flags, const volatile std::sig_atomic_t& stop) {
    auto target = flags.target.target();
    if (!target) {
        fmt::print(stderr, "turnpike-bench: {}\n", target.error());
        return kUsage;
    }
    const RelayOptions options{.target = std::move(*target),
                               .framing = flags.mode == "send" ? Framing::Send : Framing::Channels,
                               .packets = flags.packets,
                               .duration = nanoseconds(flags.duration),
                               .size = flags.size,
                               .rate = flags.rate,
                               .timeout = nanoseconds(flags.timeout),
                               .drain = nanoseconds(flags.drain),
                               .interval = nanoseconds(flags.interval)};
    const SystemClock clock;
    crypto::SystemRandom random;
    const auto report = run_relay(options, clock, random, stop);
    if (!report) {
        fmt::print(stderr, "turnpike-bench: {}\n", report.error());
        return kUnreachable;
    }
    fmt::print("{}", flags.json ? as_json(options, *report) : as_text(options, *report));
    return report->clean() ? kOk : kNotClean;
}

}  // namespace

void add_relay_mode(CLI::App& app, Outcome& outcome, const volatile std::sig_atomic_t& stop) {
    const auto flags = std::make_shared<RelayFlags>();
    CLI::App* relay = app.add_subcommand("relay", "two clients relaying to each other, every packet checked");
    flags->target.add_to(*relay);
    relay->add_option("--packets", flags->packets, "packets of each client; 0: until --duration or Ctrl-C")
        ->capture_default_str()->type_name("N");
    relay->add_option("--duration", flags->duration, "stop sending after this time")->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    relay->add_option("--size", flags->size, "bytes of payload")->capture_default_str()->type_name("BYTES")
        ->check(CLI::Range(Payload::kSizeMin, Payload::kSizeMax));
    relay->add_option("--rate", flags->rate, "packets per second of each client")->capture_default_str()
        ->type_name("N")->check(CLI::Range(0.1, 1e7));
    relay->add_option("--mode", flags->mode, "channels (ChannelData) or send (Send indications)")
        ->capture_default_str()->check(CLI::IsMember({"channels", "send"}))->type_name("NAME");
    relay->add_option("--timeout", flags->timeout, "for setting up")->capture_default_str()->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    relay->add_option("--drain", flags->drain, "quiet time after which a missing packet is lost")
        ->capture_default_str()->type_name("SECONDS")->check(CLI::PositiveNumber);
    relay->add_option("-i,--interval", flags->interval, "progress on stderr this often")->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    relay->add_flag("--json", flags->json, "the report as JSON");
    relay->footer(
        "Examples:\n"
        "  turnpike-bench relay --secret-file build/run/turn-secret --packets 10000 --rate 5000\n"
        "  turnpike-bench relay --server [::1]:5349 --transport tls --insecure --user alice --password wonderland\n"
        "  turnpike-bench relay --secret-file F --packets 0 --duration 60 -i 1 --json\n\n"
        "Exit codes: 0 every packet arrived once and intact, 1 not so, 2 usage, 6 the relay could not be used.");
    relay->callback([flags, &outcome, &stop] { outcome.exit_code = run(*flags, stop); });
}

}  // namespace turnpike::bench
