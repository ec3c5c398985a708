import type { Signal, SignalPayload } from './protocol';
import { Disconnected, RpcError } from './rpc';

const kMost = 128;
const kRetriesMost = 30;

/**
 * What one side tells the other, first in, first out. A message waits while we or the other side
 * have no signaling; the order never changes, since candidates mean nothing before their description.
 */
export class SignalQueue {
  private waiting: Signal[] = [];
  private n = 0;
  private sending = false;
  private again = false; // resumed while a message was under way that may be refused for the old reason
  private retries = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(private readonly send: (signal: Signal) => Promise<unknown>) {}

  push(e: number, payload: SignalPayload): void {
    if (this.closed) return;
    // Messages of an earlier connection would only be ignored.
    this.waiting = this.waiting.filter((signal, at) => signal.e === e || (at === 0 && this.sending));
    if (this.waiting.length >= kMost) this.waiting.splice(this.sending ? 1 : 0, 1);
    this.waiting.push({ e, n: (this.n += 1), ...payload });
    void this.run();
  }

  /** The way is open again: signaling is back, on our side or on the other. */
  resume(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.retries = 0;
    this.again = this.sending;
    void this.run();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.waiting = [];
  }

  private async run(): Promise<void> {
    if (this.sending || this.timer !== undefined) return;
    this.sending = true;
    try {
      for (let signal = this.waiting[0]; signal && !this.closed; signal = this.waiting[0]) {
        await this.send(signal);
        if (this.waiting[0] === signal) this.waiting.shift();
        this.retries = 0;
      }
    } catch (error) {
      this.refused(error);
    } finally {
      this.sending = false;
    }
    if (this.again) {
      this.again = false;
      await this.run();
    }
  }

  private refused(error: unknown): void {
    if (this.closed || error instanceof Disconnected) return; // resume() follows the reconnection
    const wait = error instanceof RpcError ? error.retryAfterMs : undefined;
    if (wait !== undefined && this.retries < kRetriesMost) {
      this.retries += 1;
      this.timer = setTimeout(() => {
        this.timer = undefined;
        void this.run();
      }, wait);
      return;
    }
    // The other side is not there, or takes no such message: the rest of the exchange is void too.
    this.waiting = [];
  }
}
