import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withStack } from '../support/stack.mjs';
import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { assertAllHeard, Guest, joinAll, listen, summary } from './support/guest.mjs';

const badges = (guest) => guest.page.$$eval('.tile:not(.self) .badge', (all) => all.map((badge) => badge.textContent.trim()));

test('pages without relay-only connect directly, and show so', { timeout: 180_000 }, async (t) => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium();
    try {
      const guests = await joinAll(browser, stack.url, 'direct', ['Ada', 'Grace']);
      const heard = await listen(guests, 5);
      t.diagnostic(summary(heard));
      assertAllHeard(heard, 2);
      for (const one of heard) {
        assert.notEqual(one.localType, 'relay');
        assert.notEqual(one.remoteType, 'relay');
      }
      for (const guest of guests) {
        await until('the badge says so', async () => /^Direct · UDP$/.test((await badges(guest)).join()), 15_000);
      }
      for (const guest of guests) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

test('relay-only pages show that they are relayed', { timeout: 180_000 }, async () => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium();
    try {
      const ada = await (await Guest.open(browser, 'Ada')).join(stack.url, 'relayed', { relay: true });
      const grace = await (await Guest.open(browser, 'Grace')).join(stack.url, 'relayed', { relay: true });
      await Promise.all([ada.connectedTo(1), grace.connectedTo(1)]);
      for (const guest of [ada, grace]) {
        await until('the badge says so', async () => /^Relay · (UDP|TCP|TLS)$/.test((await badges(guest)).join()), 15_000);
      }
      for (const guest of [ada, grace]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

for (const relay of [false, true]) {
  test(`Firefox talks with Chromium${relay ? ', relay-only' : ''}`, { timeout: 240_000 }, async (t) => {
    await withStack({ urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`] }, async (stack) => {
      const chromium = await launchChromium();
      const firefox = await launchFirefox();
      try {
        const guests = [
          await (await Guest.open(chromium, 'Chromium')).join(stack.url, 'both', { relay }),
          await (await Guest.open(firefox, 'Firefox')).join(stack.url, 'both', { relay }),
        ];
        await Promise.all(guests.map((guest) => guest.connectedTo(1)));
        const heard = await listen(guests, 10);
        t.diagnostic(summary(heard));
        assertAllHeard(heard, 2);
        if (relay) for (const one of heard) assert.equal(one.localType, 'relay');

        // Firefox has trouble with some restarts (WPT): after one from either side the call must go on.
        for (const guest of guests) {
          const peer = (await guest.call()).peers[0].id;
          await guest.page.evaluate((id) => window.turnpike.restartIce(id), peer);
          // The change of pairs may cost a moment; on a busy machine a few seconds.
          await until(`both hear each other after ${guest.name}'s restart`, async () => {
            const after = await listen(guests, 3);
            t.diagnostic(`after ${guest.name}'s restart: ${summary(after)}`);
            assertAllHeard(after, 2);
            return true;
          }, 20_000);
          assert.equal((await guest.call()).peers[0].e, 1, 'the same RTCPeerConnection');
        }
        for (const guest of guests) await guest.close();
      } finally {
        await firefox.close();
        await chromium.close();
      }
    });
  });
}
