import type { Call } from './call';
import { badgeOf, type LinkStats } from './stats';

/**
 * window.turnpike: a read-only look at the call, for tests and for the curious, and one lever.
 * No credential is shown, only the username.
 */
export interface DebugFace {
  readonly call: {
    phase: string;
    end: string | undefined;
    room: string;
    selfId: string | undefined;
    host: boolean;
    relayOnly: boolean;
    signaling: string;
    ice: { username: string | undefined; urls: string[]; remainingMs: number; pushes: number };
    peers: { id: string; name: string; state: string; e: number; attempts: number; connectionState: string; badge: string }[];
  } | null;
  /** Fresh numbers of each link, by peer id. */
  stats(): Promise<Record<string, LinkStats & { name: string; badge: string }>>;
  restartIce(peerId: string): Promise<boolean>;
}

export function exposeDebug(current: () => Call | undefined): void {
  const face: DebugFace = {
    get call() {
      const call = current();
      if (!call) return null;
      return {
        phase: call.phase,
        end: call.end,
        room: call.room.id,
        selfId: call.room.selfId,
        host: call.room.host,
        relayOnly: call.relayOnly,
        signaling: call.session.status,
        ice: {
          username: call.ice.username,
          urls: call.ice.servers.flatMap((server) => server.urls),
          remainingMs: Math.round(call.ice.remainingMs),
          pushes: call.ice.pushes,
        },
        peers: call.people.map(({ peer, link }) => ({
          id: peer.id,
          name: peer.name,
          state: link?.state ?? 'none',
          e: link?.e ?? 0,
          attempts: link?.attempts ?? 0,
          connectionState: link?.connectionState ?? 'none',
          badge: link ? badgeOf(link.stats).label : '',
        })),
      };
    },
    async stats() {
      const all: Record<string, LinkStats & { name: string; badge: string }> = {};
      for (const { peer, link } of current()?.people ?? []) {
        if (!link) continue;
        const stats = await link.refreshStats();
        all[link.peerId] = { ...stats, name: peer.name, badge: badgeOf(stats).label };
      }
      return all;
    },
    async restartIce(peerId) {
      const link = current()?.mesh.links.get(peerId);
      await link?.restart();
      return link !== undefined;
    },
  };
  Object.defineProperty(window, 'turnpike', { value: Object.freeze(face) });
}
