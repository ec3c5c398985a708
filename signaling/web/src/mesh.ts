import type { IceServers } from './ice';
import { Observable } from './observable';
import { PeerLink, type LinkSurroundings } from './peer_link';
import type { PeerMessage, SignalFrom } from './protocol';
import type { Room } from './room';
import { badgeOf, commonLink } from './stats';

export interface MeshOptions {
  room: Room;
  ice: IceServers;
  online(): boolean;
  track(): MediaStreamTrack;
  createConnection(configuration: RTCConfiguration): RTCPeerConnection;
  heard(link: PeerLink, track: MediaStreamTrack): void;
  silent(link: PeerLink): void;
}

const kStaggerMs = 50;
const kOrphanGraceMs = 30_000; // as long as a member may be away from signaling while its media flow
const kClaimWaitMs = 1_500; // for links to say who they are now, before newcomers' links are made

/**
 * A link to each other member. Links outlive signaling: when members come back with new ids (the
 * server has forgotten the room), each page tells over the data channel who it is now, and the link
 * goes on under that id.
 */
export class Mesh extends Observable {
  links = new Map<string, PeerLink>();

  private claims = new Map<PeerLink, string>(); // who an orphan says to be, before the room knows
  private sweeper: ReturnType<typeof setInterval> | undefined;
  private later: ReturnType<typeof setTimeout> | undefined;
  private readonly surroundings: LinkSurroundings;

  constructor(private readonly options: MeshOptions) {
    super();
    this.surroundings = {
      selfId: () => options.room.selfId ?? '',
      online: options.online,
      ice: options.ice,
      track: options.track,
      createConnection: options.createConnection,
      heard: options.heard,
      send: (to, signal) => options.room.signal(to, signal),
      controlOpened: (link) => this.introduce(link),
      message: (link, text) => this.hear(link, text),
    };
    this.sweeper = setInterval(() => this.sweep(), 1_000);
  }

  /** The member list is complete and new. */
  synced({ newcomer, first }: { newcomer: boolean; first: boolean }): void {
    const { room } = this.options;
    for (const link of [...this.links.values()]) {
      if (!room.peers.has(link.peerId)) this.orphan(link);
      else link.orphanedAt = undefined;
    }
    for (const [link, id] of [...this.claims]) {
      if (room.peers.has(id)) this.rekey(link, id);
    }
    for (const link of this.links.values()) {
      this.introduce(link);
      link.resume(true);
    }
    clearTimeout(this.later);
    // Those who may be old acquaintances under a new id get a moment to say so.
    if (this.hasOrphans) this.later = setTimeout(() => this.fill(newcomer), kClaimWaitMs);
    else this.fill(newcomer || first);
    this.changed();
  }

  joined(peer: PeerMessage): void {
    for (const [link, id] of this.claims) {
      if (id === peer.id) this.rekey(link, id);
    }
    if (!this.links.has(peer.id)) this.connect(peer.id, false);
  }

  updated(peer: PeerMessage): void {
    if (peer.state !== 'reconnecting') this.links.get(peer.id)?.resume(false);
  }

  left(peerId: string, reason: string): void {
    const link = this.links.get(peerId);
    if (!link) return;
    // Away from the server is not away from us.
    if (reason === 'timeout' && link.connected) this.orphan(link);
    else this.drop(link);
  }

  receive(signal: SignalFrom): void {
    let link = this.links.get(signal.from);
    if (!link) {
      if (!this.options.room.peers.has(signal.from)) return;
      link = this.connect(signal.from, false);
    }
    link.receive(signal);
  }

  configure(): void {
    for (const link of this.links.values()) link.configure();
  }

  replaceTrack(track: MediaStreamTrack): void {
    for (const link of this.links.values()) link.replaceTrack(track);
  }

  async refreshStats(): Promise<void> {
    await Promise.all([...this.links.values()].map((link) => link.refreshStats().catch(() => {})));
    this.options.room.setPresenceIfNew({ link: commonLink([...this.links.values()].map((link) => badgeOf(link.stats).kind)) });
  }

  close(): void {
    clearInterval(this.sweeper);
    clearTimeout(this.later);
    for (const link of [...this.links.values()]) this.drop(link);
  }

  get hasOrphans(): boolean {
    return [...this.links.values()].some((link) => link.orphanedAt !== undefined);
  }

  private fill(offers: boolean): void {
    let stagger = 0;
    for (const id of this.options.room.peers.keys()) {
      if (this.links.has(id)) continue;
      this.connect(id, offers, stagger);
      stagger += kStaggerMs;
    }
  }

  private connect(peerId: string, offers: boolean, startsInMs = 0): PeerLink {
    const link = new PeerLink(peerId, this.surroundings, offers, startsInMs);
    this.links.set(peerId, link);
    link.watch(() => this.changed());
    this.changed();
    return link;
  }

  private drop(link: PeerLink): void {
    link.close();
    this.claims.delete(link);
    if (this.links.get(link.peerId) === link) this.links.delete(link.peerId);
    this.options.silent(link);
    this.changed();
  }

  private orphan(link: PeerLink): void {
    if (!link.connected) return this.drop(link);
    link.orphanedAt ??= performance.now();
    this.changed();
  }

  private sweep(): void {
    for (const link of [...this.links.values()]) {
      if (link.orphanedAt === undefined) continue;
      if (!link.connected || (this.options.online() && performance.now() - link.orphanedAt > kOrphanGraceMs)) this.drop(link);
    }
  }

  private introduce(link: PeerLink): void {
    const { selfId } = this.options.room;
    if (selfId) link.tell(JSON.stringify({ t: 'peer', id: selfId }));
  }

  private hear(link: PeerLink, text: string): void {
    let message: { t?: unknown; id?: unknown };
    try {
      message = JSON.parse(text) as typeof message;
    } catch {
      return;
    }
    if (message?.t !== 'peer' || typeof message.id !== 'string' || message.id === link.peerId) return;
    this.claims.set(link, message.id);
    if (this.options.room.peers.has(message.id)) this.rekey(link, message.id);
  }

  // Only a link whose member is gone from the list may take another's name, and only one that is
  // not spoken for: nobody can take the place of somebody who is there.
  private rekey(link: PeerLink, id: string): void {
    if (link.orphanedAt === undefined) return;
    const taken = this.links.get(id);
    if (taken?.connected) return this.drop(link);
    if (taken) this.drop(taken);
    this.claims.delete(link);
    this.links.delete(link.peerId);
    link.peerId = id;
    link.orphanedAt = undefined;
    this.links.set(id, link);
    link.resume(true);
    this.changed();
  }
}
