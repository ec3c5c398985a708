export interface WatchdogOptions {
  polite(): boolean;
  /** Is there signaling to repair with? Without it an attempt waits. */
  canRepair(): boolean;
  /** How many remote descriptions came: a rising count means that the other side is repairing. */
  heard(): number;
  restart(): void;
  replace(): void;
  /** Trouble began, an attempt was made, or it is over (attempts 0). */
  changed(attempts: number): void;
}

const kConnectDeadlineMs = 15_000;
const kDisconnectedMs = 4_000;
const kPoliteWaitMs = 2_000;
const kAttemptsAtMs = [0, 2_000, 5_000, 15_000, 30_000]; // from the beginning of the trouble
const kLaterEveryMs = 30_000;
const kRestartsMost = 3; // then the connection itself is made anew

/**
 * The one watchdog of a pair. A connection that is lost for four seconds, has failed, or does not
 * come about is repaired: by ICE restarts, and from the third failure on by a new RTCPeerConnection.
 * The impolite side acts at once, the polite one two seconds later unless the other did.
 */
export class Watchdog {
  private state: RTCPeerConnectionState = 'new';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private troubleSince: number | undefined;
  private attempts = 0;
  private postponed = false;

  constructor(
    private readonly options: WatchdogOptions,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.timer = setTimeout(() => this.trouble(), kConnectDeadlineMs);
  }

  get inTrouble(): boolean {
    return this.troubleSince !== undefined;
  }

  observe(state: RTCPeerConnectionState): void {
    const before = this.state;
    this.state = state;
    if (state === 'connected') {
      this.clear();
      if (this.inTrouble) {
        this.troubleSince = undefined;
        this.attempts = 0;
        this.options.changed(0);
      }
    } else if (this.inTrouble) {
      return; // the plan of attempts goes on
    } else if (state === 'failed') {
      this.trouble();
    } else if (state === 'disconnected' && before !== 'disconnected') {
      this.clear();
      this.timer = setTimeout(() => this.trouble(), kDisconnectedMs);
    }
  }

  /** Signaling is back: what had to wait for it is done now. */
  resume(): void {
    if (!this.postponed) return;
    this.postponed = false;
    this.troubleSince = this.now();
    this.plan();
  }

  close(): void {
    this.clear();
    this.postponed = false;
  }

  private clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.postponed = false;
  }

  private trouble(): void {
    this.clear();
    this.troubleSince = this.now();
    this.attempts = 0;
    this.options.changed(0);
    this.plan();
  }

  private plan(): void {
    const last = kAttemptsAtMs.length - 1;
    const at =
      this.attempts <= last
        ? (kAttemptsAtMs[this.attempts] ?? 0)
        : (kAttemptsAtMs[last] ?? 0) + (this.attempts - last) * kLaterEveryMs;
    const wait = Math.max(0, (this.troubleSince ?? 0) + at - this.now());
    if (this.options.polite()) {
      const heard = this.options.heard();
      this.timer = setTimeout(() => this.attempt(this.options.heard() > heard), wait + kPoliteWaitMs);
    } else if (wait > 0) {
      this.timer = setTimeout(() => this.attempt(false), wait);
    } else {
      this.attempt(false);
    }
  }

  private attempt(otherSideActed: boolean): void {
    this.timer = undefined;
    if (!this.options.canRepair()) {
      this.postponed = true;
      return;
    }
    this.attempts += 1;
    this.options.changed(this.attempts);
    if (!otherSideActed) {
      if (this.attempts > kRestartsMost) this.options.replace();
      else this.options.restart();
    }
    this.plan();
  }
}
