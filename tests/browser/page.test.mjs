import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { Guest, joinAll } from './support/guest.mjs';

const kMarkup = '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script><b>bold</b> &amp; "quoted"';

async function say(guest, text) {
  if (!(await guest.page.$('.chat'))) await guest.page.click('.controls [aria-pressed]:nth-child(2)');
  await guest.page.waitForSelector('.chat textarea');
  await guest.page.type('.chat textarea', text);
  await guest.page.keyboard.press('Enter');
}

const messages = (guest) => guest.page.$$eval('.message-body', (all) => all.map((body) => body.textContent));

test('a chat message with markup is shown as text, kept over a reload, and cleared', { timeout: 180_000 }, async () => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium();
    try {
      const [ada, grace] = await joinAll(browser, stack.url, 'chat', ['Ada', 'Grace <i>']);
      await say(ada, kMarkup);
      await say(grace, 'javascript:alert(1)');
      for (const guest of [ada, grace]) {
        await until('both messages are there', async () => guest.page.$('.chat') && (await messages(guest)).length === 2, 15_000).catch(async (error) => {
          throw new Error(`${guest.name}: ${JSON.stringify(await messages(guest))}`, { cause: error });
        });
        assert.deepEqual(await messages(guest), [kMarkup, 'javascript:alert(1)']);
        assert.equal(await guest.page.$('.messages img, .messages script, .messages b, .messages a, .tile i'), null);
        assert.equal(await guest.page.evaluate(() => window.hacked), undefined);
      }
      assert.ok((await ada.page.$$eval('.tile-who', (all) => all.map((who) => who.textContent))).includes('Grace <i>'));

      await ada.join(stack.url, 'chat');
      if (!(await ada.page.$('.chat'))) await ada.page.click('.controls [aria-pressed]:nth-child(2)');
      await until('the chat is there again', async () => (await messages(ada)).length === 2, 15_000);
      await ada.page.click('[aria-label="Clear the chat on this device"]');
      await until('it is cleared', async () => (await messages(ada)).length === 0, 15_000);
      assert.equal(await ada.page.evaluate(() => localStorage.getItem('turnpike.chat.chat')), null);
      for (const guest of [ada, grace]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

test('from the start page to the call by hand, mute by key, volume, leave, rejoin', { timeout: 180_000 }, async () => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium();
    try {
      const ada = await Guest.open(browser, 'Ada');
      await ada.page.goto(stack.url);
      await ada.page.click('.home .primary');
      await ada.page.waitForSelector('.prejoin .primary');
      assert.match(await ada.page.evaluate(() => location.pathname), /^\/r\/[a-z]+-[a-z]+-[a-z0-9]{6}$/);
      assert.ok(await ada.page.$eval('.prejoin .primary', (button) => button.disabled), 'no name, no joining');
      await ada.page.type('#your-name', 'Ada');
      await until('the meter moves', async () => Number(await ada.page.$eval('.meter', (meter) => meter.style.getPropertyValue('--level'))) > 0, 10_000);
      await ada.page.click('.prejoin .primary');
      await until('in the call', async () => (await ada.call())?.phase === 'live');
      const room = (await ada.call()).room;

      // The link is a room, and the name is remembered for the next time.
      const grace = await (await Guest.open(browser, 'Grace')).join(stack.url, room);
      await Promise.all([ada.connectedTo(1), grace.connectedTo(1)]);
      await until('arrivals are announced', async () => /Grace joined/.test(await ada.page.$eval('.notices', (all) => all.textContent)), 15_000);

      await ada.page.keyboard.press('m');
      await until('muted is seen by the other', () => grace.page.$('.tile:not(.self) .tile-muted'), 15_000);
      assert.equal(await ada.page.$eval('[data-kind="mute"]', (button) => button.getAttribute('aria-pressed')), 'true');
      await until('silence is heard', async () => {
        const before = (await grace.stats()).of.Ada.totalAudioEnergy;
        await new Promise((resolve) => setTimeout(resolve, 500)); // the span over which silence is measured
        return (await grace.stats()).of.Ada.totalAudioEnergy - before < 1e-6;
      });
      await ada.page.keyboard.press('m');
      await until('the voice is back', async () => !(await grace.page.$('.tile:not(.self) .tile-muted')), 15_000);
      await until('the tile shows who speaks', () => grace.page.$('.tile:not(.self)[data-speaking]'), 15_000);

      await grace.page.click('[aria-label="Options for Ada"]');
      await grace.page.waitForSelector('.volume input');
      await grace.page.focus('.volume input');
      await grace.page.keyboard.press('Home');
      await until('the volume is down', () => grace.page.$eval('audio', (audio) => audio.volume === 0), 15_000);

      await ada.page.click('[data-kind="leave"]');
      await ada.page.waitForSelector('.ended');
      await until('the other sees it', async () => (await grace.call()).peers.length === 0, 15_000);
      await ada.page.click('.ended .primary');
      await Promise.all([ada.connectedTo(1), grace.connectedTo(1)]);
      assert.equal(await ada.page.evaluate(() => localStorage.getItem('turnpike.name')), '"Ada"');
      for (const guest of [ada, grace]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});

test('a page at 360 px scrolls in no direction it should not', { timeout: 120_000 }, async () => {
  await withStack({}, async (stack) => {
    const browser = await launchChromium();
    try {
      const ada = await Guest.open(browser, 'Ada', { width: 360, height: 640 });
      for (const path of ['/', '/r/a-room-with-quite-a-long-name-that-somebody-typed']) {
        await ada.page.goto(stack.url + path);
        await ada.page.waitForSelector('h1');
        assert.ok(await ada.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), path);
      }
      await ada.join(stack.url, 'a-room-with-quite-a-long-name-that-somebody-typed');
      assert.ok(await ada.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'in the call');
      await ada.close();
    } finally {
      await browser.close();
    }
  });
});
