// Debian's turnutils_uclient, which shares no line with us, relays through us: every way in, both framings,
// to itself and to turnutils_peer; 10,000 messages each, none lost.
//
// It draws channel numbers from 0x4000 to 0x7FFF, as RFC 5766 had it: relay.channel_range says so here.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort, startStack } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';
import { missing, startPeer, uclient } from '../support/coturn.mjs';

// Over TLS uclient takes what one record holds for one message and calls a second one in it lost (so it does
// with coturn's own server). There, many clients with few messages each leave little to share a record; the
// relay's counters say what was really delivered; and a run on a machine that was busy is tried again.
const messages = 10_000;
const pace = {
  udp: { clients: 20, interval: 5 },
  tcp: { clients: 20, interval: 5 },
  tls: { clients: 50, interval: 50 },
  dtls: { clients: 20, interval: 10 },
};
const tlsTries = 4;

let stack;
let peerPort;
let peer;
before(async () => {
  if (missing) return;
  stack = await startStack({
    signaling: false,
    // Relayed addresses on 127.0.0.5, so that turnutils_peer on 127.0.0.1 is a peer like any other.
    ports: ['dtls'],
    relay: ({ listen, ports, certificate, key }) => ({
      listen: [...listen, { transport: 'dtls', address: `127.0.0.1:${ports.dtls}`, certificate, key }],
      relay: { channel_range: 'rfc5766', address: ['127.0.0.5'] },
      quota: { per_user: 10_000 },
    }),
  });
  peerPort = await freePort();
  peer = await startPeer(peerPort);
});
after(async () => {
  await peer?.stop();
  await stack?.stop();
});

async function run(transport, flags, t) {
  const { username, password } = restCredential(stack.secret, 'uclient');
  const { clients, interval } = pace[transport];
  const before = (await stack.relay.get('/v1/node')).traffic;
  const result = await uclient([
    ...flags, '-c', '-m', clients, '-n', messages / clients, '-z', interval, '-l', 160,
    '-u', username, '-w', password, '-p', stack.ports[transport], '127.0.0.1',
  ]);
  assert.equal(result.code, 0, result.text.slice(-2000));
  const now = (await stack.relay.get('/v1/node')).traffic;
  t.diagnostic(`sent ${result.sent}, received ${result.received}, lost ${result.lost}, dropped ${result.dropped}`);
  assert.equal(now.packets_to_peer - before.packets_to_peer, messages, 'to peers, as the relay counts');
  assert.equal(now.packets_to_client - before.packets_to_client, messages, 'to clients, as the relay counts');
  return { sent: result.sent, received: result.received, lost: result.lost, dropped: result.dropped };
}

const transports = { udp: [], tcp: ['-t'], tls: ['-t', '-S'], dtls: ['-S'] };
const framings = { channels: [], send: ['-s'] };
const peers = { 'client to client': () => ['-y'], 'to turnutils_peer': () => ['-e', '127.0.0.1', '-r', peerPort] };
const nothingLost = { sent: messages, received: messages, lost: 0, dropped: 0 };

for (const [transport, how] of Object.entries(transports)) {
  for (const [framing, which] of Object.entries(framings)) {
    for (const [whom, where] of Object.entries(peers)) {
      test(`${transport}, ${framing}, ${whom}: ${messages} messages`, { skip: missing, timeout: 300_000 }, async (t) => {
        const flags = [...how, ...which, ...where()];
        let result = await run(transport, flags, t);
        for (let tries = 1; transport === 'tls' && result.lost !== 0 && tries < tlsTries; tries += 1) result = await run(transport, flags, t);
        assert.deepEqual(result, nothingLost);
      });
    }
  }
}

// Without -c each of its clients asks for a pair: EVEN-PORT with its R bit, then an Allocate with the token.
test('pairs of ports for RTP and RTCP', { skip: missing, timeout: 120_000 }, async () => {
  const { username, password } = restCredential(stack.secret, 'uclient-pairs');
  const before = (await stack.relay.get('/v1/node')).traffic;
  const result = await uclient(['-y', '-m', 10, '-n', 50, '-z', 5, '-l', 160, '-u', username, '-w', password, '-p', stack.ports.udp, '127.0.0.1']);
  assert.equal(result.code, 0, result.text.slice(-2000));
  assert.ok(result.sent > 0 && result.received === result.sent && result.lost === 0, result.text.slice(-500));
  const now = (await stack.relay.get('/v1/node')).traffic;
  assert.equal(now.packets_to_client - before.packets_to_client, result.received);
});

// -M: each client takes its allocation to another port before it sends (RFC 8016). With -y it would listen there before
// it sends, and lose what RFC 8016 has us send to the old port until then; to turnutils_peer it sends first.
// One client on a relay of its own: it may be given a port that another has just left, where that one's allocation is
// still known, and then rightly hears 437.
for (const [transport, flags] of [['udp', []], ['tcp', ['-t']]]) {
  test(`mobility: an allocation goes on from another port, ${transport}`, { skip: missing, timeout: 120_000 }, async () => {
    const mobile = await startStack({
      signaling: false,
      relay: { relay: { mobility: true, channel_range: 'rfc5766', address: ['127.0.0.5'] }, quota: { per_user: 10_000 } },
    });
    try {
      const { username, password } = restCredential(mobile.secret, 'uclient-mobile');
      const result = await uclient([
        ...flags, '-M', '-e', '127.0.0.1', '-r', peerPort, '-c', '-m', 1, '-n', 500, '-z', 5, '-l', 160,
        '-u', username, '-w', password, '-p', mobile.ports.udp, '127.0.0.1',
      ]);
      assert.equal(result.code, 0, result.text.slice(-2000));
      assert.equal(result.sent, 500);
      assert.equal(result.received, 500, result.text.slice(-500));
      const metrics = (await mobile.relay.admin('GET', '/metrics')).text;
      assert.ok(Number(/turnpike_relay_clients_moved_total (\d+)/.exec(metrics)?.[1]) >= 1, 'it moved');
    } finally {
      await mobile.stop();
    }
  });
}

test('with a wrong password it relays nothing', { skip: missing }, async () => {
  const { username } = restCredential(stack.secret, 'uclient');
  const result = await uclient(['-y', '-c', '-m', 2, '-n', 5, '-u', username, '-w', 'wrong', '-p', stack.ports.udp, '127.0.0.1'], 20_000);
  assert.notEqual(result.received, 10);
});

test('without relay.channel_range its channel numbers are refused, as RFC 8656 has it', async () => {
  const strict = await startStack({ signaling: false });
  const client = await TurnClient.open(strict.ports.udp, restCredential(strict.secret, 'strict'));
  try {
    assert.equal((await client.allocate()).kind, 'success');
    assert.equal((await client.bind(0x5000, '127.0.0.2:9000')).error, 400);
    assert.equal((await client.bind(0x4fff, '127.0.0.2:9000')).kind, 'success');
  } finally {
    client.close();
    await strict.stop();
  }
});
