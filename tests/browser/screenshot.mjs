// Makes docs/images/call.png: a real call of four, two of them over the relay, as the host sees it.
//   node tests/browser/screenshot.mjs [FILE]
import path from 'node:path';
import { root, until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { Guest } from './support/guest.mjs';

const file = process.argv[2] ?? path.join(root, 'docs/images/call.png');
const kWidth = 1280;
const kHeight = 800;

async function say(guest, text) {
  if (!(await guest.page.$('.chat'))) await guest.page.click('.controls [aria-pressed]:nth-child(2)');
  await guest.page.waitForSelector('.chat textarea');
  await guest.page.type('.chat textarea', text);
  await guest.page.keyboard.press('Enter');
  await until('it is said', () => guest.page.$eval('.message:last-child', (last) => last.dataset.state === 'sent'));
}

await withStack({}, async (stack) => {
  const browser = await launchChromium({ args: ['--ignore-certificate-errors'] });
  try {
    const room = 'calm-harbor-k7f2qx';
    const ada = await Guest.open(browser, 'Ada Lovelace', { width: kWidth, height: kHeight });
    await ada.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
    await ada.join(stack.url, room);
    const grace = await (await Guest.open(browser, 'Grace Hopper')).join(stack.url, room);
    const radia = await (await Guest.open(browser, 'Radia Perlman')).join(stack.url, room, { relay: true });
    const hedy = await (await Guest.open(browser, 'Hedy Lamarr')).join(stack.url, room, { relay: true });
    const guests = [ada, grace, radia, hedy];
    await Promise.all(guests.map((guest) => guest.connectedTo(3)));

    await say(grace, 'Morning! Can everyone hear me?');
    await say(ada, 'Loud and clear.');
    await say(radia, 'Same here. The hotel network keeps us apart, so I come through the relay.');
    await say(hedy, 'Me too, by choice: nobody gets to see my address.');
    await say(ada, 'Good. Shall we start?');
    await hedy.page.click('[data-kind="mute"]');
    await until('all of it is shown', () =>
      ada.page.evaluate(
        () =>
          document.querySelectorAll('.badge.relay').length === 2 &&
          document.querySelectorAll('.badge.direct').length === 1 &&
          document.querySelector('.tile-muted') !== null &&
          document.querySelectorAll('.tile[data-speaking]').length === 3 &&
          document.querySelectorAll('.message').length === 5 &&
          document.querySelector('.notice') === null,
      ),
    );
    await ada.page.evaluate(() => document.fonts.ready);
    await ada.page.screenshot({ path: file });
    console.log(`wrote ${file}`);
  } finally {
    await browser.close();
  }
});
