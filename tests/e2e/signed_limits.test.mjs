// "64 kbit/s, two allocations, relayed peers only", signed into a username: held to exactly that where our
// issuer signed it, a subject like any other where another did.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startStack, until } from '../support/stack.mjs';
import { channelData, restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const kLimits = 'carol;k=k1;a=2;b=64;p=relay';
const kForeignSecret = 'the secret of another issuer, 32 bytes long';
const kChannel = 0x4000;
const kPayload = 500; // bytes

let stack;
// The relayed addresses are on 127.0.0.5, so that 127.0.0.1 is a peer that is not relayed.
before(async () => {
  stack = await startStack({
    signaling: false,
    args: { relay: ['--dev'] }, // a literal secret
    relay: {
      relay: { address: ['127.0.0.5'] },
      auth: {
        secrets: [
          { value: 'our own secret, which has 32 bytes', id: 'k1', issuer: 'turnpike' },
          { value: kForeignSecret, id: 'nc' },
        ],
      },
    },
  });
  stack.secret = 'our own secret, which has 32 bytes';
});
after(() => stack?.stop());

async function open(secret) {
  return TurnClient.open(stack.ports.udp, restCredential(secret, kLimits));
}

async function udpPeer() {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { socket, endpoint: `127.0.0.1:${socket.address().port}` };
}

/** Sends twice 64 kbit/s from `client` for `seconds`; the payload bytes that `count()` says arrived meanwhile. */
async function bytesArriving(client, count, seconds) {
  const every = (kPayload * 8) / (2 * 64); // ms
  const payload = Buffer.alloc(kPayload, 7);
  const start = performance.now();
  let sent = 0;
  await new Promise((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now() - start;
      // By the clock, not by the timer, which is late on a busy machine.
      for (; sent * every < Math.min(now, seconds * 1000); ++sent) client.send(channelData(kChannel, payload));
      if (now < seconds * 1000) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  return { sent: sent * kPayload, arrived: await count(), took: (performance.now() - start) / 1000 };
}

test('our issuer: two allocations, relayed peers only, 64 kbit/s', async () => {
  const clients = [await open(stack.secret), await open(stack.secret), await open(stack.secret)];
  const peer = await udpPeer();
  try {
    const [first, second, third] = clients;
    assert.equal((await first.allocate()).kind, 'success');
    const relayed = (await second.allocate()).address('XorRelayedAddress');
    assert.ok(relayed);
    assert.equal((await third.allocate()).error, 486, 'a=2');

    assert.equal((await first.permit(peer.endpoint)).error, 403, 'p=relay');
    assert.equal((await first.bind(kChannel + 1, peer.endpoint)).error, 403, 'p=relay');
    assert.equal((await first.bind(kChannel, relayed)).kind, 'success');

    // The burst goes first, then the rate is what it is. Counted at the relay, by its own usage figures.
    const moved = async () => {
      const { items } = await stack.relay.get('/v1/allocations');
      const one = items.find((allocation) => allocation.client === first.address);
      return one.traffic.bytes_to_peer;
    };
    await bytesArriving(first, moved, 3);
    const before_ = await moved();
    const { arrived, took } = await bytesArriving(first, moved, 5);
    const rate = ((arrived - before_) * 8) / took / 1000;
    // Never more; less only by what a busy machine did not send in time.
    assert.ok(rate < 64 * 1.05 && rate > 64 * 0.8, `b=64 passes ${rate.toFixed(1)} kbit/s`);

    assert.equal((await first.refresh(0)).kind, 'success');
    assert.equal((await second.refresh(0)).kind, 'success');
  } finally {
    for (const client of clients) client.close();
    peer.socket.close();
  }
});

test('another issuer: the same text limits nothing', async () => {
  const clients = await Promise.all([1, 2, 3, 4].map(() => open(kForeignSecret)));
  const peer = await udpPeer();
  try {
    for (const client of clients) assert.equal((await client.allocate()).kind, 'success', 'no a=2');
    const [first] = clients;
    assert.equal((await first.bind(kChannel, peer.endpoint)).kind, 'success', 'no p=relay');
    let arrived = 0;
    peer.socket.on('message', (bytes) => (arrived += bytes.length));
    const { sent } = await bytesArriving(first, () => arrived, 2);
    await until('all of it is there: no b=64', () => arrived === sent, 3_000);
    for (const client of clients) assert.equal((await client.refresh(0)).kind, 'success');
  } finally {
    for (const client of clients) client.close();
    peer.socket.close();
  }
});
