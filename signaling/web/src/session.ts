import { Backoff } from './backoff';
import { Observable } from './observable';
import { Disconnected, Rpc, RpcError, type Json, type Socket } from './rpc';

export type SessionStatus = 'connecting' | 'online' | 'lost' | 'ended';
export type SessionEnd = 'left' | 'kicked' | 'superseded' | 'version';

export interface Hello {
  session_id: string;
  resume_token: string;
  server_time: number;
  limits?: { chat_bytes?: number; name_characters?: number; members?: number };
}

export interface SessionOptions {
  openSocket(): Socket & { onopen: ((event: Event) => void) | null };
  random?: () => number;
}

const kProtocolVersion = 1;
const kClient = 'turnpike-web/0.1';
const kOpenDeadlineMs = 8_000;
const kCloseKicked = 4004;
const kCloseSuperseded = 4003;
const kErrorVersion = 1003;

/**
 * The one conversation with the signaling server: greets, and when the connection is lost comes
 * back with growing delays, at once when the network or the person returns. A call goes on meanwhile.
 */
export class Session extends Observable {
  status: SessionStatus = 'connecting';
  end: SessionEnd | undefined;
  hello: Hello | undefined;
  /** Proof towards the server that a member it remembers was us: the token of the session before. */
  previousToken: string | undefined;

  onNotification: (method: string, params: Json) => void = () => {};
  /** After each greeting. Until it is done, calls are for its own use. */
  onGreeted: () => Promise<void> = () => Promise.resolve();

  private rpc: Rpc | undefined;
  private socket: (Socket & { onopen: ((event: Event) => void) | null }) | undefined;
  private openDeadline: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private readonly backoff: Backoff;
  private greetedOnce = false;

  constructor(private readonly options: SessionOptions) {
    super();
    this.backoff = new Backoff(options.random);
  }

  start(): void {
    this.later();
    globalThis.addEventListener?.('online', this.wake);
    globalThis.document?.addEventListener('visibilitychange', this.wakeIfVisible);
  }

  /** Says goodbye, so that nobody waits for us. */
  stop(): void {
    if (this.status === 'online') this.rpc?.call('session.bye').catch(() => {});
    this.finish('left');
  }

  /** Rejects with Disconnected at once while there is no connection: nothing is sent late by surprise. */
  call<Result = Json>(method: string, params: Json = {}): Promise<Result> {
    return this.rpc ? this.rpc.call<Result>(method, params) : Promise.reject(new Disconnected());
  }

  private readonly wake = (): void => {
    if (this.rpc) this.rpc.probe();
    else if (this.retry !== undefined) this.connect();
  };

  private readonly wakeIfVisible = (): void => {
    if (document.visibilityState === 'visible') this.wake();
  };

  private later(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), this.backoff.next());
  }

  private connect(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
    if (this.status === 'ended' || this.socket) return;
    const socket = this.options.openSocket();
    this.socket = socket;
    this.openDeadline = setTimeout(() => {
      socket.onclose = null;
      socket.close();
      this.lost(0);
    }, kOpenDeadlineMs);
    socket.onclose = () => this.lost(0);
    socket.onerror = () => {}; // a close event follows
    socket.onopen = () => {
      clearTimeout(this.openDeadline);
      const rpc = new Rpc(socket, {
        notification: (method, params) => this.onNotification(method, params),
        closed: (code) => this.lost(code),
      });
      this.rpc = rpc;
      void this.greet(rpc);
    };
  }

  private async greet(rpc: Rpc): Promise<void> {
    try {
      const hello = await rpc.call<Hello>('session.hello', { v: kProtocolVersion, client: kClient });
      this.previousToken = this.hello?.resume_token;
      this.hello = hello;
      await this.onGreeted();
      if (this.rpc !== rpc) return;
      this.greetedOnce = true;
      this.backoff.reset();
      this.status = 'online';
      this.changed();
    } catch (error) {
      if (this.rpc !== rpc) return;
      if (error instanceof RpcError && error.code === kErrorVersion) this.finish('version');
      else rpc.close();
    }
  }

  private lost(code: number): void {
    clearTimeout(this.openDeadline);
    this.rpc = undefined;
    this.socket = undefined;
    if (this.status === 'ended') return;
    if (code === kCloseKicked) return this.finish('kicked');
    if (code === kCloseSuperseded) return this.finish('superseded');
    this.status = this.greetedOnce ? 'lost' : 'connecting';
    this.changed();
    this.later();
  }

  private finish(end: SessionEnd): void {
    if (this.status === 'ended') return;
    this.status = 'ended';
    this.end = end;
    clearTimeout(this.retry);
    clearTimeout(this.openDeadline);
    globalThis.removeEventListener?.('online', this.wake);
    globalThis.document?.removeEventListener('visibilitychange', this.wakeIfVisible);
    if (this.socket) {
      this.socket.onclose = null;
      if (this.rpc) this.rpc.close();
      else this.socket.close();
    }
    this.rpc = undefined;
    this.socket = undefined;
    this.changed();
  }
}
