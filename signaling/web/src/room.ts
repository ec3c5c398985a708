import { Observable } from './observable';
import type { IceServersMessage, JoinResult, LinkKind, PeerMessage, RoomEvent, Signal, SignalFrom } from './protocol';
import { RpcError, type Json } from './rpc';
import type { Session } from './session';

export interface RoomListener {
  /** The members are known anew: at the join, and after each reconnection. `newcomer`: the others know us as one. */
  synced(change: { newcomer: boolean; first: boolean }): void;
  joined(peer: PeerMessage): void;
  updated(peer: PeerMessage): void;
  left(peer: PeerMessage, reason: string): void;
  signal(signal: SignalFrom): void;
  ice(message: IceServersMessage, pushed: boolean): void;
  chat(event: { mid: string; from: string; body: string; ts: number }): void;
}

export interface RoomOptions {
  name: string; // ours, as the others see it
  hostKey: string | undefined;
  keepHostKey(key: string): void;
}

/** A room as the server tells it: who is there, in order of events. Joins, and rejoins after a reconnection. */
export class Room extends Observable {
  selfId: string | undefined;
  host = false;
  peers = new Map<string, PeerMessage>(); // the others
  /** Why joining was refused, when it was. */
  refusal: RpcError | undefined;

  private epoch: string | undefined;
  private seq = 0;
  private resyncing = false;
  private muted = false;
  private link: LinkKind = 'unknown';
  private presenceTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    private readonly session: Session,
    private readonly options: RoomOptions,
    private readonly listener: RoomListener,
  ) {
    super();
    session.onGreeted = () => this.join();
    session.onNotification = (method, params) => this.receive(method, params);
  }

  signal(to: string, signal: Signal): Promise<unknown> {
    return this.session.call('peer.signal', { room: this.id, to, ...signal });
  }

  sendChat(mid: string, body: string): Promise<{ seq: number; ts: number }> {
    return this.session.call('chat.send', { room: this.id, mid, body });
  }

  kick(peer: string): Promise<unknown> {
    return this.session.call('room.kick', { room: this.id, peer });
  }

  async fetchIce(): Promise<void> {
    this.listener.ice(await this.session.call<IceServersMessage & Json>('ice.get', { room: this.id }), false);
  }

  setPresence(change: { muted?: boolean; link?: LinkKind }): void {
    this.muted = change.muted ?? this.muted;
    this.link = change.link ?? this.link;
    // Others need the last word only.
    this.presenceTimer ??= setTimeout(() => {
      this.presenceTimer = undefined;
      if (this.session.status === 'online') this.sayPresence();
    }, 200);
  }

  setPresenceIfNew(change: { muted?: boolean; link?: LinkKind }): void {
    const same = (change.muted ?? this.muted) === this.muted && (change.link ?? this.link) === this.link;
    if (!same) this.setPresence(change);
  }

  private sayPresence(): void {
    this.session.call('presence.set', { room: this.id, muted: this.muted, link: this.link }).catch(() => {});
  }

  private async join(): Promise<void> {
    const before = this.selfId;
    const token = this.session.previousToken;
    let result: JoinResult;
    try {
      result = await this.session.call<JoinResult & Json>('room.join', {
        room: this.id,
        peer: { name: this.options.name, kind: 'human' },
        create: true,
        ...(this.options.hostKey ? { host_key: this.options.hostKey } : {}),
        ...(before && token ? { rejoin: { peer_id: before, token } } : {}),
      });
    } catch (error) {
      if (error instanceof RpcError && before === undefined) {
        this.refusal = error;
        this.changed();
      }
      throw error;
    }
    this.refusal = undefined;
    this.take(result, before);
  }

  private take(result: JoinResult, before: string | undefined): void {
    this.selfId = result.peer_id;
    this.host = result.host;
    this.epoch = result.epoch;
    this.seq = result.seq;
    if (result.host_key) {
      this.options.hostKey = result.host_key;
      this.options.keepHostKey(result.host_key);
    }
    this.peers = new Map(result.snapshot.peers.filter((peer) => peer.id !== result.peer_id).map((peer) => [peer.id, peer]));
    const self = result.snapshot.peers.find((peer) => peer.id === result.peer_id);
    if (self && (self.muted !== this.muted || self.link !== this.link)) this.setPresence({});
    this.listener.ice(result.ice, false);
    this.listener.synced({ newcomer: before !== result.peer_id, first: before === undefined });
    this.changed();
  }

  private receive(method: string, params: Json): void {
    if (params.room !== undefined && params.room !== this.id) return;
    switch (method) {
      case 'room.event':
        return this.apply(params as unknown as RoomEvent);
      case 'peer.signal':
        return this.listener.signal(params as unknown as SignalFrom);
      case 'ice.update':
        return this.listener.ice(params as unknown as IceServersMessage, true);
    }
  }

  private apply(event: RoomEvent): void {
    if (event.epoch !== this.epoch || event.seq <= this.seq) return; // told by the snapshot already
    if (event.seq !== this.seq + 1) {
      void this.resync();
      return;
    }
    this.seq = event.seq;
    switch (event.type) {
      case 'peer.joined':
        this.peers.set(event.peer.id, event.peer);
        this.listener.joined(event.peer);
        break;
      case 'peer.updated':
        if (event.peer.id === this.selfId) break;
        this.peers.set(event.peer.id, event.peer);
        this.listener.updated(event.peer);
        break;
      case 'peer.left': {
        const peer = this.peers.get(event.peer_id);
        this.peers.delete(event.peer_id);
        if (peer) this.listener.left(peer, event.reason);
        break;
      }
      case 'chat':
        this.listener.chat(event);
        break;
    }
    this.changed();
  }

  // Joining where one is already brings the whole state; absence is never guessed from a partial list.
  private async resync(): Promise<void> {
    if (this.resyncing) return;
    this.resyncing = true;
    try {
      await this.join();
    } catch {
      // A lost connection rejoins by itself.
    } finally {
      this.resyncing = false;
    }
  }
}
