// Bytes that mean nothing, on every door. None is answered with more than it deserves, no process ends,
// and the call beside them loses nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { after, before, test } from 'node:test';
import { startStack } from '../support/stack.mjs';
import { withCall } from '../support/call.mjs';
import { Rpc } from '../support/rpc.mjs';
import { channelData, decode, encode, fingerprinted, requestedTransport, restCredential, transactionId } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

let stack;
before(async () => (stack = await startStack()));
after(() => stack?.stop());

test('every truncation of a good Allocate, over UDP', async () => {
  await withCall(stack, async () => {
    const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'cut'));
    try {
      await client.request('Refresh', []);
      const whole = client.sign('Allocate', [requestedTransport()]);
      for (let size = 0; size < whole.length; size += 1) client.send(whole.subarray(0, size));
      for (let size = 20; size < whole.length; size += 4) {
        // The same with a length that fits what is left.
        const cut = Buffer.from(whole.subarray(0, size));
        cut.writeUInt16BE(size - 20, 2);
        client.send(cut);
      }
      // On one socket the order holds: when this is answered, all before it was dealt with.
      assert.equal((await client.bare('Binding')).kind, 'success');
      for (const answer of client.inbox) assert.ok(answer.kind === 'error', 'nothing but refusals');
      const { items } = await stack.relay.get('/v1/allocations?subject=cut');
      assert.deepEqual(items, []);
    } finally {
      client.close();
    }
  });
});

test('random bytes, wrong cookies, wrong fingerprints, huge lengths, over UDP', async () => {
  await withCall(stack, async () => {
    const client = await TurnClient.open(stack.ports.udp);
    try {
      for (let i = 0; i < 500; i += 1) client.send(randomBytes(1 + Math.floor(Math.random() * 1400)));
      const binding = encode('request', 'Binding', transactionId(), []);
      const wrongCookie = Buffer.from(binding);
      wrongCookie.writeUInt32BE(0x12345678, 4);
      const wrongFingerprint = fingerprinted(binding);
      wrongFingerprint[wrongFingerprint.length - 1] ^= 1;
      const wrongLength = Buffer.from(binding);
      wrongLength.writeUInt16BE(0xfffc, 2);
      const oddLength = Buffer.from(binding);
      oddLength.writeUInt16BE(3, 2);
      for (const bytes of [wrongCookie, wrongFingerprint, wrongLength, oddLength, Buffer.alloc(0), Buffer.alloc(1), channelData(0x4000, randomBytes(20)), channelData(0x7fff, Buffer.alloc(0))]) {
        client.send(bytes);
      }
      assert.equal((await client.bare('Binding')).kind, 'success');
      assert.deepEqual(client.inbox, [], 'nobody was answered');
    } finally {
      client.close();
    }
  });
});

async function closes(socket) {
  socket.on('error', () => {});
  const timer = setTimeout(() => socket.destroy(new Error('still open')), 10_000);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(timer);
}

test('garbage ends a TCP or TLS connection, and only that one', async () => {
  await withCall(stack, async () => {
    const good = net.connect(stack.ports.tcp, '127.0.0.1');
    await once(good, 'connect');
    for (const garbage of [randomBytes(64).fill(0xff, 0, 4), Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), Buffer.from('\x00\x01\x00\x03!\x12\xa4B', 'latin1')]) {
      const socket = net.connect(stack.ports.tcp, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(garbage);
      if (garbage.length === 8) socket.end(); // a length that is no multiple of 4, cut short
      await closes(socket);
    }
    const secure = tls.connect({ port: stack.ports.tls, host: '127.0.0.1', rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    secure.write(randomBytes(64).fill(0xff, 0, 4));
    await closes(secure);
    const noTls = net.connect(stack.ports.tls, '127.0.0.1');
    await once(noTls, 'connect');
    noTls.write('this is no ClientHello at all\r\n');
    await closes(noTls);

    good.write(encode('request', 'Binding', transactionId(), []));
    const [bytes] = await once(good, 'data');
    assert.equal(decode(bytes).kind, 'success');
    good.destroy();
  }, { transport: 'tcp' });
});

test('a frame in single bytes over TCP is answered like a whole one', async () => {
  await withCall(stack, async () => {
    const socket = net.connect(stack.ports.tcp, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    for (const byte of encode('request', 'Binding', transactionId(), [])) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    const [bytes] = await once(socket, 'data');
    assert.equal(decode(bytes).kind, 'success');
    socket.destroy();
  });
});

test('JSON garbage on the WebSocket has defined answers, and the session goes on', async () => {
  await withCall(stack, async () => {
    const rpc = await Rpc.open(stack);
    for (const [text, code] of [
      ['{', -32700],
      ['', -32700],
      ['nonsense', -32700],
      ['[]', -32600],
      ['17', -32600],
      ['{"jsonrpc":"1.0","id":1,"method":"session.ping"}', -32600],
      ['['.repeat(500), -32600],
    ]) {
      rpc.raw(text);
      const answer = await rpc.event((message) => message.error !== undefined);
      assert.equal(answer.error.code, code, `${text.slice(0, 40)} → ${JSON.stringify(answer)}`);
      assert.ok(answer.error.data.name, 'with a name');
    }
    assert.equal((await rpc.ask('room.conquer')).error.code, -32601);
    assert.equal((await rpc.ask('room.join', { room: 17 })).error.code, -32602);
    assert.equal((await rpc.ask('session.ping', { t: 1 })).result.t, 1);
    await rpc.close();
  });
});

test('a missing room, a stranger, and a session without hello', async () => {
  await withCall(stack, async () => {
    const rpc = await Rpc.open(stack);
    const missing = await rpc.ask('room.join', { room: 'nowhere', peer: { name: 'Ada', kind: 'human' } });
    assert.equal(missing.error.code, 1100);
    assert.equal(missing.error.data.name, 'room_not_found');
    const stranger = await rpc.ask('chat.send', { room: 'nowhere', mid: 'm1', body: 'hello?' });
    assert.ok([1100, 1107].includes(stranger.error.code), JSON.stringify(stranger));
    await rpc.close();

    const silent = await Rpc.open(stack, { hello: false });
    assert.equal((await silent.ask('room.create', {})).error.code, 1002);
    await silent.close();
  });
});

test('binary frames and wrong subprotocols are refused', async () => {
  await withCall(stack, async () => {
    const rpc = await Rpc.open(stack);
    rpc.raw(randomBytes(32));
    assert.equal((await rpc.closed).code, 1003);
    await assert.rejects(Rpc.open(stack, { subprotocol: 'turnpike.v99' }));
  });
});

test('the daemons are those that were started', async () => {
  assert.equal((await stack.relay.get('/v1/node')).pid, stack.relay.pid);
  assert.equal((await stack.signaling.get('/v1/node')).pid, stack.signaling.pid);
});
