import { expect, test } from 'vitest';
import { readAddress, signalingUrl } from '../src/address';
import { newRoomName, toRoomId } from '../src/room_name';
import { initialsOf } from '../src/ui/avatar';
import { clockOf } from '../src/ui/call_time';

test('new rooms have valid, different names', () => {
  const names = Array.from({ length: 200 }, () => newRoomName());
  for (const name of names) expect(toRoomId(name)).toBe(name);
  expect(new Set(names).size).toBe(200);
});

test.each([
  ['Team Meeting', 'team-meeting'],
  ['  Café №1! ', 'cafe-no1'],
  ['https://call.example/r/calm-harbor-k7f2qx?name=x', 'calm-harbor-k7f2qx'],
  ['ab', undefined],
  ['--', undefined],
  ['x'.repeat(65), undefined],
])('room typed as %s', (typed, id) => {
  expect(toRoomId(typed)).toBe(id);
});

test('reads the address', () => {
  expect(readAddress({ pathname: '/r/calm-harbor', search: '?name=Ada&autojoin=1&relay=1&muted=1' })).toEqual({
    room: 'calm-harbor',
    name: 'Ada',
    autojoin: true,
    muted: true,
    relayOnly: true,
  });
  expect(readAddress({ pathname: '/', search: '' })).toEqual({ room: undefined, name: undefined, autojoin: false, muted: false, relayOnly: undefined });
  expect(readAddress({ pathname: '/r/%', search: '?relay=0' })).toMatchObject({ room: undefined, relayOnly: false });
});

test('signaling is where the page came from', () => {
  expect(signalingUrl({ protocol: 'https:', host: 'call.example' })).toBe('wss://call.example/ws');
  expect(signalingUrl({ protocol: 'http:', host: '127.0.0.1:8080' })).toBe('ws://127.0.0.1:8080/ws');
});

test.each([
  ['Ada Lovelace', 'AL'],
  ['radia', 'R'],
  ['Jean-Luc de la Tour', 'JT'],
  ['🦊 fox', '🦊F'],
  ['', '?'],
])('initials of %s', (name, initials) => {
  expect(initialsOf(name)).toBe(initials);
});

test('the clock', () => {
  expect([0, 61_000, 3_661_000, -5].map(clockOf)).toEqual(['00:00', '01:01', '1:01:01', '00:00']);
});
