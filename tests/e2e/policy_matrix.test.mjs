// T1 over real sockets: each denied block by its first, a middle and its last address, in each disguise, by each way to
// a peer; and nothing leaves. Counted by the kernel on the relay's host, for whatever destination, and on the host
// that every route leads to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network, noNamespaces, thisHost } from '../support/namespaces.mjs';
import { startStack } from '../support/stack.mjs';
import { channelData, peerAddress, requestedFamily, requestedTransport, restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

// What looks like the Internet: the relay's own addresses and one peer that is allowed.
const kRelay = { 4: '45.83.0.1', 6: '2a0d:5642::1' };
const kGateway = { 4: '45.83.0.2', 6: '2a0d:5642::2' };
const kPeer = { 4: '45.83.0.77', 6: '2a0d:5642::77' };
const kPort = 5000;

const kBlocks4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32',
];
const kBlocks6 = [
  '::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b:1::/48', '100::/64', '100:0:0:1::/64', '2001::/23', '2001::/32', '2001:db8::/32',
  '2002::/16', '2620:4f:8000::/48', '3ffe::/16', '3fff::/20', '5f00::/16', 'fc00::/7', 'fd00:ec2::254/128', 'fd20:ce::254/128', 'fe80::/10',
  'fec0::/10', 'ff00::/8', '4000::/3', '8000::/2',
];

