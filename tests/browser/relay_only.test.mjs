// Three people whose audio may only go through the relay hear each other, over each way to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, joinAll, listen, summary } from './support/guest.mjs';

const kPeople = ['Ada', 'Grace', 'Radia'];
const kSeconds = 10;

const ways = [
  { name: 'UDP', relayProtocol: 'udp', transport: 'udp', urls: ({ udp }) => [`turn:127.0.0.1:${udp}?transport=udp`] },
  { name: 'TCP only', relayProtocol: 'tcp', transport: 'tcp', urls: ({ tcp }) => [`turn:127.0.0.1:${tcp}?transport=tcp`] },
  { name: 'turns: only', relayProtocol: 'tls', transport: 'tls', urls: ({ tls }) => [`turns:127.0.0.1:${tls}?transport=tcp`] },
  {
    name: 'UDP to [::1], relayed on IPv6',
    relayProtocol: 'udp',
    transport: 'udp',
    ipv6: true,
    relay: { relay: { default_family: 'listener' } },
    urls: ({ udp6 }) => [`turn:[::1]:${udp6}?transport=udp`],
  },
];

for (const way of ways) {
  test(`three relay-only pages hear each other: ${way.name}`, { timeout: 240_000 }, async (t) => {
    await withStack({ urls: way.urls, ipv6: way.ipv6, relay: way.relay }, async (stack) => {
      const browser = await launchChromium({ args: ['--ignore-certificate-errors'] });
      try {
        const guests = await joinAll(browser, stack.url, 'relay-only', kPeople, { relay: true });
        const heard = await listen(guests, kSeconds);
        t.diagnostic(`${way.name}: ${summary(heard)}`);
        assertAllHeard(heard, kPeople.length);
        for (const one of heard) {
          assert.equal(one.localType, 'relay', `${one.by} to ${one.from}: local candidate`);
          assert.equal(one.relayProtocol, way.relayProtocol);
        }
        const { items } = await stack.relay.get('/v1/allocations');
        assert.ok(items.length >= kPeople.length * (kPeople.length - 1), `${items.length} allocations`);
        for (const allocation of items) {
          assert.equal(allocation.transport, way.transport);
          // The client's own address is whichever of the machine's the browser chose.
          for (const address of [allocation.server, ...allocation.relayed]) {
            assert.match(address, way.ipv6 ? /^\[::1\]:/ : /^127\.0\.0\.1:/);
          }
          assert.equal(allocation.client.startsWith('['), way.ipv6 === true, allocation.client);
        }
        for (const guest of guests) await guest.close();
      } finally {
        await browser.close();
      }
    });
  });
}
