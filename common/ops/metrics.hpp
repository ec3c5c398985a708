#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace turnpike::ops {

/// A distribution that many threads observe and a scrape reads.
///
/// Threading  any
class Histogram {
public:
    /// Upper bounds, rising.
    explicit Histogram(std::vector<double> bounds);
    void observe(double value) noexcept;

    struct Reading {
        std::vector<double> bounds;
        std::vector<std::uint64_t> counts;  // one more than bounds: the last is above them all
        double sum = 0;
    };
    Reading read() const;

private:
    std::vector<double> bounds_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
    std::atomic<double> sum_{0};
};

/// What one scrape collects. A family that is asked for twice is one family.
///
/// Lifetime  for the call of a collector
class Scrape {
public:
    /// Label names are fixed, label values come from bounded sets: no users, rooms or addresses.
    using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
    void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
    void histogram(std::string_view name, std::string_view help, const Histogram& histogram,
                   Labels labels = {});
    void histogram(std::string_view name, std::string_view help, const Histogram::Reading& reading,
                   Labels labels = {});

private:
    friend class Metrics;
    struct State;
    explicit Scrape(State& state) : state_(state) {}
    State& state_;
};

/// The numbers of the program: collectors are called at each scrape and tell what is then true, so
/// the hot path keeps plain counters of its own.
///
///     metrics.add([&](ops::Scrape& s) { s.gauge("turnpike_relay_allocations", "Live allocations.",
///     pool.snapshot().allocations); });
///
/// Threading  one thread (the control loop)
class Metrics {
public:
    using Collector = std::function<void(Scrape&)>;

    void add(Collector collector) { collectors_.push_back(std::move(collector)); }
    /// Prometheus text format 0.0.4.
    std::string text() const;
    static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

private:
    std::vector<Collector> collectors_;
};

/// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
/// process_start_time_seconds, process_threads.
void collect_process(Scrape& scrape);

}  // namespace turnpike::ops
