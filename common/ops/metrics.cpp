#include "common/ops/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <unordered_map>

#include "common/base/assert.hpp"

namespace turnpike::ops {

struct Scrape::State {
    std::vector<prometheus::MetricFamily> families;
    std::unordered_map<std::string, std::size_t> index;

    prometheus::ClientMetric& sample(std::string_view name, std::string_view help,
                                     prometheus::MetricType type, Labels labels) {
        const auto [at, fresh] = index.try_emplace(std::string{name}, families.size());
        if (fresh) families.push_back({std::string{name}, std::string{help}, type, {}});
        prometheus::MetricFamily& family = families[at->second];
        TURNPIKE_ASSERT(family.type == type);
        prometheus::ClientMetric& metric = family.metric.emplace_back();
        for (const auto& [label, value] : labels)
            metric.label.push_back({std::string{label}, std::string{value}});
        return metric;
    }
};

void Scrape::counter(std::string_view name, std::string_view help, double value, Labels labels) {
    state_.sample(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
}

void Scrape::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
    state_.sample(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
}

void Scrape::histogram(std::string_view name, std::string_view help, const Histogram& histogram_,
                       Labels labels) {
    histogram(name, help, histogram_.read(), labels);
}

void Scrape::histogram(std::string_view name, std::string_view help,
                       const Histogram::Reading& reading, Labels labels) {
    prometheus::ClientMetric::Histogram& out =
        state_.sample(name, help, prometheus::MetricType::Histogram, labels).histogram;
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < reading.counts.size(); ++i) {
        total += reading.counts[i];
        out.bucket.push_back({total, i < reading.bounds.size()
                                         ? reading.bounds[i]
                                         : std::numeric_limits<double>::infinity()});
    }
    out.sample_count = total;
    out.sample_sum = reading.sum;
}

std::string Metrics::text() const {
    Scrape::State state;
    Scrape scrape{state};
    for (const Collector& collect : collectors_) collect(scrape);
    const prometheus::TextSerializer serializer;
    const prometheus::Serializer& face = serializer;
    return face.Serialize(state.families);
}

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) noexcept {
    std::size_t at = 0;
    while (at < bounds_.size() && value > bounds_[at]) ++at;
    counts_[at].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Reading Histogram::read() const {
    Reading reading{bounds_, {}, sum_.load(std::memory_order_relaxed)};
    for (std::size_t i = 0; i <= bounds_.size(); ++i)
        reading.counts.push_back(counts_[i].load(std::memory_order_relaxed));
    return reading;
}

}  // namespace turnpike::ops
