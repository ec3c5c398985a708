#include <algorithm>
#include <memory>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "benchmarks/load/bare_fleet.hpp"
#include "benchmarks/load/frame_interface.hpp"
#include "benchmarks/load/mode_support.hpp"
#include "benchmarks/load/modes.hpp"
#include "benchmarks/load/output.hpp"
#include "benchmarks/load/rig_flags.hpp"
#include "benchmarks/load/units.hpp"
#include "turn/stun/channel_data.hpp"

namespace turnpike::bench {
namespace {

constexpr std::uint32_t kBatchMax = 64;
// Of batches that left more than 1 ms late; above it the run is invalid.
constexpr double kLateShareMax = 0.01;
constexpr std::size_t kHeaders = 14 + 20 + 8;

struct FramesFlags {
    RigFlags rig;
    Output output;
    std::string client_wire, peer_wire, direction = "to-peer", bare, relayed;
    double pps = 100'000, duration = 5, warm_up = 1;
    std::size_t size = 120;
    std::uint32_t batch = kBatchMax, burst = 1;
    std::vector<int> server_pids;
    int server_core = -1;
};

/// A wire as a flag names it: NAMESPACE/INTERFACE=MAC, the MAC address being the relay's.
struct Wire {
    std::string where;
    std::array<std::uint8_t, 6> relay{};
};

std::expected<Wire, std::string> parse_wire(const std::string& text) {
    Wire wire;
    const std::size_t at = text.find('=');
    wire.where = text.substr(0, at);
    unsigned bytes[6];
    char rest = 0;
    if (at == std::string::npos ||
        std::sscanf(text.c_str() + at + 1, "%2x:%2x:%2x:%2x:%2x:%2x%c", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
                    &bytes[5], &rest) != 6) {
        return std::unexpected(fmt::format("'{}' is no NAMESPACE/INTERFACE=MAC", text));
    }
    std::ranges::transform(bytes, wire.relay.begin(), [](unsigned byte) { return static_cast<std::uint8_t>(byte); });
    return wire;
}

// Ethernet, IPv4 and UDP around `payload`. No UDP checksum: a network card would have checked it.
Bytes make_frame(const std::array<std::uint8_t, 6>& to_mac, const std::array<std::uint8_t, 6>& from_mac, const Endpoint& from,
                 const Endpoint& to, ByteView payload) {
    Bytes frame(kHeaders + payload.size());
    const ByteSpan all{frame};
    std::ranges::copy(to_mac, frame.begin());
    std::ranges::copy(from_mac, frame.begin() + 6);
    store_u16(all, 12, 0x0800);
    const ByteSpan ip = all.subspan(14);
    ip[0] = 0x45;
    store_u16(ip, 2, static_cast<std::uint16_t>(20 + 8 + payload.size()));
    store_u16(ip, 6, 0x4000);  // DF
    ip[8] = 64;
    ip[9] = 17;
    std::ranges::copy(from.address.bytes(), ip.begin() + 12);
    std::ranges::copy(to.address.bytes(), ip.begin() + 16);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < 20; i += 2) sum += load_u16(ip, i);
    while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
    store_u16(ip, 10, static_cast<std::uint16_t>(~sum));
    const ByteSpan udp = ip.subspan(20);
    store_u16(udp, 0, from.port);
    store_u16(udp, 2, to.port);
    store_u16(udp, 4, static_cast<std::uint16_t>(8 + payload.size()));
    std::ranges::copy(payload, udp.begin() + 8);
    return frame;
}

std::vector<Bytes> frames_of(const Fleet& fleet, bool to_peer, std::size_t size, const std::array<std::uint8_t, 6>& to_mac,
                             const std::array<std::uint8_t, 6>& from_mac) {
    std::vector<Bytes> frames;
    for (const FleetMember& member : fleet.members) {
        Bytes payload(size, 0xA5);
        if (!to_peer) {
            frames.push_back(make_frame(to_mac, from_mac, member.peer, member.relayed, payload));
            continue;
        }
        Bytes message(4 + size, 0xA5);
        store_u16(ByteSpan{message}, 0, member.channel);
        store_u16(ByteSpan{message}, 2, static_cast<std::uint16_t>(size));
        frames.push_back(make_frame(to_mac, from_mac, member.client, fleet.server, message));
    }
    return frames;
}

struct Result {
    std::uint64_t sent = 0, arrived = 0, late = 0;  // late batches
    Nanoseconds elapsed{};
    CpuUse cpu;
};

struct Moment {
    Instant at{};
    std::uint64_t sent = 0, arrived = 0, late = 0;
    CpuUse cpu;
};

// Puts frames on the wire by the schedule, first for the warm-up and then for what is measured.
std::expected<Result, std::string> run_wire(FrameInterface& from, const FrameInterface& to, const FramesFlags& flags, CpuMeter& cpu,
                                            Bench& bench) {
    const auto wait_until = [&](Instant end) {
        while (bench.clock.now() < end && bench.stop == 0) std::this_thread::sleep_for(std::min(end - bench.clock.now(), Nanoseconds{100ms}));
    };
    const auto look = [&] { return Moment{bench.clock.now(), from.sent(), to.arrived(), from.late_batches(), cpu.read()}; };
    const Instant begin = bench.clock.now();
    from.start({flags.pps, flags.batch}, begin);
    wait_until(begin + from_seconds(flags.warm_up));
    const Moment before = look();
    wait_until(before.at + from_seconds(flags.duration));
    const Moment after = look();
    if (auto stopped = from.stop(); !stopped) return std::unexpected(stopped.error());
    return Result{after.sent - before.sent, after.arrived - before.arrived, after.late - before.late, after.at - before.at,
                  after.cpu - before.cpu};
}

double late_share(const Result& result, const FramesFlags& flags) {
    return result.sent == 0 ? 1 : static_cast<double>(result.late) * flags.batch / static_cast<double>(result.sent);
}

Json to_json(const Result& result, const FramesFlags& flags, bool valid) {
    Json json;
    json["mode"] = "frames";
    json["verdict"] = valid ? (result.arrived >= result.sent ? "clean" : "imperfect") : "saturated";
    json["direction"] = flags.direction;
    json["allocations"] = flags.rig.allocations;
    json["size_bytes"] = flags.size;
    json["batch"] = flags.batch;
    json["burst"] = flags.burst;
    json["offered_packets_per_second"] = flags.pps;
    json["elapsed_seconds"] = as_seconds(result.elapsed);
    json["sent"] = result.sent;
    json["arrived"] = result.arrived;
    json["loss"] = std::max(0.0, 1 - static_cast<double>(result.arrived) / static_cast<double>(std::max<std::uint64_t>(result.sent, 1)));
    json["packets_per_second"] = static_cast<double>(result.arrived) / as_seconds(result.elapsed);
    json["late_share"] = late_share(result, flags);
    if (const auto charged = result.cpu.charged()) {
        json["server_cpu_seconds"] = as_seconds(*charged);
        json["packets_per_cpu_second"] = static_cast<double>(result.arrived) / std::max(as_seconds(*charged), 1e-9);
    }
    return json;
}

std::string to_text(const Json& json) {
    std::string text = fmt::format("{} allocations, {}, {} bytes: {}packets/s of {}packets/s came through, {:.3f} % lost\n",
                                   json["allocations"].get<std::uint32_t>(), json["direction"].get<std::string>(),
                                   json["size_bytes"].get<std::size_t>(), rate_text(json["packets_per_second"].get<double>()),
                                   rate_text(json["offered_packets_per_second"].get<double>()), 100 * json["loss"].get<double>());
    if (json.contains("packets_per_cpu_second")) {
        text += fmt::format("{}packets per CPU-second of the server\n", rate_text(json["packets_per_cpu_second"].get<double>()));
    }
    if (json["verdict"] == "saturated") text += "result invalid: generator saturated\n";
    return text;
}

std::expected<Fleet, std::string> bare_fleet(const RigOptions& options, const FramesFlags& flags) {
    const auto relayed = IpAddress::parse(flags.relayed);
    if (!relayed || !options.client_addresses || !options.peer_addresses)
        return std::unexpected("--bare needs --relayed, --client-addresses and --peer-addresses, as the forwarder has them");
    const BareFleet bare{.server = options.target.server,
                         .relayed = *relayed,
                         .clients = AddressPool{*options.client_addresses},
                         .peers = AddressPool{*options.peer_addresses},
                         .members = options.allocations,
                         .layout = flags.bare == "range" ? Layout::Range : Layout::Sockets};
    if (std::min({bare.clients.size(), bare.peers.size(), BareFleet::kMembersMax}) < bare.members)
        return std::unexpected("--bare: too few addresses for so many --allocations");
    return bare.fleet();
}

int run(FramesFlags& flags, Bench& bench) {
    const auto client_wire = parse_wire(flags.client_wire), peer_wire = parse_wire(flags.peer_wire);
    if (!client_wire) return complain(client_wire.error(), kUsage);
    if (!peer_wire) return complain(peer_wire.error(), kUsage);
    auto options = flags.rig.options(!flags.output.json && !flags.output.stream);
    if (!options) return complain(options.error(), kUsage);
    if (!options->target.server.address.is_v4() || options->target.transport != Transport::Udp || options->relay_to_relay) {
        return complain("frames are UDP over IPv4, between clients and peers", kUsage);
    }
    if (kHeaders + flags.size < FrameInterface::kFrameMin) return complain("--size is too small for a frame", kUsage);
    std::optional<unsigned> core;
    if (flags.server_core >= 0) core = static_cast<unsigned>(flags.server_core);
    auto cpu = CpuMeter::watch(flags.server_pids, core);
    if (!cpu) return complain(cpu.error(), kUsage);

    std::unique_ptr<Rig> rig;
    Fleet fleet;
    const auto failed = [&](const std::string& problem, int code) {
        if (rig) rig->driver().close_all();
        return complain(problem, code);
    };
    if (!flags.bare.empty()) {
        auto bare = bare_fleet(*options, flags);
        if (!bare) return complain(bare.error(), kUsage);
        fleet = std::move(*bare);
    } else {
        auto opened = Rig::open(std::move(*options), bench.clock, bench.random, bench.stop);
        if (!opened) return complain(opened.error(), kUnreachable);
        rig = std::move(*opened);
        if (auto made = rig->driver().make_all(); !made) return failed(made.error(), kUnreachable);
        fleet = rig->maker().fleet();
    }
    const std::uint16_t peer_port = fleet.members.front().peer.port;
    if (!std::ranges::all_of(fleet.members, [&](const FleetMember& m) { return m.peer.port == peer_port; })) {
        return failed("peers have several ports; give them --peer-addresses of their own", kUsage);
    }

    const bool to_peer = flags.direction == "to-peer";
    auto client = FrameInterface::attach(client_wire->where, {.port = fleet.server.port, .from_port = true, .channel_data = true});
    if (!client) return failed(client.error(), kUsage);
    auto peer = FrameInterface::attach(peer_wire->where, {.port = peer_port});
    if (!peer) return failed(peer.error(), kUsage);
    FrameInterface& from = to_peer ? **client : **peer;
    const FrameInterface& to = to_peer ? **peer : **client;
    if (auto loaded = from.load(frames_of(fleet, to_peer, flags.size, (to_peer ? client_wire : peer_wire)->relay,
                                          from.hardware_address()),
                                flags.burst);
        !loaded) {
        return failed(loaded.error(), kUsage);
    }
    const auto result = run_wire(from, to, flags, *cpu, bench);
    client->reset();
    peer->reset();
    if (rig) rig->driver().close_all();
    if (!result) return complain(result.error(), kUsage);
    const bool valid = late_share(*result, flags) <= kLateShareMax;
    const Json json = to_json(*result, flags, valid);
    flags.output.result(to_text(json), json);
    return !valid ? kSaturated : result->arrived >= result->sent ? kOk : kNotClean;
}

}  // namespace

