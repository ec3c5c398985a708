import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IceServers } from '../src/ice';
import { Mesh } from '../src/mesh';
import type { PeerMessage, Signal } from '../src/protocol';
import type { Room } from '../src/room';
import { FakeConnection, settled } from './fakes';

let room: { selfId: string; peers: Map<string, PeerMessage>; sent: [string, Signal][] };
let mesh: Mesh;
let silenced: string[];

const peer = (id: string): PeerMessage => ({ id, name: id, kind: 'human', muted: false, hand: false, link: 'unknown', state: 'online', joined_seq: 1 });

function there(...ids: string[]): void {
  room.peers = new Map(ids.map((id) => [id, peer(id)]));
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeConnection.all = [];
  silenced = [];
  room = { selfId: 'p_m', peers: new Map(), sent: [] };
  const ice = new IceServers(false, () => Promise.resolve(), () => Date.now());
  ice.take({ ice_servers: [], ttl: 3600, expires_at: 3_600_000, server_time: 0 }, false);
  mesh = new Mesh({
    room: {
      get selfId() {
        return room.selfId;
      },
      get peers() {
        return room.peers;
      },
      signal: (to: string, signal: Signal) => {
        room.sent.push([to, signal]);
        return Promise.resolve();
      },
      setPresenceIfNew: () => {},
    } as unknown as Room,
    ice,
    online: () => true,
    track: () => ({}) as MediaStreamTrack,
    createConnection: (configuration) => new FakeConnection(configuration) as unknown as RTCPeerConnection,
    heard: () => {},
    silent: (link) => silenced.push(link.peerId),
  });
});
afterEach(() => {
  mesh.close();
  vi.useRealTimers();
});

const offersTo = (): string[] => room.sent.filter(([, signal]) => signal.description?.type === 'offer').map(([to]) => to);
const pc = (at: number): FakeConnection => FakeConnection.all[at]!;

test('a newcomer offers to everyone, 50 ms apart', async () => {
  there('p_a', 'p_b', 'p_z');
  mesh.synced({ newcomer: true, first: true });
  vi.advanceTimersByTime(0);
  await settled();
  expect(offersTo()).toEqual(['p_a']);
  vi.advanceTimersByTime(50);
  await settled();
  expect(offersTo()).toEqual(['p_a', 'p_b']);
  vi.advanceTimersByTime(50);
  await settled();
  expect(offersTo()).toEqual(['p_a', 'p_b', 'p_z']);
});

test('a member waits five seconds for the newcomer, then offers itself', async () => {
  there('p_a');
  mesh.joined(peer('p_a'));
  vi.advanceTimersByTime(4_999);
  await settled();
  expect(offersTo()).toEqual([]);
  vi.advanceTimersByTime(1);
  await settled();
  expect(offersTo()).toEqual(['p_a']);
});

test('who leaves is let go, who only lost signaling is not', () => {
  there('p_a', 'p_b');
  mesh.synced({ newcomer: true, first: true });
  pc(0).become('connected');
  pc(1).become('connected');
  mesh.left('p_a', 'left');
  mesh.left('p_b', 'timeout');
  expect([...mesh.links.keys()]).toEqual(['p_b']);
  expect(silenced).toEqual(['p_a']);
  expect(pc(0).closed).toBe(true);
  expect(pc(1).closed).toBe(false);
});

test('one who stays away from signaling is let go after half a minute', () => {
  there('p_b');
  mesh.synced({ newcomer: true, first: true });
  pc(0).become('connected');
  room.peers.clear();
  mesh.left('p_b', 'timeout');
  vi.advanceTimersByTime(29_000);
  expect(mesh.links.size).toBe(1);
  vi.advanceTimersByTime(3_000);
  expect(mesh.links.size).toBe(0);
});

test('after a restart of the server a link goes on under the new id that its page tells', async () => {
  there('p_old');
  mesh.synced({ newcomer: true, first: true });
  pc(0).control!.open();
  pc(0).become('connected');
  expect(JSON.parse(pc(0).control!.sent[0]!)).toEqual({ t: 'peer', id: 'p_m' });

  room.selfId = 'p_n';
  there('p_new');
  mesh.synced({ newcomer: true, first: false });
  expect(JSON.parse(pc(0).control!.sent.at(-1)!)).toEqual({ t: 'peer', id: 'p_n' });
  pc(0).control!.onmessage!({ data: JSON.stringify({ t: 'peer', id: 'p_new' }) });
  vi.advanceTimersByTime(10_000);
  await settled();
  expect([...mesh.links.keys()]).toEqual(['p_new']);
  expect(FakeConnection.all).toHaveLength(1);
  expect(pc(0).closed).toBe(false);
});

test('a page that told its new id before we came back is found again', () => {
  there('p_old');
  mesh.synced({ newcomer: true, first: true });
  pc(0).control!.open();
  pc(0).become('connected');
  pc(0).control!.onmessage!({ data: JSON.stringify({ t: 'peer', id: 'p_new' }) });
  expect([...mesh.links.keys()]).toEqual(['p_old']);
  there('p_new');
  mesh.synced({ newcomer: true, first: false });
  expect([...mesh.links.keys()]).toEqual(['p_new']);
});

test('nobody takes the place of somebody who is there', () => {
  there('p_a', 'p_b');
  mesh.synced({ newcomer: true, first: true });
  pc(0).become('connected');
  pc(1).become('connected');
  // A member of the room claims to be another.
  pc(0).control!.onmessage!({ data: JSON.stringify({ t: 'peer', id: 'p_b' }) });
  expect([...mesh.links.keys()]).toEqual(['p_a', 'p_b']);
  // One who has left it claims the same.
  room.peers.delete('p_a');
  mesh.left('p_a', 'timeout');
  pc(0).control!.onmessage!({ data: JSON.stringify({ t: 'peer', id: 'p_b' }) });
  expect([...mesh.links.keys()]).toEqual(['p_b']);
  expect(pc(0).closed).toBe(true);
  expect(pc(1).closed).toBe(false);
});

test('messages of an earlier connection are ignored, those of a later one make a new connection', async () => {
  there('p_a');
  mesh.joined(peer('p_a'));
  const offer = (e: number, n: number) => ({ room: 'r', from: 'p_a', after_seq: 1, e, n, description: { type: 'offer' as const, sdp: 'v=0\r\na=ice-ufrag:x\r\n' } });
  mesh.receive(offer(2, 1));
  await settled();
  expect(FakeConnection.all).toHaveLength(2);
  expect(pc(0).closed).toBe(true);
  expect(pc(1).signalingState).toBe('stable');
  expect(room.sent.map(([to, signal]) => [to, signal.e, signal.description?.type])).toEqual([['p_a', 2, 'answer']]);
  mesh.receive(offer(1, 9));
  mesh.receive(offer(2, 1));
  await settled();
  expect(room.sent).toHaveLength(1);
  expect(FakeConnection.all).toHaveLength(2);
});

test('signals of somebody who is not in the room go nowhere', () => {
  mesh.receive({ room: 'r', from: 'p_x', after_seq: 1, e: 1, n: 1, candidates: [] });
  expect(FakeConnection.all).toHaveLength(0);
});
