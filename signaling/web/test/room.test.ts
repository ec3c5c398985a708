import { beforeEach, expect, test } from 'vitest';
import { Room, type RoomListener } from '../src/room';
import { RpcError } from '../src/rpc';
import type { Session } from '../src/session';

let calls: [string, Record<string, unknown>][];
let seen: string[];
let kept: string[];
let answer: (method: string) => unknown;
let session: { status: string; previousToken: string | undefined; onGreeted: () => Promise<void>; onNotification: (method: string, params: Record<string, unknown>) => void };
let room: Room;

const member = (id: string) => ({ id, name: id.toUpperCase(), kind: 'human', muted: false, hand: false, link: 'unknown', joined_seq: 1 });
const joined = (selfId: string, seq: number, ...others: string[]) => ({
  peer_id: selfId,
  room: 'calm',
  epoch: 'e1',
  seq,
  snapshot: { full: true, epoch: 'e1', seq, peers: [selfId, ...others].map(member) },
  ice: { ice_servers: [], ttl: 60, expires_at: 60_000, server_time: 0 },
  host: true,
  host_key: 'key',
});
const event = (seq: number, more: object): void => session.onNotification('room.event', { room: 'calm', epoch: 'e1', seq, ...more });

beforeEach(() => {
  calls = [];
  seen = [];
  kept = [];
  answer = () => joined('p_me', 4, 'p_a');
  session = { status: 'online', previousToken: undefined, onGreeted: async () => {}, onNotification: () => {} };
  Object.assign(session, {
    call: async (method: string, params: Record<string, unknown>) => {
      calls.push([method, params]);
      const result = answer(method);
      if (result instanceof Error) throw result;
      return result;
    },
  });
  const listener: RoomListener = {
    synced: ({ newcomer, first }) => seen.push(`synced ${newcomer} ${first}`),
    joined: (peer) => seen.push(`joined ${peer.id}`),
    updated: (peer) => seen.push(`updated ${peer.id}`),
    left: (peer, reason) => seen.push(`left ${peer.id} ${reason}`),
    signal: (signal) => seen.push(`signal ${signal.from}`),
    ice: (_, pushed) => seen.push(`ice ${pushed}`),
    chat: ({ body }) => seen.push(`chat ${body}`),
  };
  room = new Room('calm', session as unknown as Session, { name: 'Me', hostKey: undefined, keepHostKey: (key) => kept.push(key) }, listener);
});

test('joins, making the room when it is missing, and keeps the host key', async () => {
  await session.onGreeted();
  expect(calls).toEqual([['room.join', { room: 'calm', peer: { name: 'Me', kind: 'human' }, create: true }]]);
  expect([...room.peers.keys()]).toEqual(['p_a']);
  expect(room.host).toBe(true);
  expect(kept).toEqual(['key']);
  expect(seen).toEqual(['ice false', 'synced true true']);
});

test('applies events in order and once', async () => {
  await session.onGreeted();
  seen = [];
  event(4, { type: 'peer.left', peer_id: 'p_a', reason: 'left' }); // the snapshot has it already
  event(5, { type: 'peer.joined', peer: member('p_b') });
  event(5, { type: 'peer.joined', peer: member('p_b') });
  event(6, { type: 'chat', mid: 'm', from: 'p_b', body: 'hi', ts: 1 });
  event(7, { type: 'peer.left', peer_id: 'p_b', reason: 'kicked' });
  expect(seen).toEqual(['joined p_b', 'chat hi', 'left p_b kicked']);
  expect([...room.peers.keys()]).toEqual(['p_a']);
});

test('a gap brings the whole state anew', async () => {
  await session.onGreeted();
  seen = [];
  answer = () => joined('p_me', 9, 'p_a', 'p_c');
  event(7, { type: 'peer.joined', peer: member('p_b') });
  await Promise.resolve();
  await Promise.resolve();
  await Promise.resolve();
  expect(calls.map(([method]) => method)).toEqual(['room.join', 'room.join']);
  expect([...room.peers.keys()]).toEqual(['p_a', 'p_c']);
  expect(seen).toEqual(['ice false', 'synced false false']);
});

test('events of another life of the room are not applied', async () => {
  await session.onGreeted();
  seen = [];
  session.onNotification('room.event', { room: 'calm', epoch: 'e0', seq: 5, type: 'peer.left', peer_id: 'p_a', reason: 'left' });
  session.onNotification('room.event', { room: 'other', epoch: 'e1', seq: 5, type: 'peer.left', peer_id: 'p_a', reason: 'left' });
  expect(seen).toEqual([]);
});

test('rejoins as the member that it was, with the host key', async () => {
  await session.onGreeted();
  session.previousToken = 'token';
  await session.onGreeted();
  expect(calls[1]?.[1]).toMatchObject({ host_key: 'key', rejoin: { peer_id: 'p_me', token: 'token' } });
});

test('tells why the first join was refused', async () => {
  answer = () => new RpcError(1102, 'the room is full', { retry: 'after' });
  await expect(session.onGreeted()).rejects.toThrow('full');
  expect(room.refusal?.code).toBe(1102);
});
