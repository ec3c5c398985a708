#pragma once

#include <vector>

namespace turnpike::bench {

/// The middle of a sample and how far it spreads.
struct Summary {
    std::size_t count = 0;
    double median = 0, low = 0, high = 0;  // low and high: the quartiles

    /// Quantiles between two values are interpolated.
    static Summary of(std::vector<double> sample);
};

/// The probability that two samples of the same distribution differ in rank as much as these do, in
/// either direction. 1 when one of them is empty. Exact without ties up to 400 pairs, else by the
/// normal distribution with corrections for ties and continuity.
///
/// Source  H. B. Mann, D. R. Whitney, 1947
double mann_whitney(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace turnpike::bench
