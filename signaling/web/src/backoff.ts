const kDelaysMs = [0, 500, 1000, 2000, 4000, 8000];
const kJitter = 0.5;

/** How long to wait before the next try: 0, 0.5, 1, 2, 4, 8, 8 … s, each ± 50 %, so that a crowd does not return in step. */
export class Backoff {
  private tries = 0;

  constructor(private readonly random: () => number = Math.random) {}

  next(): number {
    const delay = kDelaysMs[Math.min(this.tries, kDelaysMs.length - 1)] ?? 0;
    this.tries += 1;
    return Math.round(delay * (1 - kJitter + 2 * kJitter * this.random()));
  }

  reset(): void {
    this.tries = 0;
  }
}
