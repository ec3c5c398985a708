const kDelayMs = 50;
const kMost = 16; // the server takes no more at once

/** Local candidates come in bursts; they leave together, at most 50 ms later. */
export class CandidateBatch {
  private waiting: RTCIceCandidateInit[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly send: (candidates: RTCIceCandidateInit[]) => void) {}

  add(candidate: RTCIceCandidateInit): void {
    this.waiting.push(candidate);
    if (this.waiting.length >= kMost) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), kDelayMs);
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.waiting.length === 0) return;
    const candidates = this.waiting;
    this.waiting = [];
    this.send(candidates);
  }

  drop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = [];
  }
}
