import type { GatherError } from './failure';
import type { IceServers } from './ice';
import { Negotiation } from './negotiation';
import { Observable } from './observable';
import type { Signal, SignalPayload } from './protocol';
import { SignalQueue } from './signal_queue';
import { kNoStats, readStats, type LinkStats } from './stats';
import { Watchdog } from './watchdog';

export type LinkState = 'connecting' | 'connected' | 'reconnecting' | 'failed';

/** What a link needs of the mesh that it is part of. */
export interface LinkSurroundings {
  selfId(): string;
  online(): boolean;
  ice: IceServers;
  track(): MediaStreamTrack;
  send(to: string, signal: Signal): Promise<unknown>;
  createConnection(configuration: RTCConfiguration): RTCPeerConnection;
  /** Remote audio began, or comes from another connection now. */
  heard(link: PeerLink, track: MediaStreamTrack): void;
  /** A message of the other page, over the data channel. */
  message(link: PeerLink, text: string): void;
  controlOpened(link: PeerLink): void;
}

const kOfferPatienceMs = 5_000; // a member waits so long for the newcomer's offer
const kGivenUpAfter = 5; // attempts; they go on, but the person is told
const kAudioBitrate = 32_000;
const kControlId = 0;

/** Us and one other member: one RTCPeerConnection at a time, one audio transceiver, one data channel. */
export class PeerLink extends Observable {
  state: LinkState = 'connecting';
  stats: LinkStats = kNoStats;
  /** Counts the RTCPeerConnections of this pair; messages of an earlier one are ignored. */
  e = 1;
  attempts = 0;
  /** The latest of this connection. */
  gatherError: GatherError | undefined;
  /** Set while the member is not in the room's list but its media may live on. */
  orphanedAt: number | undefined;

  private pc!: RTCPeerConnection;
  private negotiation!: Negotiation;
  private control: RTCDataChannel | undefined;
  private sender: RTCRtpSender | undefined;
  private lastSeen: { e: number; n: number } = { e: 0, n: 0 };
  private patience: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  private readonly queue: SignalQueue;
  private readonly watchdog: Watchdog;

  constructor(
    public peerId: string,
    private readonly surroundings: LinkSurroundings,
    offers: boolean,
    startsInMs = 0,
  ) {
    super();
    this.queue = new SignalQueue((signal) => surroundings.send(this.peerId, signal));
    this.watchdog = new Watchdog({
      polite: () => this.polite,
      canRepair: () => surroundings.online(),
      heard: () => this.negotiation.heard,
      restart: () => void this.restart(),
      replace: () => void this.replace(),
      changed: (attempts) => {
        this.attempts = attempts;
        this.settle();
      },
    });
    this.open(false);
    // Offers to a full room leave one after the other, so that answers do not come all at once.
    this.patience = setTimeout(() => this.negotiation.release(), offers ? startsInMs : kOfferPatienceMs);
  }

  get polite(): boolean {
    return this.surroundings.selfId() > this.peerId;
  }

  get connected(): boolean {
    return this.pc.connectionState === 'connected';
  }

  get connectionState(): RTCPeerConnectionState {
    return this.pc.connectionState;
  }

  get receiver(): RTCRtpReceiver | undefined {
    return this.pc.getReceivers().find((receiver) => receiver.track?.kind === 'audio');
  }

  receive(signal: Signal): void {
    if (this.closed) return;
    if (signal.e < this.e) return;
    if (signal.e > this.e) {
      this.e = signal.e;
      this.open(false);
    }
    if (signal.e === this.lastSeen.e && signal.n <= this.lastSeen.n) return; // said twice
    this.lastSeen = { e: signal.e, n: signal.n };
    clearTimeout(this.patience);
    void this.negotiation.receive(signal);
  }

  /** An ICE restart, with credentials that last. */
  async restart(): Promise<void> {
    const { pc, negotiation } = this;
    await this.surroundings.ice.refresh();
    if (this.closed || pc !== this.pc) return;
    this.configure();
    negotiation.restart();
  }

  /** New ICE servers count from the next gathering on; what is connected stays so. */
  configure(): void {
    try {
      this.pc.setConfiguration(this.surroundings.ice.configuration);
    } catch (error) {
      console.warn('ICE servers not taken:', error);
    }
  }

  /** Our microphone is another one now. */
  replaceTrack(track: MediaStreamTrack): void {
    void this.sender?.replaceTrack(track);
  }

  /** Text to the other page, not through the server. False when the channel is not open. */
  tell(text: string): boolean {
    if (this.control?.readyState !== 'open') return false;
    this.control.send(text);
    return true;
  }

  /** Signaling is back, ours or the other side's. */
  resume(repeat: boolean): void {
    if (repeat) this.negotiation.repeat();
    this.queue.resume();
    this.watchdog.resume();
  }

  async refreshStats(): Promise<LinkStats> {
    const { pc } = this;
    const stats = await readStats(pc);
    if (pc === this.pc && !this.closed) {
      this.stats = stats;
      this.changed();
    }
    return this.stats;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.patience);
    this.watchdog.close();
    this.queue.close();
    this.shut();
    this.changed();
  }

  private async replace(): Promise<void> {
    await this.surroundings.ice.refresh();
    if (this.closed) return;
    this.e += 1;
    this.open(true);
  }

  private open(mayOffer: boolean): void {
    if (this.pc) this.shut();
    const pc = this.surroundings.createConnection(this.surroundings.ice.configuration);
    this.pc = pc;
    const e = this.e;
    this.negotiation = new Negotiation(pc, {
      polite: () => this.polite,
      mayOffer,
      send: (payload: SignalPayload) => this.queue.push(e, payload),
    });
    pc.onconnectionstatechange = () => {
      this.watchdog.observe(pc.connectionState);
      this.settle();
      if (pc.connectionState === 'connected') {
        this.limitBitrate();
        void this.refreshStats();
      }
    };
    pc.ontrack = ({ track }) => this.surroundings.heard(this, track);
    this.gatherError = undefined;
    pc.onicecandidateerror = ({ errorCode }) => {
      this.gatherError = { code: errorCode, relayOnly: this.surroundings.ice.relayOnly };
    };

    const control = pc.createDataChannel('ctl', { negotiated: true, id: kControlId });
    control.onopen = () => this.surroundings.controlOpened(this);
    control.onmessage = ({ data }) => {
      if (typeof data === 'string') this.surroundings.message(this, data);
    };
    this.control = control;
    // addTrack(), not addTransceiver(): where offers cross, this transceiver joins the other side's.
    this.sender = pc.addTrack(this.surroundings.track());
  }

  private shut(): void {
    this.negotiation.close();
    const { pc } = this;
    pc.onconnectionstatechange = null;
    pc.ontrack = null;
    pc.onicecandidateerror = null;
    if (this.control) {
      this.control.onopen = null;
      this.control.onmessage = null;
    }
    pc.close();
  }

  private limitBitrate(): void {
    const parameters = this.sender?.getParameters();
    if (!parameters?.encodings?.length) return;
    for (const encoding of parameters.encodings) encoding.maxBitrate = kAudioBitrate;
    this.sender?.setParameters(parameters).catch(() => {}); // a wish, not a need
  }

  private settle(): void {
    if (this.closed) return;
    const connected = this.pc.connectionState === 'connected';
    if (connected) this.state = 'connected';
    else if (this.attempts > kGivenUpAfter) this.state = 'failed';
    else if (this.watchdog.inTrouble || this.state !== 'connecting') this.state = 'reconnecting';
    this.changed();
  }
}
