// Debian's turnutils_uclient relays TCP through us (RFC 6062): pairs of clients, each with a relayed address,
// connect to each other; over TCP and TLS, as the one that connects and as the one that is connected to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack, until } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { missing, uclient } from '../support/coturn.mjs';

const clients = 4;
const messages = 200; // of each client
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

for (const [name, flags, port] of [
  ['TCP', [], () => stack.ports.tcp],
  ['TLS', ['-S'], () => stack.ports.tls],
  ['TCP, passive', ['-P'], () => stack.ports.tcp],
  ['TLS, passive', ['-P', '-S'], () => stack.ports.tls],
]) {
  test(`${name}: nothing is lost`, { skip: missing, timeout: 120_000 }, async (t) => {
    const before = (await stack.relay.get('/v1/node')).traffic;
    const result = await run(flags, port());
    assert.equal(result.code, 0, result.text.slice(-2000));
    const now = (await stack.relay.get('/v1/node')).traffic;
    t.diagnostic(`sent ${result.sent}, received ${result.received}, lost ${result.lost}; ${now.bytes_to_peer - before.bytes_to_peer} bytes to peers`);
    assert.equal(result.sent, clients * messages);
    assert.equal(result.received, clients * messages);
    assert.equal(result.lost, 0);
    // Every byte leaves one relayed address and comes in at another.
    assert.equal(now.bytes_to_peer - before.bytes_to_peer, clients * messages * size);
    assert.equal(now.bytes_to_client - before.bytes_to_client, clients * messages * size);
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
