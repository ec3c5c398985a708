import { signalingUrl } from './address';
import { Chat } from './chat';
import { IceServers } from './ice';
import type { Microphone } from './media';
import { Mesh } from './mesh';
import { Observable } from './observable';
import type { PeerLink } from './peer_link';
import type { PeerMessage } from './protocol';
import { Room } from './room';
import { Session, type SessionEnd } from './session';
import { Speakers } from './speakers';
import { storage } from './storage';

export type CallEnd = SessionEnd | 'full' | 'refused';

export interface Person {
  peer: PeerMessage;
  link: PeerLink | undefined;
}

export interface Notice {
  id: number;
  text: string;
}

export interface CallOptions {
  room: string;
  name: string;
  relayOnly: boolean;
  microphone: Microphone;
}

const kStatsEveryMs = 2_000;
const kNoticeMs = 5_000;
const kNoticesMost = 3;
const kErrorRoomFull = 1102;

/** One stay in one room, from the click on Join to the end: what the page shows and does. */
export class Call extends Observable {
  phase: 'joining' | 'live' | 'ended' = 'joining';
  end: CallEnd | undefined;
  notices: Notice[] = [];
  since = 0;

  readonly session: Session;
  readonly room: Room;
  readonly mesh: Mesh;
  readonly chat: Chat;
  readonly ice: IceServers;
  readonly speakers = new Speakers();
  readonly name: string;
  readonly relayOnly: boolean;
  readonly microphone: Microphone;

  private known = new Map<string, PeerMessage>(); // by id, those who have left the list too
  private statsTimer: ReturnType<typeof setInterval> | undefined;
  private lastNotice = 0;
  private unwatch: (() => void)[] = [];

  constructor(options: CallOptions) {
    super();
    this.name = options.name;
    this.relayOnly = options.relayOnly;
    this.microphone = options.microphone;
    const hostKeys = `host.${options.room}`;

    this.session = new Session({ openSocket: () => new WebSocket(signalingUrl(window.location), 'turnpike.v1') });
    this.room = new Room(
      options.room,
      this.session,
      {
        name: options.name,
        hostKey: storage.get<string | undefined>(hostKeys, undefined),
        keepHostKey: (key) => storage.set(hostKeys, key),
      },
      {
        synced: (change) => this.synced(change),
        joined: (peer) => this.joined(peer),
        updated: (peer) => {
          this.known.set(peer.id, peer);
          this.mesh.updated(peer);
        },
        left: (peer, reason) => this.left(peer, reason),
        signal: (signal) => this.mesh.receive(signal),
        ice: (message, pushed) => {
          this.ice.take(message, pushed);
          this.mesh.configure();
        },
        chat: (event) => {
          const own = event.from === this.room.selfId;
          this.chat.heard(event, own ? this.name : (this.known.get(event.from)?.name ?? 'Someone'), own);
        },
      },
    );
    this.ice = new IceServers(options.relayOnly, () => this.room.fetchIce());
    this.mesh = new Mesh({
      room: this.room,
      ice: this.ice,
      online: () => this.session.status === 'online',
      track: () => this.microphone.track,
      createConnection: (configuration) => new RTCPeerConnection(configuration),
      heard: (link, track) => this.speakers.play(link, track),
      silent: (link) => this.gone(link),
    });
    this.chat = new Chat(options.room, options.name, storage, (mid, body) => this.room.sendChat(mid, body));
  }

  start(): void {
    this.microphone.onTrack = (track) => this.mesh.replaceTrack(track);
    const passOn = (): void => this.changed();
    this.unwatch = [
      this.session.watch(() => this.sessionChanged()),
      this.room.watch(() => this.roomChanged()),
      ...[this.mesh, this.chat, this.speakers, this.microphone].map((part) => part.watch(passOn)),
    ];
    this.room.setPresence({ muted: this.microphone.muted });
    this.statsTimer = setInterval(() => void this.mesh.refreshStats(), kStatsEveryMs);
    window.addEventListener('pagehide', this.goodbye);
    this.session.start();
  }

  leave(): void {
    this.finish('left');
  }

  get people(): Person[] {
    const people: Person[] = [...this.room.peers.values()].map((peer) => ({ peer, link: this.mesh.links.get(peer.id) }));
    // Out of the list, but still heard: away from signaling.
    for (const [id, link] of this.mesh.links) {
      const peer = this.known.get(id);
      if (peer && !this.room.peers.has(id)) people.push({ peer, link });
    }
    return people.sort((a, b) => a.peer.joined_seq - b.peer.joined_seq);
  }

  toggleMute(): void {
    this.microphone.setMuted(!this.microphone.muted);
    this.room.setPresence({ muted: this.microphone.muted });
  }

  async kick(peer: PeerMessage): Promise<void> {
    try {
      await this.room.kick(peer.id);
    } catch (error) {
      this.notify(`${peer.name} could not be removed: ${error instanceof Error ? error.message : 'unknown reason'}`);
    }
  }

  notify(text: string): void {
    const id = (this.lastNotice += 1);
    this.notices = [...this.notices, { id, text }].slice(-kNoticesMost);
    setTimeout(() => {
      this.notices = this.notices.filter((notice) => notice.id !== id);
      this.changed();
    }, kNoticeMs);
    this.changed();
  }

  private readonly goodbye = (): void => this.session.stop();

  private synced(change: { newcomer: boolean; first: boolean }): void {
    for (const peer of this.room.peers.values()) this.known.set(peer.id, peer);
    this.mesh.synced(change);
    if (this.phase === 'joining') {
      this.phase = 'live';
      this.since = Date.now();
    }
  }

  private joined(peer: PeerMessage): void {
    this.known.set(peer.id, peer);
    if (!this.mesh.hasOrphans) this.notify(`${peer.name} joined`);
    this.mesh.joined(peer);
  }

  private left(peer: PeerMessage, reason: string): void {
    this.mesh.left(peer.id, reason);
    if (!this.mesh.links.has(peer.id)) this.notify(reason === 'kicked' ? `${peer.name} was removed` : `${peer.name} left`);
  }

  private gone(link: PeerLink): void {
    this.speakers.stop(link);
    // Those who leave properly are announced by the room.
    const name = this.known.get(link.peerId)?.name;
    if (name && link.orphanedAt !== undefined && this.phase === 'live') this.notify(`${name} lost the connection`);
  }

  private sessionChanged(): void {
    if (this.session.status === 'ended' && this.phase !== 'ended') this.finish(this.session.end ?? 'left');
    if (this.session.status === 'online') this.chat.resume();
    this.changed();
  }

  private roomChanged(): void {
    const { refusal } = this.room;
    if (refusal && this.phase === 'joining') {
      if (refusal.code === kErrorRoomFull) this.finish('full');
      else if (refusal.retryAfterMs === undefined) this.finish('refused');
    }
    this.changed();
  }

  private finish(end: CallEnd): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    this.end = end;
    clearInterval(this.statsTimer);
    window.removeEventListener('pagehide', this.goodbye);
    this.session.stop();
    this.mesh.close();
    this.speakers.close();
    this.microphone.onTrack = () => {};
    for (const unwatch of this.unwatch) unwatch();
    this.changed();
  }
}
