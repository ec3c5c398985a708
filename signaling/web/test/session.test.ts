import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Session } from '../src/session';
import { FakeSocket, settled } from './fakes';

let session: Session;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  session = new Session({ openSocket: () => new FakeSocket(), random: () => 0.5 });
  session.start();
});
afterEach(() => {
  session.stop();
  vi.useRealTimers();
});

const socket = (at: number): FakeSocket => FakeSocket.all[at]!;

async function greet(at: number, token: string): Promise<void> {
  socket(at).open();
  socket(at).answer('session.hello', { session_id: 's', resume_token: token, server_time: 0 });
  await settled();
}

test('connects at once, greets first, and is online after the greeting', async () => {
  vi.advanceTimersByTime(0);
  expect(FakeSocket.all).toHaveLength(1);
  socket(0).open();
  expect(socket(0).sent[0]).toMatchObject({ method: 'session.hello', params: { v: 1 } });
  expect(session.status).toBe('connecting');
  await greet(0, 't1');
  expect(session.status).toBe('online');
});

test('comes back with growing delays and knows the token from before', async () => {
  vi.advanceTimersByTime(0);
  await greet(0, 't1');
  socket(0).drop();
  expect(session.status).toBe('lost');
  vi.advanceTimersByTime(0); // the first wait is none
  expect(FakeSocket.all).toHaveLength(2);
  socket(1).drop();
  vi.advanceTimersByTime(499);
  expect(FakeSocket.all).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(FakeSocket.all).toHaveLength(3);
  await greet(2, 't2');
  expect(session.status).toBe('online');
  expect(session.previousToken).toBe('t1');
});

test('a server that opens but does not let us in is asked more and more rarely', async () => {
  session.onGreeted = () => Promise.reject(new Error('no'));
  for (const wait of [0, 500, 1000, 2000]) {
    const before = FakeSocket.all.length;
    vi.advanceTimersByTime(Math.max(0, wait - 1));
    if (wait > 0) expect(FakeSocket.all).toHaveLength(before);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.all).toHaveLength(before + 1);
    await greet(before, 't');
  }
});

test('a kick is an end', async () => {
  vi.advanceTimersByTime(0);
  await greet(0, 't1');
  socket(0).drop(4004);
  vi.advanceTimersByTime(60_000);
  expect(session.status).toBe('ended');
  expect(session.end).toBe('kicked');
  expect(FakeSocket.all).toHaveLength(1);
});

test('leaving says goodbye and does not come back', async () => {
  vi.advanceTimersByTime(0);
  await greet(0, 't1');
  session.stop();
  expect(socket(0).sent.at(-1)?.method).toBe('session.bye');
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  await expect(session.call('ice.get')).rejects.toThrow();
});

test('gives up on a socket that does not open', () => {
  vi.advanceTimersByTime(8_000);
  expect(socket(0).closed).toBe(true);
  vi.advanceTimersByTime(500);
  expect(FakeSocket.all).toHaveLength(2);
});
