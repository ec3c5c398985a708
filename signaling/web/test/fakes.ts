import type { Socket } from '../src/rpc';

/** A WebSocket whose other end is the test. */
export class FakeSocket implements Socket {
  static all: FakeSocket[] = [];

  onopen: ((event: Event) => void) | null = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  onclose: ((event: CloseEvent) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  sent: { id?: number; method: string; params: Record<string, unknown> }[] = [];
  closed = false;

  constructor() {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.closed = true;
  }

  open(): void {
    this.onopen?.({} as Event);
  }

  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) } as MessageEvent);
  }

  answer(method: string, result: unknown): void {
    const request = [...this.sent].reverse().find((one) => one.method === method);
    if (!request) throw new Error(`${method} was not called; called: ${this.sent.map((one) => one.method).join(', ')}`);
    this.say({ jsonrpc: '2.0', id: request.id, result });
  }

  drop(code = 1006): void {
    this.onclose?.({ code, reason: '' } as CloseEvent);
  }
}

/**
 * The parts of an RTCPeerConnection that negotiation sees: the signaling state machine of
 * RFC 9429 with rollback, negotiationneeded in the stable state only, ufrags per generation.
 */
export class FakeConnection {
  static all: FakeConnection[] = [];
  private static last = 0;

  signalingState: RTCSignalingState = 'stable';
  connectionState: RTCPeerConnectionState = 'new';
  localDescription: RTCSessionDescriptionInit | null = null;
  remoteDescription: RTCSessionDescriptionInit | null = null;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ontrack: ((event: { track: MediaStreamTrack }) => void) | null = null;
  added: RTCIceCandidateInit[] = [];
  offers = 0;
  rollbacks = 0;
  restarts = 0;
  closed = false;
  configuration: RTCConfiguration;
  control: FakeChannel | undefined;

  private readonly id = (FakeConnection.last += 1);
  private generation = 0;
  private needed = false;
  private before: { local: RTCSessionDescriptionInit | null; remote: RTCSessionDescriptionInit | null } = { local: null, remote: null };

  constructor(configuration: RTCConfiguration = {}) {
    this.configuration = configuration;
    FakeConnection.all.push(this);
  }

  get ufrag(): string {
    return `u${this.id}g${this.generation}`;
  }

  need(): void {
    this.needed = true;
    this.tell();
  }

  restartIce(): void {
    this.restarts += 1;
    this.generation += 1;
    this.need();
  }

  async setLocalDescription(description?: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve();
    if (this.closed) throw new Error('closed');
    if (description?.type === 'rollback') {
      this.rollBack();
      return;
    }
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    // Like Firefox: an open offer is answered active, whatever the role was before.
    const answer = this.remoteDescription?.sdp?.includes('a=setup:active') ? 'passive' : 'active';
    const sdp = `v=0\r\na=ice-ufrag:${this.ufrag}\r\na=setup:${type === 'offer' ? 'actpass' : answer}\r\n`;
    if (type === 'offer') {
      this.before = { local: this.localDescription, remote: this.remoteDescription };
      this.offers += 1;
      this.needed = false;
      this.signalingState = 'have-local-offer';
    } else {
      this.signalingState = 'stable';
    }
    this.localDescription = { type, sdp };
    this.tell();
  }

  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    await Promise.resolve();
    if (description.type === 'offer') {
      if (this.signalingState === 'have-local-offer') this.rollBack();
      this.signalingState = 'have-remote-offer';
    } else {
      if (this.signalingState !== 'have-local-offer') throw new Error(`answer in ${this.signalingState}`);
      this.signalingState = 'stable';
    }
    this.remoteDescription = description;
    this.tell();
  }

  async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    await Promise.resolve();
    if (!this.remoteDescription) throw new Error('no remote description');
    this.added.push(candidate);
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  addTrack(): { getParameters(): object; replaceTrack(): Promise<void> } {
    this.need();
    return { getParameters: () => ({}), replaceTrack: () => Promise.resolve() };
  }

  createDataChannel(): FakeChannel {
    this.control = new FakeChannel();
    return this.control;
  }

  getReceivers(): [] {
    return [];
  }

  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map());
  }

  become(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.closed = true;
    this.connectionState = 'closed';
  }

  private rollBack(): void {
    this.rollbacks += 1;
    this.signalingState = 'stable';
    this.localDescription = this.before.local;
    this.remoteDescription = this.before.remote;
    this.needed = true;
  }

  private tell(): void {
    queueMicrotask(() => {
      if (this.needed && this.signalingState === 'stable' && !this.closed) this.onnegotiationneeded?.();
    });
  }
}

export class FakeChannel {
  readyState = 'connecting';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  sent: string[] = [];

  send(text: string): void {
    this.sent.push(text);
  }

  open(): void {
    this.readyState = 'open';
    this.onopen?.();
  }
}

export function candidate(ufrag: string, at = 0): RTCIceCandidateInit {
  return { candidate: `candidate:${at} 1 udp 1 192.0.2.1 ${5000 + at} typ host`, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: ufrag };
}

/** Lets everything that is only waiting for promises happen. */
export async function settled(turns = 50): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
}