void add_frames_mode(CLI::App& app, Bench& bench) {
    const auto flags = std::make_shared<FramesFlags>();
    CLI::App* frames = app.add_subcommand("frames", "payload as Ethernet frames straight onto a wire, millions a second");
    flags->rig.add_to(*frames);
    flags->output.add_to(*frames);
    frames->add_option("--client-wire", flags->client_wire,
                       "interface that the clients are behind, and the relay's MAC address there")
        ->required()->type_name("NETNS/INTERFACE=MAC");
    frames->add_option("--peer-wire", flags->peer_wire, "the same for the peers")->required()->type_name("NETNS/INTERFACE=MAC");
    frames->add_option("--direction", flags->direction, "where packets go")->capture_default_str()
        ->check(CLI::IsMember({"to-peer", "to-client"}));
    frames->add_option("--bare", flags->bare, "no TURN: the server is turnpike-bench forward with this --layout")
        ->type_name("LAYOUT")->check(CLI::IsMember({"sockets", "range"}));
    frames->add_option("--relayed", flags->relayed, "its --relayed")->type_name("ADDRESS")->needs("--bare");
    frames->add_option("--pps", flags->pps, "packets per second")->capture_default_str()->type_name("N")->check(CLI::Range(1.0, 1e8));
    frames->add_option("--size", flags->size, "bytes of payload")->capture_default_str()->type_name("BYTES")->check(CLI::Range(22, 1'440));
    frames->add_option("--batch", flags->batch, "frames that reach the relay at once")->capture_default_str()->type_name("N")
        ->check(CLI::Range(1U, 4'096U));
    frames->add_option("--burst", flags->burst, "of them, in a row, of one flow")->capture_default_str()->type_name("N")
        ->check(CLI::Range(1U, 64U));
    frames->add_option("-t,--duration", flags->duration, "of the measurement")->capture_default_str()->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    frames->add_option("--warm-up", flags->warm_up, "load before the measurement")->capture_default_str()->type_name("SECONDS")
        ->check(CLI::NonNegativeNumber);
    frames->add_option("--server-pid", flags->server_pids, "process of the server, and threads of the kernel that work for it")
        ->type_name("PID")->check(CLI::PositiveNumber)->expected(1)->take_all();
    frames->add_option("--server-core", flags->server_core,
                       "core that the server has for itself: all its time counts, interrupts included")
        ->type_name("N")->check(CLI::NonNegativeNumber);
    frames->footer(std::string{
        "The allocations are made by sockets, from the namespace that the program runs in. Then frames of their flows go\n"
        "straight onto the wire, by XDP, and are counted and dropped at the other end.\n\n"
        "Example:\n"
        "  ip netns exec clients turnpike-bench frames --server 10.1.0.1:3478 --user u --password p --allocations 1000 \\\n"
        "    --client-addresses 10.3.0.0/16 --peer-addresses 10.4.0.0/16 --peer-netns peers --server-core 1 \\\n"
        "    --client-wire clients/to-relay=02:00:00:00:00:01 --peer-wire peers/to-relay=02:00:00:00:00:02\n\n"} +
        std::string{kCommonFooter});
    frames->callback([flags, &bench] { bench.exit_code = run(*flags, bench); });
}

}  // namespace turnpike::bench
