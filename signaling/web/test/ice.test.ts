import { expect, test } from 'vitest';
import { IceServers } from '../src/ice';

const message = (username: string, lifeMs: number) => ({
  ice_servers: [{ urls: ['turn:127.0.0.1:3478?transport=udp'], username, credential: 'c' }],
  ttl: lifeMs / 1000,
  expires_at: 5_000_000 + lifeMs,
  server_time: 5_000_000,
});

function setUp(relayOnly = false) {
  const state = { now: 0, fetches: 0, fail: false };
  const ice: IceServers = new IceServers(
    relayOnly,
    async () => {
      state.fetches += 1;
      if (state.fail) throw new Error('no');
      ice.take(message(`u${state.fetches}`, 3_600_000), false);
    },
    () => state.now,
  );
  return { ice, state };
}

test('time is measured here, whatever the clocks say', () => {
  const { ice, state } = setUp();
  ice.take(message('u', 20_000), false);
  state.now = 15_000;
  expect(ice.remainingMs).toBe(5_000);
  state.now = 25_000;
  expect(ice.remainingMs).toBe(0);
});

test('the configuration is whole, relay-only or not', () => {
  const { ice } = setUp(true);
  ice.take(message('u', 1000), true);
  expect(ice.configuration).toEqual({
    iceServers: [{ urls: ['turn:127.0.0.1:3478?transport=udp'], username: 'u', credential: 'c' }],
    iceTransportPolicy: 'relay',
    bundlePolicy: 'max-bundle',
    rtcpMuxPolicy: 'require',
  });
  expect(setUp().ice.configuration.iceTransportPolicy).toBe('all');
  expect(ice.pushes).toBe(1);
});

test('asks for new credentials only when under a minute is left', async () => {
  const { ice, state } = setUp();
  ice.take(message('u', 3_600_000), false);
  await ice.refresh();
  expect(state.fetches).toBe(0);
  state.now = 3_600_000 - 59_000;
  await Promise.all([ice.refresh(), ice.refresh(), ice.refresh()]);
  expect(state.fetches).toBe(1);
  expect(ice.username).toBe('u1');
});

test('a failed request leaves what there is, and is not repeated at once unless it has expired', async () => {
  const { ice, state } = setUp();
  ice.take(message('u', 20_000), false);
  state.fail = true;
  await ice.refresh();
  await ice.refresh();
  expect(state.fetches).toBe(1);
  expect(ice.username).toBe('u');
  state.now = 21_000;
  await ice.refresh();
  expect(state.fetches).toBe(2);
});
