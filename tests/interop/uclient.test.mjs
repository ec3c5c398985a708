// Debian's turnutils_uclient, which shares no line with us, relays through us: every way in, both framings,
// to itself and to turnutils_peer; 10,000 messages each, none lost.
//
// It draws channel numbers from 0x4000 to 0x7FFF, as RFC 5766 had it: relay.channel_range says so here.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort, startStack, until } from '../support/stack.mjs';
import { restCredential, TurnClient } from '../support/stun.mjs';
import { missing, startPeer, uclient } from '../support/coturn.mjs';

const clients = 20;
const messagesEach = 500;
const messages = clients * messagesEach;

let stack;
let peerPort;
let peer;
before(async () => {
  if (missing) return;
  stack = await startStack({
    signaling: false,
    relay: { relay: { channel_range: 'rfc5766' }, quota: { per_user: 200 } },
  });
  peerPort = await freePort();
  peer = await startPeer(peerPort);
});
after(async () => {
  await peer?.stop();
  await stack?.stop();
});

const transports = { udp: [], tcp: ['-t'], tls: ['-t', '-S'] };
const framings = { channels: [], send: ['-s'] };
const peers = { 'client to client': () => ['-y'], 'to turnutils_peer': () => ['-e', '127.0.0.1', '-r', peerPort] };

for (const [transport, how] of Object.entries(transports)) {
  for (const [framing, which] of Object.entries(framings)) {
    for (const [whom, where] of Object.entries(peers)) {
      test(`${transport}, ${framing}, ${whom}: ${messages} messages`, { skip: missing, timeout: 120_000 }, async (t) => {
        const { username, password } = restCredential(stack.secret, 'uclient');
        const result = await uclient([
          ...how, ...which, ...where(), '-c', '-m', clients, '-n', messagesEach, '-z', 5, '-l', 160,
          '-u', username, '-w', password, '-p', stack.ports[transport], '127.0.0.1',
        ]);
        t.diagnostic(`sent ${result.sent}, received ${result.received}, lost ${result.lost}, dropped ${result.dropped}`);
        assert.equal(result.code, 0, result.text.slice(-2000));
        assert.deepEqual(
          { sent: result.sent, received: result.received, lost: result.lost, dropped: result.dropped },
          { sent: messages, received: messages, lost: 0, dropped: 0 },
        );
        await until('its allocations are gone', async () => (await stack.relay.get('/v1/allocations?subject=uclient')).items.length === 0, 15_000);
      });
    }
  }
}

test('with a wrong password it relays nothing', { skip: missing }, async () => {
  const { username } = restCredential(stack.secret, 'uclient');
  const result = await uclient(['-y', '-c', '-m', 2, '-n', 5, '-u', username, '-w', 'wrong', '-p', stack.ports.udp, '127.0.0.1'], 20_000);
  assert.notEqual(result.received, 10);
});

test('without relay.channel_range its channel numbers are refused, as RFC 8656 has it', { skip: missing }, async () => {
  const strict = await startStack({ signaling: false });
  try {
    const client = await TurnClient.open(strict.ports.udp, restCredential(strict.secret, 'strict'));
    assert.equal((await client.allocate()).kind, 'success');
    assert.equal((await client.bind(0x5000, '127.0.0.1:9000')).error, 400);
    assert.equal((await client.bind(0x4fff, '127.0.0.1:9000')).kind, 'success');
    client.close();
  } finally {
    await strict.stop();
  }
});
