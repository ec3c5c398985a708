// The default peer policy from outside: what a relay must never reach, in each of its disguises.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { startStack } from '../support/stack.mjs';
import { withCall } from '../support/call.mjs';
import { peerAddress, requestedFamily, restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const kIpv6 = 2;

let stack;
// The relayed addresses are on 127.0.0.5, so that 127.0.0.1 is a peer like any other.
before(async () => {
  stack = await startStack({
    ipv6: true,
    signaling: false,
    relay: { relay: { address: ['127.0.0.5', '::1'] }, peers: { mode: 'default', allow: [] } },
  });
});
after(() => stack?.stop());

async function withAllocation(use, ...attributes) {
  const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'peers'));
  try {
    const answer = await client.allocate(...attributes);
    assert.equal(answer.kind, 'success', `Allocate: ${answer.error}`);
    client.relayed = answer.address('XorRelayedAddress');
    await use(client);
    assert.equal((await client.refresh(0)).kind, 'success');
  } finally {
    client.close();
  }
}

const denied4 = [
  ['loopback', '127.0.0.1:9000'],
  ['loopback, another', '127.255.255.254:9000'],
  ['this host', '0.0.0.0:9000'],
  ['cloud metadata', '169.254.169.254:9000'],
  ['link-local', '169.254.1.1:9000'],
  ['private 10/8', '10.0.0.1:9000'],
  ['private 172.16/12', '172.31.255.1:9000'],
  ['private 192.168/16', '192.168.1.1:9000'],
  ['carrier NAT', '100.64.0.1:9000'],
  ['multicast', '224.0.0.1:9000'],
  ['broadcast', '255.255.255.255:9000'],
];
const denied6 = [
  ['mapped loopback', '[::ffff:127.0.0.1]:9000'],
  ['mapped metadata', '[::ffff:169.254.169.254]:9000'],
  ['compatible loopback', '[::127.0.0.1]:9000'],
  ['unspecified', '[::]:9000'],
  ['NAT64 of loopback', '[64:ff9b::127.0.0.1]:9000'],
  ['NAT64 of metadata', '[64:ff9b::169.254.169.254]:9000'],
  ['6to4 of loopback', '[2002:7f00:1::1]:9000'],
  ['link-local', '[fe80::1]:9000'],
  ['unique local', '[fd00::1]:9000'],
  ['metadata over IPv6', '[fd00:ec2::254]:9000'],
  ['multicast', '[ff02::1]:9000'],
];

test('CreatePermission and ChannelBind to denied IPv4 peers get 403', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      let channel = 0x4000;
      for (const [what, peer] of denied4) {
        assert.equal((await client.permit(peer)).error, 403, what);
        assert.equal((await client.bind(channel++, peer)).error, 403, what);
      }
      assert.equal((await client.permit('203.0.113.9:9000')).error, 403, 'documentation addresses are nobody');
      assert.equal((await client.permit('8.8.8.8:9000')).kind, 'success', 'and a public address is somebody');
    }));
});

test('IPv6 peers: each disguise of a denied address gets 403', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      let channel = 0x4000;
      for (const [what, peer] of denied6) {
        assert.equal((await client.permit(peer)).error, 403, what);
        assert.equal((await client.bind(channel++, peer)).error, 403, what);
      }
      assert.equal((await client.permit('[2606:4700:4700::1111]:9000')).kind, 'success');
    }, requestedFamily(kIpv6)));
});

test('a peer of the other family gets 443', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      assert.equal((await client.permit('[2606:4700:4700::1111]:9000')).error, 443);
      assert.equal((await client.permit('[::ffff:8.8.8.8]:9000')).error, 443);
    }));
});

test('one denied peer in a CreatePermission denies all of it', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      const answer = await client.request('CreatePermission', [peerAddress('8.8.8.8:9000'), peerAddress('127.0.0.1:9000')]);
      assert.equal(answer.error, 403);
      const { items } = await stack.relay.get('/v1/allocations?subject=peers');
      assert.deepEqual(items.flatMap((one) => one.permissions), []);
    }));
});

test('Send to a denied peer, and to a port of ours that relays nothing, reaches nobody', async () => {
  const victim = createSocket('udp4');
  victim.bind(0, '127.0.0.1');
  await once(victim, 'listening');
  const beside = createSocket('udp4'); // on the relay's own address, but no relayed transport address
  beside.bind(0, '127.0.0.5');
  await once(beside, 'listening');
  const got = [];
  for (const socket of [victim, beside]) socket.on('message', (bytes) => got.push(bytes.toString()));
  try {
    await withCall(stack, () =>
      withAllocation((one) =>
        withAllocation(async (other) => {
          assert.equal((await one.permit(other.relayed)).kind, 'success', 'live relayed addresses may talk');
          assert.equal((await other.permit(one.relayed)).kind, 'success');
          one.sendTo(`127.0.0.1:${victim.address().port}`, Buffer.from('to the victim'));
          one.sendTo(`127.0.0.5:${beside.address().port}`, Buffer.from('to the port beside'));
          one.sendTo(other.relayed, Buffer.from('to the other'));
          const data = await other.next();
          assert.equal(data.method, 'Data');
          assert.equal(data.get('Data').toString(), 'to the other');
          assert.equal(data.address('XorPeerAddress'), one.relayed);
          // The third one came, so the first two had their chance.
          assert.deepEqual(got, []);
        })));
    assert.deepEqual(got, []);
  } finally {
    victim.close();
    beside.close();
  }
});

test('privileged ports are no peers', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      assert.equal((await client.bind(0x4000, '8.8.8.8:53')).error, 403);
      assert.equal((await client.bind(0x4000, '8.8.8.8:0')).error, 403);
      assert.equal((await client.bind(0x4000, '8.8.8.8:443')).kind, 'success');
    }));
});
