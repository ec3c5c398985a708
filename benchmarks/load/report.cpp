#include "benchmarks/load/report.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace turnpike::bench {
namespace {

using Json = nlohmann::ordered_json;

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }
double microseconds(Nanoseconds time) { return static_cast<double>(time.count() / 100) / 10; }
std::string_view name_of(Framing framing) { return framing == Framing::Channels ? "channels" : "send"; }

double per_second(const RelayReport& report, std::uint64_t packets) {
    const double elapsed = seconds(report.elapsed);
    return elapsed > 0 ? static_cast<double>(packets) / elapsed : 0;
}

std::string duration(Nanoseconds time) {
    const double us = microseconds(time);
    if (us < 1000) return fmt::format("{:.0f} µs", us);
    if (us < 1e6) return fmt::format("{:.1f} ms", us / 1e3);
    return fmt::format("{:.2f} s", us / 1e6);
}

void put(Json& json, const FlowMeter& flow) {
    json["sent"] = flow.sent_count();
    json["received"] = flow.received_count();
    json["lost"] = flow.lost();
    json["duplicated"] = flow.duplicated();
    json["reordered"] = flow.reordered();
    json["damaged"] = flow.damaged_count();
    json["p50_us"] = microseconds(flow.latency().percentile(50));
    json["p99_us"] = microseconds(flow.latency().percentile(99));
    json["max_us"] = microseconds(flow.latency().max());
}

}  // namespace

std::string as_text(const RelayOptions& options, const RelayReport& report) {
    const FlowMeter& total = report.total;
    std::string out = fmt::format("{} over {}, {}, {} bytes: {} <-> {}\n", options.target.server.to_string(),
                                  to_string(options.target.transport), name_of(options.framing), options.size,
                                  report.relayed[0].to_string(), report.relayed[1].to_string());
    out += fmt::format("  packets   sent {}, received {}, lost {}, duplicated {}, reordered {}, damaged {}\n",
                       total.sent_count(), total.received_count(), total.lost(), total.duplicated(),
                       total.reordered(), total.damaged_count());
    out += fmt::format("  latency   p50 {}, p99 {}, worst {}\n", duration(total.latency().percentile(50)),
                       duration(total.latency().percentile(99)), duration(total.latency().max()));
    out += fmt::format("  rate      {:.0f} packets/s in {:.2f} s\n", per_second(report, total.received_count()),
                       seconds(report.elapsed));
    if (report.receive_drops > 0) {
        out += fmt::format("  note      this machine dropped {} datagrams before they were read: not the server's loss\n",
                           report.receive_drops);
    }
    if (report.slipped_max > 50ms) {
        out += fmt::format("  note      the generator was up to {} behind its schedule; latencies include that\n",
                           duration(report.slipped_max));
    }
    out += report.clean() ? "  verdict   every packet arrived once, intact\n" : "  verdict   NOT CLEAN\n";
    return out;
}

std::string as_json(const RelayOptions& options, const RelayReport& report) {
    Json json;
    json["mode"] = "relay";
    put(json, report.total);
    json["clean"] = report.clean();
    json["stopped"] = report.stopped;
    json["packets_per_second"] = per_second(report, report.total.received_count());
    json["elapsed_seconds"] = seconds(report.elapsed);
    json["slipped_max_us"] = microseconds(report.slipped_max);
    json["receive_drops"] = report.receive_drops;
    json["server"] = options.target.server.to_string();
    json["transport"] = to_string(options.target.transport);
    json["framing"] = name_of(options.framing);
    json["size_bytes"] = options.size;
    json["rate_per_client"] = options.rate;
    for (std::size_t i = 0; i < report.flows.size(); ++i) {
        Json flow;
        flow["from"] = report.relayed[i].to_string();
        flow["to"] = report.relayed[1 - i].to_string();
        put(flow, report.flows[i]);
        json["flows"].push_back(std::move(flow));
    }
    return json.dump(2) + "\n";
}

}  // namespace turnpike::bench
