// Proxies in front of the relay that say for whom they speak, PROXY protocol version 2: HAProxy before TCP and
// TLS, and a UDP load balancer by hand. What the relay takes for the client is the client.
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { noHaproxy, startHaproxy } from '../support/haproxy.mjs';
import { startStack, until } from '../support/stack.mjs';
import { decode, encode, restCredential, splitEndpoint, transactionId } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

let stack;
before(async () => {
  stack = await startStack({
    signaling: false,
    ports: ['proxied'],
    relay: ({ listen, ports, certificate, key }) => ({
      listen: [
        ...listen,
        { transport: 'tcp+tls', address: `127.0.0.1:${ports.proxied}`, certificate, key, proxy_protocol: ['127.0.0.1'] },
        { transport: 'udp', address: `127.0.0.1:${ports.proxied}`, proxy_protocol: ['127.0.0.1'] },
      ],
    }),
  });
});
after(() => stack?.stop());

for (const transport of ['tcp', 'tls']) {
  test(`HAProxy before ${transport}: the client's address is the client's`, { skip: noHaproxy }, async () => {
    const proxy = await startHaproxy(stack.directory, stack.ports.proxied, 'send-proxy-v2 check check-send-proxy inter 200ms');
    const client = await TurnClient.open(proxy.port, restCredential(stack.secret, 'proxied'), { transport });
    const peer = createSocket('udp4');
    try {
      peer.bind(0, '127.0.0.2');
      await once(peer, 'listening');
      const allocated = await client.allocate();
      assert.equal(allocated.kind, 'success');
      assert.equal(allocated.address('XorMappedAddress'), client.address, 'not the address that HAProxy connects from');
      const { items } = await stack.relay.get('/v1/allocations');
      assert.equal(items.find((one) => one.transport === transport)?.client, client.address);

      assert.equal((await client.bind(0x4000, `127.0.0.2:${peer.address().port}`)).kind, 'success');
      const arrived = once(peer, 'message');
      client.send(Buffer.from([0x40, 0, 0, 4, ...Buffer.from('ping')]));
      const [bytes, from] = await arrived;
      assert.equal(bytes.toString(), 'ping');
      peer.send('pong', from.port, from.address);
      await until('the answer', () => client.inbox.some((one) => Buffer.isBuffer(one) && one.subarray(4, 8).toString() === 'pong'));
    } finally {
      client.close();
      peer.close();
      await proxy.stop();
    }
  });
}

test('version 1, or no header at all, is closed', { skip: noHaproxy }, async () => {
  for (const how of ['send-proxy', '']) {
    const proxy = await startHaproxy(stack.directory, stack.ports.proxied, how);
    const client = await TurnClient.open(proxy.port, undefined, { transport: 'tcp' });
    try {
      client.send(encode('request', 'Binding', transactionId()));
      await client.closed;
      assert.deepEqual(client.inbox, []);
    } finally {
      client.close();
      await proxy.stop();
    }
  }
});

test('a UDP proxy says for each datagram whose it is', async () => {
  const proxy = createSocket('udp4');
  try {
    proxy.bind(0, '127.0.0.1');
    await once(proxy, 'listening');
    for (const client of ['203.0.113.7:1000', '203.0.113.7:1001', '203.0.113.8:1000']) {
      const { host, port } = splitEndpoint(client);
      const header = Buffer.from('0d0a0d0a000d0a515549540a2112000c' + '00000000' + 'c6336401' + '0000' + '0d96', 'hex');
      Buffer.from(host.split('.').map(Number)).copy(header, 16);
      header.writeUInt16BE(Number(port), 24);
      const answered = once(proxy, 'message');
      proxy.send(Buffer.concat([header, encode('request', 'Binding', transactionId())]), stack.ports.proxied, '127.0.0.1');
      const [bytes] = await answered;
      const answer = decode(bytes);
      assert.equal(answer.kind, 'success');
      assert.equal(answer.address('XorMappedAddress'), client);
    }
    const answered = once(proxy, 'message');
    proxy.send(encode('request', 'Binding', transactionId()), stack.ports.proxied, '127.0.0.1'); // dropped
    const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
    const last = transactionId();
    proxy.send(Buffer.concat([local, encode('request', 'Binding', last)]), stack.ports.proxied, '127.0.0.1');
    const [bytes] = await answered;
    const answer = decode(bytes);
    assert.deepEqual(answer.id, last, 'only the one with a header');
    assert.equal(answer.address('XorMappedAddress'), `127.0.0.1:${proxy.address().port}`, 'LOCAL: the proxy itself');
  } finally {
    proxy.close();
  }
});
