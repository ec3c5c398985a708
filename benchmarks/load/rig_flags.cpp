#include "benchmarks/load/rig_flags.hpp"

#include <CLI/CLI.hpp>

#include "benchmarks/load/units.hpp"

namespace turnpike::bench {
void RigFlags::add_to(CLI::App& app) {
    target.add_to(app);
    app.add_option("--allocations", allocations,
                   "allocations, each with a 5-tuple and a peer of its own")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1U, 1'000'000U));
    app.add_option("--mode", mode, "channels (ChannelData) or send (Send indications)")
        ->capture_default_str()
        ->check(CLI::IsMember({"channels", "send"}))
        ->type_name("NAME");
    app.add_flag("--relay-to-relay", relay_to_relay,
                 "two allocations are each other's peer; no peer of the generator");
    app.add_option("--client-addresses", client_addresses,
                   "addresses that UDP clients send from; they must be local there (ip route add "
                   "local CIDR dev lo). "
                   "Default: 127.1.0.0/16 towards loopback, else the address that the route has, "
                   "with a port each")
        ->type_name("CIDR");
    app.add_option("--peer-addresses", peer_addresses,
                   "the same for the peers; default 127.2.0.0/16")
        ->type_name("CIDR");
    app.add_option("--peer-netns", peer_netns, "network namespace of the peers")->type_name("NAME");
    app.add_option("--relay-family", family,
                   "4 or 6: family of the relayed addresses; default the server's")
        ->type_name("N")
        ->check(CLI::IsMember({4, 6}));
    app.add_flag(
        "--gso", segments,
        "UDP only: a burst of a flow goes out as one (UDP_SEGMENT) and comes in as one (UDP_GRO)");
    app.add_option("--window", window, "set-ups that are under way at once")
        ->capture_default_str()
        ->type_name("N")
        ->check(CLI::Range(1U, 100'000U));
    app.add_option("--timeout", timeout, "set-up without any progress ends after this time")
        ->capture_default_str()
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
}

std::expected<RigOptions, std::string> RigFlags::options(bool progress) const {
    auto owner = target.target();
    if (!owner) return std::unexpected(owner.error());
    const auto clients = address_block("--client-addresses", client_addresses),
               peers = address_block("--peer-addresses", peer_addresses);
    for (const auto* one : {&clients, &peers}) {
        if (!*one) return std::unexpected(one->error());
    }
    if (relay_to_relay && allocations % 2 != 0)
        return std::unexpected("--relay-to-relay pairs allocations: give an even number of them");
    if (segments && owner->transport != Transport::Udp)
        return std::unexpected("--gso is for --transport udp");
    if (segments && mode == "send") return std::unexpected("--gso is for --mode channels");
    RigOptions options{
        .target = std::move(*owner),
        .allocations = allocations,
        .framing = mode == "send" ? Framing::Send : Framing::Channels,
        .relay_to_relay = relay_to_relay,
        .segments = segments,
        .client_addresses = *clients,
        .peer_addresses = *peers,
        .peer_netns = peer_netns,
        .relay_family = {},
        .driver = {.window = window, .patience = from_seconds(timeout), .progress = progress}};
    if (family != 0) options.relay_family = family == 4 ? Family::V4 : Family::V6;
    return options;
}

}  // namespace turnpike::bench
