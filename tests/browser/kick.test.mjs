import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, joinAll, listen } from './support/guest.mjs';

const people = ['Ada', 'Grace', 'Mallory'];
const relayOverUdp = { urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`] };

async function subjectOf(stack, name) {
  const { items } = await stack.signaling.get('/v1/participants');
  return items.find((one) => one.name === name);
}

const allocationsOf = async (stack, subject) =>
  (await stack.relay.get('/v1/allocations')).items.filter((one) => one.subject === subject);

test('an admin kicks a participant: their relaying ends within a second, the others talk on', { timeout: 240_000 }, async (t) => {
  await withStack(relayOverUdp, async (stack) => {
    const browser = await launchChromium();
    try {
      const [ada, grace, mallory] = await joinAll(browser, stack.url, 'kick', people, { relay: true });
      const target = await subjectOf(stack, 'Mallory');
      assert.ok((await allocationsOf(stack, target.subject)).length > 0, 'relaying before');

      const began = performance.now();
      const answer = await stack.signaling.admin('POST', `/v1/participants/${target.id}/kick`, { reason: 'test' });
      assert.equal(answer.status, 200, answer.text);
      await until('no allocation is left', async () => (await allocationsOf(stack, target.subject)).length === 0, 15_000, 10);
      const took = performance.now() - began;
      t.diagnostic(`relaying ended ${took.toFixed(0)} ms after the kick was sent: ${answer.text.trim()}`);
      assert.ok(took < 1_000, `${took} ms`);

      await until('the page says so', async () => (await mallory.call()).end === 'kicked', 15_000);
      assert.equal(await mallory.page.$eval('.ended h1', (title) => title.textContent), 'You were removed');
      await Promise.all([ada, grace].map((guest) => guest.connectedTo(1)));
      assertAllHeard(await listen([ada, grace], 3), 2);
      for (const guest of [ada, grace, mallory]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

test('the host removes somebody on the page; others have no such button', { timeout: 240_000 }, async () => {
  await withStack(relayOverUdp, async (stack) => {
    const browser = await launchChromium();
    try {
      const [ada, grace, mallory] = await joinAll(browser, stack.url, 'kick-by-host', people, { relay: true });
      const target = await subjectOf(stack, 'Mallory');

      await grace.page.click('[aria-label="Options for Mallory"]');
      await grace.page.waitForSelector('.person-menu');
      assert.equal(await grace.page.$('.person-menu .danger'), null);

      await ada.page.click('[aria-label="Options for Mallory"]');
      await ada.page.waitForSelector('.person-menu .danger');
      await ada.page.click('.person-menu .danger');
      await until('Mallory is out', async () => (await mallory.call()).end === 'kicked', 15_000);
      await until('no allocation is left', async () => (await allocationsOf(stack, target.subject)).length === 0, 15_000, 10);
      await until('the others are told', async () => /Mallory was removed/.test(await grace.page.$eval('.notices', (all) => all.textContent)), 15_000);
      for (const guest of [ada, grace, mallory]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});
