// A NAT forgets a client and gives it another port in mid-call: what mobile carriers and restarted home routers do. The
// client's next refresh takes the allocation over, on the 5-tuple that it has now, and the call goes on.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { Network, noNamespaces, thisHost } from '../support/namespaces.mjs';
import { startStack } from '../support/stack.mjs';
import { channelData, channelPayload, isChannelData, restCredential } from '../support/stun.mjs';
import { NoAnswer, TurnClient } from '../support/turn_client.mjs';

const kClient = '10.9.0.2', kNatInside = '10.9.0.1', kNat = '45.83.0.9', kRelay = '45.83.0.1', kPeer = '45.84.0.2';
const kPort = 3478, kPeerPort = 5000, kChannel = 0x4000;

/** Stateless translation of all of the client's UDP to one port: a new one takes effect with the next packet. */
const translation = (address, port) => `
  flush ruleset
  table ip nat {
    chain out {
      type filter hook postrouting priority 100;
      oifname "to-relay" ip saddr ${kClient} meta l4proto udp ip saddr set ${address} udp sport set ${port}
    }
    chain in {
      type filter hook prerouting priority -300;
      iifname "to-relay" udp dport ${port} ip daddr set ${kClient} udp dport set 40000
    }
  }`;

/** On the client's host: a call to the echoing peer, and the NAT's port changes in its middle. */
async function call({ secret }) {
  const network = Network.joined();
  await network.nft('nat', translation(kNat, 50_001));
  const client = await TurnClient.open(kPort, restCredential(secret, 'caller'), { host: kRelay, localPort: 40_000 });
  const said = { before: 0, lost: 0, after: 0 };
  const echoes = async (what) => {
    client.send(channelData(kChannel, Buffer.from(what)));
    try {
      for (;;) {
        const answer = await client.next(1_000);
        if (isChannelData(answer) && channelPayload(answer).toString() === what) return true;
      }
    } catch {
      return false;
    }
  };
  try {
    const allocated = await client.allocate();
    assert.equal(allocated.kind, 'success', `Allocate: ${allocated.error}`);
    const relayed = allocated.address('XorRelayedAddress');
    assert.equal(allocated.address('XorMappedAddress'), `${kNat}:50001`);
    assert.equal((await client.bind(kChannel, `${kPeer}:${kPeerPort}`)).kind, 'success');
    for (let i = 0; i < 20; ++i) said.before += (await echoes(`before ${i}`)) ? 1 : 0;

    await network.nft('nat', translation(kNat, 50_002));
    for (let i = 0; i < 2; ++i) said.lost += (await echoes(`lost ${i}`)) ? 0 : 1;

    const refreshed = await client.refresh(600).catch((error) => (error instanceof NoAnswer ? { kind: 'silence' } : Promise.reject(error)));
    const tries = refreshed.kind === 'success' ? 20 : 2;
    for (let i = 0; i < tries; ++i) said.after += (await echoes(`after ${i}`)) ? 1 : 0;
    const permitted = refreshed.kind === 'success' ? await client.permit(`${kPeer}:${kPeerPort}`) : undefined;
    return { ...said, relayed, refreshed: refreshed.error ?? refreshed.kind, permitted: permitted?.kind };
  } finally {
    client.close();
  }
}

async function onNetwork(relay, use) {
  const network = await Network.create();
  let stack, echo;
  try {
    await network.link('client', [`${kClient}/24`], 'nat', [`${kNatInside}/24`]);
    await network.link('nat', [`${kNat}/24`], 'relay', [`${kRelay}/24`]);
    await network.link('relay', ['45.84.0.1/24'], 'peer', [`${kPeer}/24`]);
    await network.exec('client', 'ip', 'route', 'add', 'default', 'via', kNatInside);
    await network.exec('nat', 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
    await network.exec('peer', 'ip', 'route', 'add', 'default', 'via', '45.84.0.1');
    echo = await network.start('peer', import.meta.url, { ROLE: 'peer' });
    stack = await startStack({
      signaling: false,
      within: network.within('relay'),
      workers: 4,
      relay: { listen: [{ transport: 'udp', address: `${kRelay}:${kPort}` }], relay: { address: [kRelay], ...relay }, peers: { mode: 'default', allow: [] } },
    });
    return await use(network, stack);
  } finally {
    await stack?.stop();
    await echo?.stop();
    await network.remove();
  }
}

if (thisHost === 'peer') {
  const echo = dgram.createSocket('udp4').bind(kPeerPort, kPeer);
  echo.on('message', (message, from) => echo.send(message, from.port, from.address));
  await once(echo, 'listening');
  console.log('ready');
} else if (thisHost === 'client') {
  console.log(JSON.stringify(await call({ secret: process.env.SECRET })));
} else {
  for (const setting of [true, false]) {
    test(`a new NAT port in mid-call: ${setting ? 'the next refresh takes the allocation along' : 'without the setting the client has to begin anew'}`,
      { skip: noNamespaces, timeout: 120_000 }, async (t) => {
        await onNetwork({ nat_rebinding: setting }, async (network, stack) => {
          const seen = await network.node('client', import.meta.url, { env: { SECRET: stack.secret } });
          t.diagnostic(JSON.stringify(seen));
          assert.equal(seen.before, 20);
          assert.equal(seen.lost, 2);
          if (setting) {
            assert.equal(seen.refreshed, 'success');
            assert.equal(seen.after, 20);
            assert.equal(seen.permitted, 'success');
            const { items } = await stack.relay.get('/v1/allocations');
            assert.deepEqual(items.map((one) => [one.client, one.relayed]), [[`${kNat}:50002`, [seen.relayed]]]);
          } else {
            assert.equal(seen.refreshed, 437);
            assert.equal(seen.after, 0);
          }
        });
      });
  }
}
