#include "benchmarks/load/measurement_json.hpp"

#include <nlohmann/json.hpp>

#include "benchmarks/load/environment.hpp"
#include "benchmarks/load/units.hpp"

namespace turnpike::bench {

Json to_json(const Histogram& histogram) {
    Json json;
    for (const auto& [name, percent] : {std::pair{"p50_us", 50.0},
                                        {"p90_us", 90.0},
                                        {"p99_us", 99.0},
                                        {"p99_9_us", 99.9},
                                        {"p99_99_us", 99.99}}) {
        json[name] = as_microseconds(histogram.percentile(percent));
    }
    json["max_us"] = as_microseconds(histogram.max());
    json["count"] = histogram.total();
    // Each step halves what lies above: 0, 50, 75, 87.5 … percent.
    Json spectrum = Json::array();
    double above = 100;
    for (std::uint64_t left = histogram.total(); left > 0; left /= 2, above /= 2) {
        for (const double part : {1.0, 0.75}) {
            const double percent = 100 - above * part;
            spectrum.push_back({percent, as_microseconds(histogram.percentile(percent))});
        }
    }
    json["spectrum_us"] = std::move(spectrum);
    return json;
}

Json to_json(const Interval& interval) {
    Json json;
    json["from_s"] = interval.from;
    json["to_s"] = interval.to;
    json["sent"] = interval.sent;
    json["received"] = interval.received;
    json["lost"] = interval.lost;
    json["packets_per_second"] = interval.rate();
    json["bits_per_second"] =
        interval.seconds() > 0 ? 8 * static_cast<double>(interval.bytes) / interval.seconds() : 0;
    json["p50_us"] = as_microseconds(interval.p50);
    json["p99_us"] = as_microseconds(interval.p99);
    json["p99_9_us"] = as_microseconds(interval.p999);
    json["generator_load"] = interval.generator_load;
    if (interval.server_load) json["server_load"] = *interval.server_load;
    return json;
}

namespace {

Json health_json(const Measurement& m) {
    const GeneratorHealth& health = m.generator;
    Json json;
    json["planned"] = health.planned;
    json["load"] = health.load;
    json["cpu_seconds"] = as_seconds(m.cpu.own);
    json["waiting_seconds"] = as_seconds(m.cpu.own_waiting);
    json["late_share"] = health.late_share();
    json["slip_p99_us"] = as_microseconds(health.slip.percentile(99));
    json["slip_max_us"] = as_microseconds(health.slip.max());
    json["drops"] = health.drops;
    json["refused"] = health.refused;
    return json;
}

Json cpu_json(const Measurement& m) {
    Json json;
    if (m.cpu.server) json["process_seconds"] = as_seconds(*m.cpu.server);
    if (m.cpu.core) {
        json["core_busy_seconds"] = as_seconds(m.cpu.core->busy);
        json["core_user_seconds"] = as_seconds(m.cpu.core->user);
        json["core_system_seconds"] = as_seconds(m.cpu.core->system);
        json["core_interrupt_seconds"] = as_seconds(m.cpu.core->interrupts);
        json["ksoftirqd_seconds"] = as_seconds(m.cpu.core->softirqd);
    }
    if (const auto rate = m.per_cpu_second()) json["packets_per_cpu_second"] = *rate;
    return json;
}

}  // namespace

Json to_json(const Measurement& m, const Verdict& verdict) {
    const Delivery& d = m.delivery;
    Json json;
    json["verdict"] = to_string(verdict.kind);
    json["reasons"] = verdict.reasons;
    json["clean"] = m.clean();
    json["stopped"] = m.stopped;
    json["elapsed_seconds"] = m.seconds();
    json["flows"] = m.flows;
    json["sent"] = d.sent;
    json["received"] = d.received;
    json["lost"] = d.lost();
    json["loss"] = d.loss();
    json["duplicated"] = d.duplicated;
    json["reordered"] = d.reordered;
    json["damaged"] = m.damaged;
    json["failed"] = m.failed;
    json["relayed"] = m.relayed;
    json["packets_per_second"] = m.rate();
    json["p50_us"] = as_microseconds(d.latency.percentile(50));
    json["p99_us"] = as_microseconds(d.latency.percentile(99));
    json["max_us"] = as_microseconds(d.latency.max());
    json["latency"] = to_json(d.latency);
    json["jitter_mean_us"] = as_microseconds(m.jitter_mean);
    json["jitter_max_us"] = as_microseconds(m.jitter_max);
    json["generator"] = health_json(m);
    if (m.cpu.charged()) json["server_cpu"] = cpu_json(m);
    json["environment"] = read_environment();
    Json intervals = Json::array();
    for (const Interval& interval : m.intervals) intervals.push_back(to_json(interval));
    json["intervals"] = std::move(intervals);
    return json;
}

}  // namespace turnpike::bench
