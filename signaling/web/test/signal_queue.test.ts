import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Signal } from '../src/protocol';
import { Disconnected, RpcError } from '../src/rpc';
import { SignalQueue } from '../src/signal_queue';
import { settled } from './fakes';

const offer = { description: { type: 'offer' as const, sdp: 'v=0' } };
const candidates = { candidates: [{ candidate: 'candidate:1' }] };
const unreachable = new RpcError(1201, 'it is reconnecting', { retry: 'after', retry_after_ms: 700 });

let arrived: Signal[];
let refuse: Error | undefined;
let queue: SignalQueue;

beforeEach(() => {
  vi.useFakeTimers();
  arrived = [];
  refuse = undefined;
  queue = new SignalQueue((signal) => {
    if (refuse) return Promise.reject(refuse);
    arrived.push(signal);
    return Promise.resolve();
  });
});
afterEach(() => vi.useRealTimers());

test('numbers its messages and keeps their order', async () => {
  queue.push(1, offer);
  queue.push(1, candidates);
  await settled();
  expect(arrived.map(({ e, n }) => [e, n])).toEqual([
    [1, 1],
    [1, 2],
  ]);
});

test('waits while there is no signaling', async () => {
  refuse = new Disconnected();
  queue.push(1, offer);
  queue.push(1, candidates);
  await settled();
  vi.advanceTimersByTime(60_000);
  await settled();
  expect(arrived).toEqual([]);
  refuse = undefined;
  queue.resume();
  await settled();
  expect(arrived.map(({ n }) => n)).toEqual([1, 2]);
});

test('tries again when the server says so, with nothing overtaking', async () => {
  refuse = unreachable;
  queue.push(1, offer);
  await settled();
  queue.push(1, candidates);
  refuse = undefined;
  await settled();
  expect(arrived).toEqual([]);
  vi.advanceTimersByTime(700);
  await settled();
  expect(arrived.map(({ n }) => n)).toEqual([1, 2]);
});

test('forgets an exchange with somebody who is gone', async () => {
  refuse = new RpcError(1200, 'no such member', { retry: 'never' });
  queue.push(1, offer);
  queue.push(1, candidates);
  await settled();
  refuse = undefined;
  queue.resume();
  await settled();
  expect(arrived).toEqual([]);
});

test('a new connection makes the messages of the old one void', async () => {
  refuse = new Disconnected();
  queue.push(1, offer);
  await settled();
  queue.push(1, candidates);
  await settled();
  queue.push(2, offer);
  refuse = undefined;
  queue.resume();
  await settled();
  expect(arrived.map(({ e }) => e)).toEqual([2]);
});
