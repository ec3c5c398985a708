import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Disconnected, Rpc, RpcError } from '../src/rpc';
import { FakeSocket } from './fakes';

let socket: FakeSocket;
let notes: [string, unknown][];
let closes: number[];
let rpc: Rpc;

beforeEach(() => {
  vi.useFakeTimers();
  socket = new FakeSocket();
  notes = [];
  closes = [];
  rpc = new Rpc(socket, { notification: (method, params) => notes.push([method, params]), closed: (code) => closes.push(code) });
});
afterEach(() => vi.useRealTimers());

test('gives each answer to its own call', async () => {
  const first = rpc.call('a', { x: 1 });
  const second = rpc.call('b');
  expect(socket.sent.map(({ id, method, params }) => [id, method, params])).toEqual([
    [1, 'a', { x: 1 }],
    [2, 'b', {}],
  ]);
  socket.answer('b', { of: 'b' });
  socket.answer('a', { of: 'a' });
  expect(await first).toEqual({ of: 'a' });
  expect(await second).toEqual({ of: 'b' });
});

test('turns a refusal into an error that says when to try again', async () => {
  const call = rpc.call('room.join');
  socket.say({ jsonrpc: '2.0', id: 1, error: { code: 1102, message: 'the room is full', data: { name: 'room_full', retry: 'after', retry_after_ms: 5000 } } });
  const error = await call.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(RpcError);
  expect(error).toMatchObject({ code: 1102, message: 'the room is full', retryAfterMs: 5000 });
});

test('a refusal for good names no time', () => {
  expect(new RpcError(1106, 'only the host may', { retry: 'never' }).retryAfterMs).toBeUndefined();
  expect(new RpcError(1300, 'slower', { retry: 'after' }).retryAfterMs).toBe(1000);
});

test('passes notifications on, and lets garbage and answers to nobody go', () => {
  socket.say({ jsonrpc: '2.0', method: 'room.event', params: { seq: 3 } });
  socket.say('{');
  socket.say('null');
  socket.say({ jsonrpc: '2.0', id: 99, result: {} });
  expect(notes).toEqual([['room.event', { seq: 3 }]]);
  expect(closes).toEqual([]);
});

test('a close rejects what was waiting, once, and refuses what comes later', async () => {
  const call = rpc.call('a').catch((reason: unknown) => reason);
  socket.drop(4004);
  rpc.close();
  expect(await call).toBeInstanceOf(Disconnected);
  expect(closes).toEqual([4004]);
  await expect(rpc.call('b')).rejects.toBeInstanceOf(Disconnected);
});

test('asks after ten seconds of silence, and counts the server as gone after twenty', () => {
  vi.advanceTimersByTime(10_000);
  expect(socket.sent.map((one) => one.method)).toEqual(['session.ping']);
  vi.advanceTimersByTime(10_000);
  expect(closes).toEqual([0]);
  expect(socket.closed).toBe(true);
});

test('an answer to the question keeps the connection', () => {
  for (let turn = 0; turn < 5; turn += 1) {
    vi.advanceTimersByTime(10_000);
    socket.answer('session.ping', {});
  }
  expect(closes).toEqual([]);
});

test('a call that stays unanswered ends the connection', async () => {
  const call = rpc.call('chat.send').catch((reason: unknown) => reason);
  for (let turn = 0; turn < 3; turn += 1) {
    vi.advanceTimersByTime(5_000);
    socket.say({ jsonrpc: '2.0', method: 'room.event', params: {} }); // alive, but not answering
  }
  expect(await call).toBeInstanceOf(Disconnected);
  expect(closes).toEqual([0]);
});
