/** Linear interpolation between order statistics, `part` from 0 to 1. */
export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part, below = Math.floor(at);
  return sorted[below] + (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]) * (at - below);
}

export const median = (values) => quantile(values, 0.5);

/** {median, low, high} of values, the latter two being the quartiles' ends. */
export const spread = (values) => ({ median: median(values), low: quantile(values, 0.25), high: quantile(values, 0.75), count: values.length });

/** Of values of the same rounds: each round's ratio, so that what disturbed a round disturbs both of its sides. */
export function ratio(values, base) {
  const ratios = [];
  for (const [round, value] of values.entries()) {
    if (Number.isFinite(value) && Number.isFinite(base[round]) && base[round] > 0) ratios.push(value / base[round]);
  }
  return ratios.length > 0 ? spread(ratios) : undefined;
}
