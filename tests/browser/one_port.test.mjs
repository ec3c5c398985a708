// A call whose page, WebSocket and turns: all come from one port.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, joinAll, listen, summary } from './support/guest.mjs';

const kPeople = ['Ada', 'Grace'];
const kSeconds = 10;

test('two relay-only pages from https, with turns: to the same port, hear each other', { timeout: 240_000 }, async (t) => {
  const options = {
    ports: ['one'],
    urls: ({ one }) => [`turns:127.0.0.1:${one}?transport=tcp`],
    relay: ({ ports, certificate, key }) => ({
      listen: [{ transport: 'tcp+tls', address: `127.0.0.1:${ports.one}`, certificate, key, upstream: `127.0.0.1:${ports.http}` }],
    }),
  };
  await withStack(options, async (stack) => {
    const browser = await launchChromium({ args: ['--ignore-certificate-errors'] });
    try {
      const guests = await joinAll(browser, `https://127.0.0.1:${stack.ports.one}`, 'one-port', kPeople, { relay: true });
      const heard = await listen(guests, kSeconds);
      t.diagnostic(summary(heard));
      assertAllHeard(heard, kPeople.length);
      for (const one of heard) assert.equal(one.relayProtocol, 'tls');
      const { items } = await stack.relay.get('/v1/allocations');
      for (const allocation of items) {
        assert.equal(allocation.transport, 'tls');
        assert.equal(allocation.server, `127.0.0.1:${stack.ports.one}`);
      }
      for (const guest of guests) await guest.close();
    } finally {
      await browser.close();
    }
  });
});
