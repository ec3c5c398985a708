import assert from 'node:assert/strict';
import { until } from '../../support/stack.mjs';

// Generous: what is measured is measured after these.
const kPageDeadlineMs = 60_000;
const kJoinDeadlineMs = 30_000;
const kConnectDeadlineMs = 60_000;

/** Somebody with a browser of their own (a context) and our page in it. */
export class Guest {
  constructor(name, page, context) {
    this.name = name;
    this.page = page;
    this.context = context;
    this.problems = []; // what no page of ours may do: errors, CSP violations
  }

  /** `size`: another than the window's; not every Firefox can. */
  static async open(browser, name, size = undefined) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    if (size) await page.setViewport(size);
    const guest = new Guest(name, page, context);
    page.on('pageerror', (error) => guest.problems.push(error.message));
    page.on('console', (message) => {
      if (/content security policy/i.test(message.text())) guest.problems.push(message.text());
    });
    return guest;
  }

  /** By the address alone: no click. */
  async join(url, room, { relay = false, muted = false } = {}) {
    const query = new URLSearchParams({ name: this.name, autojoin: '1', relay: relay ? '1' : '0', muted: muted ? '1' : '0' });
    await this.page.goto(`${url}/r/${room}?${query}`, { waitUntil: 'domcontentloaded', timeout: kPageDeadlineMs });
    await until(`${this.name} is in ${room}`, async () => (await this.call())?.phase === 'live', kJoinDeadlineMs);
    return this;
  }

  call() {
    return this.page.evaluate(() => window.turnpike.call);
  }

  /** Fresh numbers of each link, by the other's name. */
  async stats() {
    const all = await this.page.evaluate(async () => ({ at: performance.now(), links: await window.turnpike.stats() }));
    return { at: all.at, of: Object.fromEntries(Object.values(all.links).map((one) => [one.name, one])) };
  }

  async connectedTo(count, deadlineMs = kConnectDeadlineMs) {
    await until(
      `${this.name} is connected to ${count}`,
      async () => {
        const { peers } = await this.call();
        const states = peers.map((peer) => `${peer.name} ${peer.connectionState} e${peer.e}`);
        if (peers.length === count && peers.every((peer) => peer.connectionState === 'connected')) return true;
        throw new Error(states.join(', ') || 'nobody');
      },
      deadlineMs,
      100,
    );
  }

  async close() {
    assert.deepEqual(this.problems, [], `${this.name}'s page complained`);
    await this.context.close();
  }
}

export async function joinAll(browser, url, room, names, options = {}) {
  const guests = [];
  for (const name of names) guests.push(await (await Guest.open(browser, name)).join(url, room, options));
  await Promise.all(guests.map((guest) => guest.connectedTo(names.length - 1)));
  return guests;
}

/** What each hears of each other over `seconds`: packets per second and audio energy. */
export async function listen(guests, seconds) {
  const before = await Promise.all(guests.map((guest) => guest.stats()));
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000)); // the measurement itself
  const after = await Promise.all(guests.map((guest) => guest.stats()));
  const heard = [];
  guests.forEach((guest, at) => {
    for (const [from, now] of Object.entries(after[at].of)) {
      const then = before[at].of[from];
      if (!then) continue;
      heard.push({
        by: guest.name,
        from,
        packetsPerSecond: (now.packetsReceived - then.packetsReceived) / ((after[at].at - before[at].at) / 1000),
        energy: now.totalAudioEnergy - then.totalAudioEnergy,
        lost: now.packetsLost - then.packetsLost,
        ...now,
      });
    }
  });
  return heard;
}

/** Everybody hears everybody: `people` × (`people` − 1) streams, each with packets and sound. */
export function assertAllHeard(heard, people, { packetsPerSecond = 40 } = {}) {
  assert.equal(heard.length, people * (people - 1), 'every pair is heard both ways');
  for (const one of heard) {
    assert.ok(one.packetsPerSecond >= packetsPerSecond, `${one.by} hears ${one.packetsPerSecond.toFixed(1)} packets/s of ${one.from}`);
    assert.ok(one.energy > 0, `${one.by} receives no sound of ${one.from} (energy + ${one.energy})`);
  }
}

export function summary(heard) {
  const rates = heard.map((one) => one.packetsPerSecond);
  const energies = heard.map((one) => one.energy);
  const low = (values) => Math.min(...values);
  const high = (values) => Math.max(...values);
  return (
    `${heard.length} streams, ${low(rates).toFixed(1)}–${high(rates).toFixed(1)} packets/s, ` +
    `energy +${low(energies).toFixed(3)}–${high(energies).toFixed(3)}, lost ${heard.reduce((sum, one) => sum + one.lost, 0)}, ` +
    `badges ${[...new Set(heard.map((one) => one.badge))].join(' | ')}`
  );
}
