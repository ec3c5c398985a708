#include "benchmarks/load/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace turnpike::bench {
namespace {

constexpr std::size_t kExactPairsMax = 400;

double quantile(const std::vector<double>& sorted, double part) {
    const double at = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// How many of all arrangements of n and m values have U = 0, 1, …: counts[u].
std::vector<double> arrangements(std::size_t n, std::size_t m) {
    // The product over i of (1 - x^(m+i)) / (1 - x^i), as a polynomial in x.
    std::vector<double> counts(n * m + 1, 0);
    counts[0] = 1;
    for (std::size_t i = 1; i <= n; ++i) {
        for (std::size_t u = counts.size(); u-- > m + i;) counts[u] -= counts[u - m - i];
        for (std::size_t u = i; u < counts.size(); ++u) counts[u] += counts[u - i];
    }
    return counts;
}

}  // namespace

Summary Summary::of(std::vector<double> sample) {
    if (sample.empty()) return {};
    std::ranges::sort(sample);
    return {.count = sample.size(),
            .median = quantile(sample, 0.5),
            .low = quantile(sample, 0.25),
            .high = quantile(sample, 0.75)};
}

double mann_whitney(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.empty() || b.empty()) return 1;
    const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
    double u = 0;
    bool ties = false;
    for (const double x : a) {
        for (const double y : b) {
            u += x > y ? 1 : (x < y ? 0 : 0.5);
            ties = ties || (x >= y && x <= y);
        }
    }
    const double smaller = std::min(u, n * m - u);
    if (!ties && a.size() * b.size() <= kExactPairsMax) {
        const std::vector<double> counts = arrangements(a.size(), b.size());
        double all = 0, tail = 0;
        for (std::size_t i = 0; i < counts.size(); ++i) {
            all += counts[i];
            if (static_cast<double>(i) <= smaller) tail += counts[i];
        }
        return std::min(1.0, 2 * tail / all);
    }
    // Groups of equal values make the ranks vary less.
    std::vector<double> joined{a};
    joined.insert(joined.end(), b.begin(), b.end());
    std::ranges::sort(joined);
    double tied = 0;
    for (auto at = joined.begin(); at != joined.end();) {
        const auto end = std::upper_bound(at, joined.end(), *at);
        const auto t = static_cast<double>(end - at);
        tied += t * t * t - t;
        at = end;
    }
    const double total = n + m;
    const double variance = n * m / 12 * (total + 1 - tied / (total * (total - 1)));
    if (variance <= 0) return 1;
    const double z = std::max(0.0, n * m / 2 - smaller - 0.5) / std::sqrt(variance);
    return std::erfc(z / std::sqrt(2.0));
}

}  // namespace turnpike::bench
