import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, joinAll, listen, summary } from './support/guest.mjs';

const people = ['Ada', 'Grace', 'Radia'];

test('signaling restarts: the call goes on, the pages come back', { timeout: 240_000 }, async (t) => {
  await withStack({ urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`] }, async (stack) => {
    const browser = await launchChromium();
    try {
      const guests = await joinAll(browser, stack.url, 'outage', people, { relay: true });
      await stack.signaling.stop();
      for (const guest of guests) {
        await until('the page says that signaling is lost', async () => (await guest.call()).signaling === 'lost', 15_000);
        assert.match(await guest.page.$eval('.banners', (all) => all.textContent), /Your call goes on/);
      }
      const without = await listen(guests, 5);
      t.diagnostic(`without signaling: ${summary(without)}`);
      assertAllHeard(without, people.length);

      const before = await Promise.all(guests.map((guest) => guest.stats()));
      const began = performance.now();
      await stack.signaling.start();
      await Promise.all(
        guests.map((guest) =>
          until(
            `${guest.name} is back, with the others`,
            async () => {
              const { signaling, peers } = await guest.call();
              const known = new Set((await stack.signaling.get('/v1/participants')).items.map((one) => one.id));
              return signaling === 'online' && peers.length === 2 && peers.every((peer) => known.has(peer.id));
            },
            30_000,
          ),
        ),
      );
      t.diagnostic(`all are back ${((performance.now() - began) / 1000).toFixed(1)} s after the start`);
      const after = await listen(guests, 5);
      t.diagnostic(`afterwards: ${summary(after)}`);
      assertAllHeard(after, people.length);
      // The same connections, not new ones: their counters went on.
      const now = await Promise.all(guests.map((guest) => guest.stats()));
      guests.forEach((guest, at) => {
        for (const [name, stats] of Object.entries(before[at].of)) {
          assert.ok(now[at].of[name].packetsReceived > stats.packetsReceived, `${guest.name}: the link to ${name} was made anew`);
        }
      });
      for (const guest of guests) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

test('the relay is killed and comes back: the pages repair their links', { timeout: 300_000 }, async (t) => {
  await withStack({ urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`] }, async (stack) => {
    const browser = await launchChromium();
    try {
      const guests = await joinAll(browser, stack.url, 'relay-outage', people.slice(0, 2), { relay: true });
      await stack.relay.stop('SIGKILL');
      await stack.relay.start();
      const began = performance.now();
      for (const guest of guests) {
        await until('the tile says so', () => guest.page.$('.tile[data-state="reconnecting"]'), 30_000);
      }
      await Promise.all(guests.map((guest) => guest.connectedTo(1, 60_000)));
      t.diagnostic(`connected again ${((performance.now() - began) / 1000).toFixed(1)} s after the relay was back`);
      assertAllHeard(await listen(guests, 3), 2);
      for (const guest of guests) await guest.close();
    } finally {
      await browser.close();
    }
  });
});
