import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watchdog } from '../src/watchdog';

let log: [number, string][];
let polite: boolean;
let online: boolean;
let heard: number;
let started: number;
let dog: Watchdog;

beforeEach(() => {
  vi.useFakeTimers();
  log = [];
  polite = false;
  online = true;
  heard = 0;
  started = Date.now();
  const note = (what: string): void => void log.push([Date.now() - started, what]);
  dog = new Watchdog(
    {
      polite: () => polite,
      canRepair: () => online,
      heard: () => heard,
      restart: () => note('restart'),
      replace: () => note('replace'),
      changed: () => {},
    },
    () => Date.now(),
  );
});
afterEach(() => {
  dog.close();
  vi.useRealTimers();
});

function connectThen(state: RTCPeerConnectionState): void {
  dog.observe('connected');
  started = Date.now();
  dog.observe(state);
}

test('lets a connection that is only disconnected come back', () => {
  connectThen('disconnected');
  vi.advanceTimersByTime(3_999);
  dog.observe('connected');
  vi.advanceTimersByTime(60_000);
  expect(log).toEqual([]);
});

test('after four seconds the impolite side restarts at once, and goes on after 2, 5, 15, 30 s', () => {
  connectThen('disconnected');
  vi.advanceTimersByTime(4_000 + 61_000);
  expect(log).toEqual([
    [4_000, 'restart'],
    [6_000, 'restart'],
    [9_000, 'restart'],
    [19_000, 'replace'],
    [34_000, 'replace'],
    [64_000, 'replace'],
  ]);
});

test('a failure is acted on without waiting', () => {
  connectThen('failed');
  expect(log).toEqual([[0, 'restart']]);
});

test('the polite side gives the other two seconds', () => {
  polite = true;
  connectThen('failed');
  vi.advanceTimersByTime(1_999);
  expect(log).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(log).toEqual([[2_000, 'restart']]);
});

test('the polite side does nothing where the other acted', () => {
  polite = true;
  connectThen('failed');
  vi.advanceTimersByTime(1_000);
  heard += 1;
  vi.advanceTimersByTime(1_000);
  expect(log).toEqual([]);
});

test('a connection that does not come about is trouble too', () => {
  dog.observe('connecting');
  vi.advanceTimersByTime(14_999);
  expect(log).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(log).toEqual([[15_000, 'restart']]);
});

test('connected ends the trouble, and the next one begins from the start', () => {
  connectThen('failed');
  vi.advanceTimersByTime(6_000);
  dog.observe('connected');
  expect(dog.inTrouble).toBe(false);
  log = [];
  started = Date.now();
  dog.observe('failed');
  expect(log).toEqual([[0, 'restart']]);
});

test('without signaling it waits, and repairs as soon as it is back', () => {
  online = false;
  connectThen('failed');
  vi.advanceTimersByTime(60_000);
  expect(log).toEqual([]);
  online = true;
  dog.resume();
  expect(log).toEqual([[60_000, 'restart']]);
});

test('a closed one is silent', () => {
  connectThen('failed');
  log = [];
  dog.close();
  dog.resume();
  vi.advanceTimersByTime(60_000);
  expect(log).toEqual([]);
});
