// A certificate is renewed while people talk over TLS: the call does not notice, and who comes next gets the new one.
import assert from 'node:assert/strict';
import { mkdtemp, rename } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import tls from 'node:tls';
import { makeCertificate, until, withStack } from '../support/stack.mjs';
import { launchChromium } from './support/browsers.mjs';
import { assertAllHeard, Guest, joinAll, listen, summary } from './support/guest.mjs';

/** The serial number of the certificate that a new connection gets. */
function serial(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
    socket.once('error', reject);
    socket.setTimeout(5_000, () => socket.destroy(new Error('no handshake within 5 s')));
  });
}

test('a call over TLS goes on while the certificate is replaced; newcomers get the new one', { timeout: 240_000 }, async (t) => {
  await withStack({ urls: ({ tls: port }) => [`turns:127.0.0.1:${port}?transport=tcp`] }, async (stack) => {
    const browser = await launchChromium({ args: ['--ignore-certificate-errors'] });
    try {
      const pair = await joinAll(browser, stack.url, 'renewed', ['Ada', 'Grace'], { relay: true });
      const sessions = new Set((await stack.relay.get('/v1/allocations')).items.map((one) => one.client));
      const before = await serial(stack.ports.tls);

      // As certbot does it: the new files take the old ones' places.
      const fresh = await makeCertificate(await mkdtemp(path.join(stack.directory, 'fresh-')));
      const heard = listen(pair, 10);
      await rename(fresh.key, stack.key);
      await rename(fresh.certificate, stack.certificate);
      await until('new connections get the new certificate', async () => (await serial(stack.ports.tls)) !== before, 10_000, 200);

      const streams = await heard;
      t.diagnostic(summary(streams));
      assertAllHeard(streams, 2);
      for (const one of streams) {
        assert.equal(one.relayProtocol, 'tls');
        assert.equal(one.lost, 0);
      }
      for (const client of sessions) {
        assert.ok((await stack.relay.get('/v1/allocations')).items.some((one) => one.client === client), `${client} is still connected`);
      }

      const radia = await (await Guest.open(browser, 'Radia')).join(stack.url, 'renewed', { relay: true });
      await radia.connectedTo(2);
      assertAllHeard(await listen([...pair, radia], 3), 3);
      for (const guest of [...pair, radia]) await guest.close();
    } finally {
      await browser.close();
    }
  });
});
