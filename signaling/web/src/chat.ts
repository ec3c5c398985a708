import { Observable } from './observable';
import { Disconnected, RpcError } from './rpc';
import type { Storage } from './storage';

export interface ChatMessage {
  mid: string;
  name: string;
  own: boolean;
  body: string;
  ts: number; // unix milliseconds
  state: 'sent' | 'sending' | 'failed';
}

const kKept = 500;
export const kBodyBytesMost = 4096;

/** What was said in a room, kept in this browser until it is cleared. Text is only ever text. */
export class Chat extends Observable {
  messages: ChatMessage[];
  unread = 0;

  private reading = false;
  private readonly key: string;

  constructor(
    room: string,
    private readonly selfName: string,
    private readonly storage: Storage,
    private readonly send: (mid: string, body: string) => Promise<{ seq: number; ts: number }>,
  ) {
    super();
    this.key = `chat.${room}`;
    this.messages = readable(storage.get<unknown>(this.key, []));
    // What was under way when the page ended did not arrive, as far as we know.
    for (const message of this.messages) if (message.state === 'sending') message.state = 'failed';
  }

  /** Shows the message at once; it is `sent` when the server has numbered it. */
  async say(body: string): Promise<void> {
    const text = body.trim();
    if (text === '') return;
    const message: ChatMessage = { mid: newMid(), name: this.selfName, own: true, body: text, ts: Date.now(), state: 'sending' };
    this.messages = [...this.messages, message];
    this.keep();
    await this.deliver(message);
  }

  /** The same mid again: a message that did arrive is not said twice. */
  async retry(mid: string): Promise<void> {
    const message = this.messages.find((one) => one.mid === mid && one.state === 'failed');
    if (message) await this.deliver(message);
  }

  /** Signaling is back. */
  resume(): void {
    for (const message of this.messages) if (message.state === 'sending') void this.deliver(message);
  }

  heard(event: { mid: string; body: string; ts: number }, name: string, own: boolean): void {
    const known = this.messages.find((message) => message.mid === event.mid);
    if (known) {
      if (own) Object.assign(known, { state: 'sent', ts: event.ts, body: event.body });
    } else {
      this.messages = [...this.messages, { mid: event.mid, name, own, body: event.body, ts: event.ts, state: 'sent' }];
      if (!this.reading && !own) this.unread += 1;
    }
    this.keep();
  }

  /** The panel is open: nothing is unread. */
  read(reading: boolean): void {
    this.reading = reading;
    if (reading && this.unread > 0) {
      this.unread = 0;
      this.changed();
    }
  }

  clear(): void {
    this.messages = [];
    this.unread = 0;
    this.storage.remove(this.key);
    this.changed();
  }

  private async deliver(message: ChatMessage): Promise<void> {
    message.state = 'sending';
    this.changed();
    try {
      const { ts } = await this.send(message.mid, message.body);
      message.ts = ts;
      message.state = 'sent';
    } catch (error) {
      // Without signaling it waits for resume(); a refusal is for the person to see.
      if (error instanceof RpcError || !(error instanceof Disconnected)) message.state = 'failed';
    }
    this.keep();
  }

  private keep(): void {
    if (this.messages.length > kKept) this.messages = this.messages.slice(-kKept);
    this.storage.set(this.key, this.messages);
    this.changed();
  }
}

// Storage is shared with whatever else runs at this origin: take only what has our shape.
function readable(value: unknown): ChatMessage[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (one): one is ChatMessage =>
      typeof one?.mid === 'string' && typeof one.name === 'string' && typeof one.body === 'string' && typeof one.ts === 'number',
  );
}

// crypto.randomUUID() exists in secure contexts only.
function newMid(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
