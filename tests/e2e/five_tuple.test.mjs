// What a live 5-tuple answers to what does not belong there, with a call beside it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack, until } from '../support/stack.mjs';
import { withCall } from '../support/call.mjs';
import { attribute, channelData, encode, lifetime, peerAddress, requestedTransport, restCredential, transactionId, types, u32 } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const kTcp = 6;

let stack;
before(async () => (stack = await startStack({ signaling: false })));
after(() => stack?.stop());

async function withClient(use) {
  const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'tuple'));
  try {
    await use(client);
  } finally {
    client.close();
  }
}

async function withAllocation(use) {
  await withClient(async (client) => {
    const answer = await client.allocate();
    assert.equal(answer.kind, 'success', `Allocate: ${answer.error}`);
    client.relayed = answer.address('XorRelayedAddress');
    await use(client);
    assert.equal((await client.refresh(0)).kind, 'success');
  });
}

test('a second Allocate is a mismatch, the same one again is not', async () => {
  await withCall(stack, () =>
    withClient(async (client) => {
      assert.equal((await client.bare('Allocate', [requestedTransport()])).error, 401);
      await client.request('Refresh', []); // takes the challenge
      const allocate = client.sign('Allocate', [requestedTransport()]);
      const first = await client.exchange(allocate);
      assert.equal(first.kind, 'success');
      const again = await client.exchange(allocate); // a retransmission: the same transaction
      assert.equal(again.kind, 'success');
      assert.equal(again.address('XorRelayedAddress'), first.address('XorRelayedAddress'));
      assert.equal((await client.allocate()).error, 437);
      assert.equal((await client.refresh(600)).kind, 'success', 'and the allocation is what it was');
      assert.equal((await client.refresh(0)).kind, 'success');
    }));
});

test('another user on a live 5-tuple gets 441, and changes nothing', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      const owner = client.credential;
      client.credential = restCredential(stack.secret, 'someone-else');
      assert.equal((await client.refresh(0)).error, 441);
      assert.equal((await client.permit(client.relayed)).error, 441);
      assert.equal((await client.bind(0x4000, client.relayed)).error, 441);
      assert.equal((await client.allocate()).error, 437, 'whoever allocates: the 5-tuple is in use');
      client.credential = owner;
      assert.equal((await client.refresh(600)).kind, 'success');
    }));
});

test('requests without an allocation are mismatches', async () => {
  await withCall(stack, () =>
    withClient(async (client) => {
      assert.equal((await client.refresh(600)).error, 437);
      assert.equal((await client.permit('127.0.0.1:9000')).error, 437);
      assert.equal((await client.bind(0x4000, '127.0.0.1:9000')).error, 437);
    }));
});

test('channels: range, pairs, and payload', async () => {
  await withCall(stack, () =>
    withAllocation((one) =>
      withAllocation(async (other) => {
        assert.equal((await one.bind(0x3fff, other.relayed)).error, 400);
        assert.equal((await one.bind(0x5000, other.relayed)).error, 400, 'RFC 8656 ends at 0x4FFF');
        assert.equal((await one.bind(0x4001, other.relayed)).kind, 'success');
        assert.equal((await one.bind(0x4001, other.relayed)).kind, 'success', 'a refresh');
        assert.equal((await one.bind(0x4002, other.relayed)).error, 400, 'a peer keeps its number');
        assert.equal((await one.bind(0x4001, '127.0.0.1:9000')).error, 400, 'and a number its peer');
        assert.equal((await other.permit(one.relayed)).kind, 'success');
        one.send(channelData(0x4002, Buffer.from('on a channel that is not bound')));
        one.send(channelData(0x4001, Buffer.from('hello')));
        const data = await other.next();
        assert.equal(data.get('Data').toString(), 'hello');
      })));
});

test('no permission, no packet: in either direction', async () => {
  await withCall(stack, () =>
    withAllocation((one) =>
      withAllocation(async (other) => {
        const dropped = async () => {
          const metrics = (await stack.relay.admin('GET', '/metrics')).text;
          return Number(/^turnpike_relay_dropped_packets_total\{reason="no_permission"\} (\d+)/m.exec(metrics)[1]);
        };
        const before = await dropped();
        one.sendTo(other.relayed, Buffer.from('without a permission here'));
        assert.equal((await one.permit(other.relayed)).kind, 'success');
        one.sendTo(other.relayed, Buffer.from('without a permission there'));
        // The permission there comes after; what was sent before it is gone, on whichever worker.
        await until('both are dropped', async () => (await dropped()) >= before + 2);
        assert.equal((await other.permit(one.relayed)).kind, 'success');
        one.sendTo(other.relayed, Buffer.from('with both'));
        assert.equal((await other.next()).get('Data').toString(), 'with both');
      })));
});

test('malformed requests of somebody with a good credential', async () => {
  await withCall(stack, () =>
    withClient(async (client) => {
      assert.equal((await client.request('Allocate', [])).error, 400, 'no REQUESTED-TRANSPORT');
      assert.equal((await client.request('Allocate', [requestedTransport(kTcp)])).error, 442);
      const unknown = await client.allocate(u32(0x7f01, 1));
      assert.equal(unknown.error, 420);
      assert.equal(unknown.get('UnknownAttributes').readUInt16BE(0), 0x7f01);
      assert.equal((await client.allocate(attribute(types.Lifetime, Buffer.alloc(3)))).error, 400);
      assert.equal((await client.request(0x0ff, [])).error, 400, 'no such method');
    }));
});

test('peers that are none: no address, half an address, a family that does not exist', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      assert.equal((await client.request('CreatePermission', [])).error, 400);
      assert.equal((await client.request('CreatePermission', [attribute(types.XorPeerAddress, Buffer.from([0, 1, 0]))])).error, 400);
      assert.equal((await client.request('CreatePermission', [attribute(types.XorPeerAddress, Buffer.from([0, 3, 0, 0, 1, 2, 3, 4]))])).error, 400);
      assert.equal((await client.request('ChannelBind', [peerAddress('127.0.0.1:9000')])).error, 400, 'no CHANNEL-NUMBER');
    }));
});

test('an indication is never answered', async () => {
  await withCall(stack, () =>
    withAllocation(async (client) => {
      const id = transactionId();
      client.send(encode('indication', 'Send', id, [peerAddress('127.0.0.1:9000')(id)])); // no DATA
      client.send(encode('indication', 'Allocate', transactionId(), [lifetime(1)]));
      client.send(encode('success', 'Allocate', transactionId(), [lifetime(1)])); // an answer to nobody
      assert.equal((await client.bare('Binding')).kind, 'success');
      assert.deepEqual(client.inbox, []);
    }));
});
