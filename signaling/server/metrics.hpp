#pragma once

#include "common/ops/metrics.hpp"
#include "signaling/server/service.hpp"

namespace turnpike::signaling {

/// turnpike_signaling_*: counted on the web loop's thread, read at each scrape.
///
/// Lifetime  borrows service
void add_metrics(ops::Metrics& metrics, Service& service);

}  // namespace turnpike::signaling
