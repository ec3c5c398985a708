#include "turn/net/engine_choice.hpp"

#include "turn/net/relay_range.hpp"
#include "turn/net/relay_sockets.hpp"

namespace turnpike::net {
namespace {

std::expected<RangeSetup, std::string> open_range(const Options& options, Random& random) {
    std::vector<IpAddress> addresses;
    for (const auto& address : options.relay_addresses) addresses.push_back(address.local);
    std::vector<IpAddress> listeners;
    for (const Listener& listener : options.listeners) {
        const IpAddress& address = listener.address.address;
        if (!listener.stream() && !address.is_unspecified()) listeners.push_back(address);
    }
    return RangeSetup::open(addresses, listeners, options.port_min, options.port_max, options.workers,
                            options.limits.socket_buffer_bytes, random);
}

}  // namespace

std::expected<EngineChoice, StartError> EngineChoice::make(const Options& options, Random& random) {
    if (options.engine == IoEngine::Sockets)
        return EngineChoice{IoEngine::Sockets, "as io.engine says", {}};
    const bool asked = options.engine == IoEngine::Range;
    auto range = open_range(options, random);
    if (range) {
        return EngineChoice{
            IoEngine::Range,
            asked ? "as io.engine says" : "the kernel and this process's capabilities allow it",
            std::move(*range)};
    }
    const std::string needs =
        "it needs Linux 5.9 and CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, which the systemd drop-in "
        "fast.conf grants";
    if (asked) {
        return std::unexpected{StartError{"cannot run [io] engine = \"range\": " + range.error() +
                                          "; " + needs + " (or set engine = \"auto\")"}};
    }
    return EngineChoice{
        IoEngine::Sockets, "range cannot be had: " + range.error() + "; " + needs, {}};
}

std::unique_ptr<RelayEngine> EngineChoice::engine_for(const RelayEngine::Parts& parts) {
    if (!range) return std::make_unique<RelaySockets>(parts);
    return std::make_unique<RelayRange>(parts, *range->steering, *range->probe, std::move(range->sockets.at(parts.worker)));
}

}  // namespace turnpike::net
