export interface RpcErrorData {
  name?: string;
  retry?: 'never' | 'after' | 'resume' | 'rejoin';
  retry_after_ms?: number;
}

/** The server's refusal of a call (docs/protocol.md, Errors). */
export class RpcError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly data: RpcErrorData = {},
  ) {
    super(message);
    this.name = 'RpcError';
  }

  /** When the same call may be made again; nothing when it never may. */
  get retryAfterMs(): number | undefined {
    return this.data.retry === 'after' ? (this.data.retry_after_ms ?? 1000) : undefined;
  }
}

/** The connection ended, or there is none, before the answer came. */
export class Disconnected extends Error {
  constructor() {
    super('not connected to the signaling server');
    this.name = 'Disconnected';
  }
}

export type Json = Record<string, unknown>;

/** What Rpc needs of a WebSocket. */
export interface Socket {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onerror: ((event: Event) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

export interface RpcEvents {
  notification(method: string, params: Json): void;
  /** Once, whoever ended it. Code 0: the server was silent for too long. */
  closed(code: number, reason: string): void;
}

const kAnswerDeadlineMs = 15_000;
const kTickMs = 2_500;
const kQuietTicks = 4; // without any frame: ask whether the server is there
const kDeadTicks = 8; // without any frame: it is not

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  deadline: ReturnType<typeof setTimeout>;
}

/**
 * JSON-RPC 2.0 over one open WebSocket. JavaScript does not see WebSocket pings, so silence is
 * answered with session.ping, and with more silence the connection counts as dead.
 */
export class Rpc {
  private lastId = 0;
  private waiting = new Map<number, Waiting>();
  // Ticks, not time: while the page itself stands still, frames wait unread and prove nothing.
  private quietTicks = 0;
  private ended = false;
  private readonly watch: ReturnType<typeof setInterval>;

  constructor(
    private readonly socket: Socket,
    private readonly events: RpcEvents,
  ) {
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.end(event.code, event.reason);
    socket.onerror = () => {}; // a close event follows
    this.watch = setInterval(() => this.checkSilence(), kTickMs);
  }

  call<Result = Json>(method: string, params: Json = {}): Promise<Result> {
    if (this.ended) return Promise.reject(new Disconnected());
    const id = (this.lastId += 1);
    return new Promise<Result>((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Disconnected());
        // A server that leaves a call unanswered has lost its place in our order of things.
        this.abandon();
      }, kAnswerDeadlineMs);
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, deadline });
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  close(code = 1000, reason = ''): void {
    this.socket.close(code, reason);
    this.end(code, reason);
  }

  /** Asks now whether the server is there, for when the network may have changed. */
  probe(): void {
    if (this.ended) return;
    this.call('session.ping', { t: Date.now() }).catch(() => {});
  }

  private receive(text: unknown): void {
    this.quietTicks = 0;
    let message: Json;
    try {
      message = JSON.parse(String(text)) as Json;
    } catch {
      return; // not ours to crash over
    }
    if (typeof message !== 'object' || message === null) return;
    if (typeof message.method === 'string') {
      this.events.notification(message.method, (message.params ?? {}) as Json);
      return;
    }
    const waiting = this.waiting.get(message.id as number);
    if (!waiting) return;
    this.waiting.delete(message.id as number);
    clearTimeout(waiting.deadline);
    if (message.error) {
      const error = message.error as { code: number; message: string; data?: RpcErrorData };
      waiting.reject(new RpcError(error.code, error.message, error.data));
    } else {
      waiting.resolve(message.result);
    }
  }

  private checkSilence(): void {
    this.quietTicks += 1;
    if (this.quietTicks >= kDeadTicks) this.abandon();
    else if (this.quietTicks === kQuietTicks) this.probe();
  }

  // A close event may take minutes to come when the network is gone: do not wait for it.
  private abandon(): void {
    this.socket.close();
    this.end(0, 'silent');
  }

  private end(code: number, reason: string): void {
    if (this.ended) return;
    this.ended = true;
    clearInterval(this.watch);
    this.socket.onmessage = null;
    this.socket.onclose = null;
    for (const waiting of this.waiting.values()) {
      clearTimeout(waiting.deadline);
      waiting.reject(new Disconnected());
    }
    this.waiting.clear();
    this.events.closed(code, reason);
  }
}
