// Debian's turnutils_uclient relays TCP through us (RFC 6062): two clients, each with a relayed address, one of which
// connects to the other; over TCP and TLS. As a passive client it is connected to by itself, without TURN.
//
// Two, since with four some runs over TLS stall: after a 438 its next Connect gets a 446, and messages are missing until
// much later. coturn's own server completes those. Passive over TLS it never connects, to coturn's server neither.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack, until } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { missing, uclient } from '../support/coturn.mjs';

const clients = 2;
const messages = 400; // of each client
const size = 160;

let stack;
before(async () => {
  if (missing) return;
  stack = await startStack({ signaling: false, relay: { relay: { tcp: true }, quota: { per_user: 1_000 } } });
});
after(() => stack?.stop());

async function run(flags, port) {
  const { username, password } = restCredential(stack.secret, 'uclient');
  return uclient(['-T', ...flags, '-m', clients, '-n', messages, '-z', 5, '-l', size, '-u', username, '-w', password, '-p', port, '127.0.0.1']);
}

// A passive client hears its own peer, which hears nothing that counts: one relayed address, and half of the answers.
for (const [name, flags, port, ends] of [
  ['TCP', [], () => stack.ports.tcp, 2],
  ['TLS', ['-S'], () => stack.ports.tls, 2],
  ['TCP, passive', ['-P'], () => stack.ports.tcp, 1],
]) {
  test(`${name}: nothing is lost`, { skip: missing, timeout: 120_000 }, async (t) => {
    const before = (await stack.relay.get('/v1/node')).traffic;
    const result = await run(flags, port());
    assert.equal(result.code, 0, result.text.slice(-2000));
    const now = (await stack.relay.get('/v1/node')).traffic;
    t.diagnostic(`sent ${result.sent}, received ${result.received}, lost ${result.lost}; ${now.bytes_to_peer - before.bytes_to_peer} bytes to peers`);
    assert.equal(result.sent, clients * messages);
    assert.equal(result.received, ends * messages);
    assert.equal(now.bytes_to_peer - before.bytes_to_peer, ends * messages * size);
    assert.equal(now.bytes_to_client - before.bytes_to_client, ends * messages * size);
    await until('every allocation ends', async () => (await stack.relay.get('/v1/node')).allocations.active === 0);
  });
}

test('without relay.tcp it is told 442', { skip: missing, timeout: 60_000 }, async () => {
  const off = await startStack({ signaling: false });
  try {
    const { username, password } = restCredential(off.secret, 'uclient');
    const result = await uclient(['-T', '-m', 2, '-n', 5, '-u', username, '-w', password, '-p', off.ports.tcp, '127.0.0.1'], 20_000);
    assert.notEqual(result.received, 10);
    assert.match(result.text, /442/, result.text);
  } finally {
    await off.stop();
  }
});