const number4 = (text) => text.split('.').reduce((all, part) => all * 256n + BigInt(part), 0n);
const text4 = (n) => [24n, 16n, 8n, 0n].map((shift) => (n >> shift) & 255n).join('.');
function number6(text) {
  const [head, tail] = text.split('::').map((half) => (half ? half.split(':') : []));
  const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail] : head;
  return groups.reduce((all, group) => (all << 16n) | BigInt(`0x${group}`), 0n);
}
const text6 = (n) => Array.from({ length: 8 }, (_, i) => ((n >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');

/** First, middle and last address of a block, as numbers. */
function corners(base, length, bits) {
  const size = 1n << BigInt(bits - length);
  return [base, base + size / 2n, base + size - 1n];
}
/** An IPv4 address and all the IPv6 ones that it can hide in. */
function spellings(n) {
  const teredo = n ^ 0xffffffffn;
  return [
    text4(n),
    ...[0xffff00000000n | n, n, 0xffff000000000000n | n, (0x2002n << 112n) | (n << 80n) | 1n, (0x20010000n << 96n) | teredo,
      (0x20010000n << 96n) | (n << 64n) | 1n, number6('64:ff9b::') | n, number6('64:ff9b:1::') | n,
      number6('2a01:db8::5efe:0:0') | n, number6('2a01:db8::200:5efe:0:0') | n].map(text6),
  ];
}
const denied = [
  ...kBlocks4.flatMap((block) => {
    const [base, length] = block.split('/');
    return corners(number4(base), Number(length), 32).flatMap(spellings);
  }),
  ...kBlocks6.flatMap((block) => {
    const [base, length] = block.split('/');
    return corners(number6(base), Number(length), 128).map(text6);
  }),
];
denied.push(kGateway[4], kGateway[6]); // a gateway is nobody's peer
const endpoint = (address) => (address.includes(':') ? `[${address}]:${kPort}` : `${address}:${kPort}`);

/** On the relay's host: asks for every denied peer in every way. What was answered otherwise than 403. */
async function attack() {
  const stack = await startStack({
    signaling: false,
    relay: { relay: { address: [kRelay[4], kRelay[6]], tcp: true }, peers: { mode: 'default', allow: [] } },
  });
  const wrong = [];
  try {
    for (const family of [4, 6]) {
      const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, `matrix${family}`));
      const answer = await client.allocate(requestedFamily(family === 4 ? 1 : 2));
      assert.equal(answer.kind, 'success', `Allocate: ${answer.error}`);
      // The one that may be reached: so the counters do count.
      const good = endpoint(kPeer[family]);
      assert.equal((await client.bind(0x4000, good)).kind, 'success');
      client.send(channelData(0x4000, Buffer.from('by channel')));
      client.sendTo(good, Buffer.from('by indication'));

      for (const address of denied.filter((one) => one.includes(':') === (family === 6))) {
        const peer = endpoint(address);
        client.sendTo(peer, Buffer.from('no permission'));
        for (const [how, reply] of [
          ['CreatePermission', await client.permit(peer)],
          ['CreatePermission with a good one', await client.permit(good, peer)],
          ['ChannelBind', await client.bind(0x4001, peer)],
        ]) {
          if (reply.error !== 403) wrong.push(`${how} ${peer}: ${reply.error ?? reply.kind}`);
        }
        client.sendTo(peer, Buffer.from('after it was refused'));
        client.send(channelData(0x4001, Buffer.from('on the refused channel')));
      }
      // All of that has been dealt with when this is answered.
      assert.equal((await client.refresh(0)).kind, 'success');
      client.close();
    }
    // RFC 6062: connections instead of datagrams.
    for (const family of [4, 6]) {
      const client = await TurnClient.open(stack.ports.tcp, restCredential(stack.secret, `connect${family}`), { transport: 'tcp' });
      const answer = await client.request('Allocate', [requestedTransport(6), requestedFamily(family === 4 ? 1 : 2)]);
      assert.equal(answer.kind, 'success', `Allocate: ${answer.error}`);
      const connect = (peer) => client.request('Connect', [peerAddress(peer)]);
      assert.equal((await connect(endpoint(kPeer[family]))).error, 447, 'tried, and refused by the peer');
      for (const address of denied.filter((one) => one.includes(':') === (family === 6))) {
        const reply = await connect(endpoint(address));
        if (reply.error !== 403) wrong.push(`Connect ${address}: ${reply.error ?? reply.kind}`);
      }
      assert.equal((await client.refresh(0)).kind, 'success');
      client.close();
    }
  } finally {
    await stack.stop();
  }
  return { peers: denied.length, wrong };
}

if (thisHost) {
  console.log(JSON.stringify(await attack()));
} else {
  test('no denied peer is reached, whatever it is called and however it is asked for', { skip: noNamespaces, timeout: 180_000 }, async (t) => {
    const network = await Network.create();
    try {
      await network.link('relay', [`${kRelay[4]}/24`, `${kRelay[6]}/64`], 'peer', [`${kGateway[4]}/24`, `${kPeer[4]}/24`, `${kGateway[6]}/64`, `${kPeer[6]}/64`]);
      // Every address has a way: only the policy stands before it.
      await network.exec('relay', 'ip', 'route', 'add', 'default', 'via', kGateway[4]);
      await network.exec('relay', 'ip', '-6', 'route', 'add', 'default', 'via', kGateway[6]);
      await network.nft('relay', `table inet test {
        counter allowed {}
        counter denied {}
        chain out {
          type filter hook output priority 0;
          meta l4proto { udp, tcp } th sport 61000-65535 ip daddr ${kPeer[4]} counter name allowed accept
          meta l4proto { udp, tcp } th sport 61000-65535 ip6 daddr ${kPeer[6]} counter name allowed accept
          meta l4proto { udp, tcp } th sport 61000-65535 counter name denied
        }
      }`);
      await network.nft('peer', `table inet test {
        counter allowed {}
        counter denied {}
        chain in {
          type filter hook prerouting priority -300;
          meta l4proto { udp, tcp } ip daddr ${kPeer[4]} counter name allowed accept
          meta l4proto { udp, tcp } ip6 daddr ${kPeer[6]} counter name allowed accept
          meta l4proto { udp, tcp } counter name denied
        }
      }`);
      const { peers, wrong } = await network.node('relay', import.meta.url);
      const counted = {};
      for (const host of ['relay', 'peer']) {
        for (const name of ['allowed', 'denied']) counted[`${name} at the ${host}`] = await network.counter(host, name);
      }
      t.diagnostic(`${peers} denied peers; ${JSON.stringify(counted)}`);
      assert.deepEqual(wrong, []);
      assert.ok(peers > 600);
      assert.deepEqual(counted, { 'allowed at the relay': 6, 'denied at the relay': 0, 'allowed at the peer': 6, 'denied at the peer': 0 });
    } finally {
      await network.remove();
    }
  });
}
