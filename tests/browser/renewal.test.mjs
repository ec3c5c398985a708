import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, joinAll, listen, summary } from './support/guest.mjs';

const kTtlSeconds = 20;
const kLifetimes = 3;

test('a call outlives its credentials, and a restart uses the new ones', { timeout: 180_000 }, async (t) => {
  await withStack(
    { urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`], signaling: { credentials: { ttl: `${kTtlSeconds}s` } } },
    async (stack) => {
      const browser = await launchChromium();
      try {
        const guests = await joinAll(browser, stack.url, 'renewal', ['Ada', 'Grace'], { relay: true });
        const usernamesInUse = async () => new Set((await stack.relay.get('/v1/allocations')).items.map((one) => one.username));
        const atFirst = await usernamesInUse();
        assert.equal(atFirst.size, 2);

        // One measurement per lifetime; in each a push has come and the audio never stopped.
        for (let lifetime = 1; lifetime <= kLifetimes; lifetime += 1) {
          const heard = await listen(guests, kTtlSeconds);
          t.diagnostic(`lifetime ${lifetime}: ${summary(heard)}`);
          assertAllHeard(heard, 2);
          for (const guest of guests) {
            const { ice } = await guest.call();
            assert.ok(ice.pushes >= lifetime, `${guest.name}: ${ice.pushes} pushes after ${lifetime} lifetimes`);
            assert.ok(ice.remainingMs > 0, `${guest.name} holds expired credentials`);
            assert.ok(!atFirst.has(ice.username), `${guest.name} still has the first credentials`);
          }
        }
        const expiry = (username) => Number(username.split(':')[0]) * 1000;
        for (const username of atFirst) assert.ok(expiry(username) < Date.now(), 'the first credentials have expired');

        const [ada, grace] = guests;
        const peer = (await ada.call()).peers[0].id;
        assert.equal(await ada.page.evaluate((id) => window.turnpike.restartIce(id), peer), true);
        await until(
          'both have allocations under new usernames',
          async () => {
            const inUse = await usernamesInUse();
            const fresh = [...inUse].filter((username) => !atFirst.has(username));
            const subjects = new Set(fresh.map((username) => username.split(':')[1].split(';')[0]));
            return subjects.size === 2;
          },
          15_000,
        );
        const heard = await listen([ada, grace], 5);
        t.diagnostic(`after the restart: ${summary(heard)}`);
        assertAllHeard(heard, 2);
        for (const one of heard) assert.equal(one.localType, 'relay');
        for (const guest of guests) assert.equal((await guest.call()).peers[0].e, 1, 'the same RTCPeerConnection');
        for (const guest of guests) await guest.close();
      } finally {
        await browser.close();
      }
    },
  );
});
