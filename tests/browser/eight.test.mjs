import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { Guest } from './support/guest.mjs';

const kNames = ['Ada', 'Grace', 'Radia', 'Joan', 'Hedy', 'Karen', 'Sophie', 'Mary'];

test('eight relay-only pages fill a room; nobody meets the quota', { timeout: 300_000 }, async (t) => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium({ args: ['--ignore-certificate-errors'] });
    try {
      const guests = [];
      const began = performance.now();
      for (const name of kNames) {
        // Muted: 56 encoders at full speed are more than two cores have.
        const guest = await Guest.open(browser, name, { width: 500, height: 600 });
        guests.push(await guest.join(stack.url, 'full-house', { relay: true, muted: true }));
      }
      await Promise.all(guests.map((guest) => guest.connectedTo(kNames.length - 1, 180_000)));
      t.diagnostic(`28 pairs connected ${((performance.now() - began) / 1000).toFixed(1)} s after the first opened the page`);

      const { items } = await stack.relay.get('/v1/allocations');
      t.diagnostic(`${items.length} allocations`);
      assert.ok(items.length >= 56, 'a relayed address for each end of each pair');
      const metrics = (await stack.relay.admin('GET', '/metrics')).text;
      const refusals = metrics.split('\n').filter((line) => /486/.test(line) && !/ 0(\.0+)?$/.test(line) && !line.startsWith('#'));
      assert.deepEqual(refusals, [], 'no 486 in the metrics');
      assert.doesNotMatch(await stack.relay.log(), /\b486\b|quota_reached/i);

      // A ninth is told, and no one is disturbed.
      const ninth = await Guest.open(browser, 'Ninth');
      await ninth.page.goto(`${stack.url}/r/full-house?name=Ninth&autojoin=1`);
      await ninth.page.waitForSelector('.ended h1', { timeout: 15_000 });
      assert.equal(await ninth.page.$eval('.ended h1', (title) => title.textContent), 'The room is full');
      await ninth.close();
      for (const guest of guests) await guest.close();
    } finally {
      await browser.close();
    }
  });
});
