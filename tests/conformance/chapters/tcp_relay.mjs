// TCP allocations (RFC 6062).

import { once } from 'node:events';
import net from 'node:net';
import { check, fail, notApplicable, outcome, refused, succeeds } from '../assertion.mjs';
import {
  connectionId, data, dontFragment, encode, evenPort, joinEndpoint, peerAddress, requestedTransport, reservationToken, splitEndpoint,
  transactionId,
} from '../../support/stun.mjs';

const kTcp = 6;
const kArrivalMs = 3_000;
const profile = 'tcp_relay';
const needs = ['tcp'];
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** A peer that accepts TCP connections: `accepted()` is the next one. */
async function tcpPeer(t, which = 0) {
  const waiting = [], got = [];
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    const stream = new Bytes(socket);
    if (waiting.length > 0) waiting.shift()(stream);
    else got.push(stream);
  });
  server.listen(0, t.peerHost(which));
  await once(server, 'listening');
  t.keep(server);
  return {
    endpoint: joinEndpoint(t.peerHost(which), server.address().port),
    count: () => got.length,
    accepted: () => (got.length > 0 ? Promise.resolve(got.shift()) : soon(new Promise((resolve) => waiting.push(resolve)), 'no connection reached the peer')),
  };
}

function soon(promise, why, deadlineMs = kArrivalMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      try {
        fail(why);
      } catch (error) {
        reject(error);
      }
    }, deadlineMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** One end of a TCP connection, of a peer or of a client's data connection. */
class Bytes {
  constructor(socket) {
    this.socket = socket;
    this.bytes = Buffer.alloc(0);
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.ended = new Promise((resolve) => socket.once('end', resolve));
    socket.on('data', (part) => {
      this.bytes = Buffer.concat([this.bytes, part]);
      this.onmore?.();
    });
  }
  write(bytes) {
    this.socket.write(bytes);
  }
}

/** Exactly these bytes come, in order. */
async function reads(stream, wanted, what) {
  const expected = Buffer.from(wanted);
  const there = () => (stream.bytes ?? Buffer.alloc(0)).length >= expected.length;
  if (!there()) await soon(new Promise((resolve) => (stream.onmore = () => there() && resolve())), `${what}: ${stream.bytes?.length ?? 0} of ${expected.length} bytes arrived`);
  check(stream.bytes.equals(expected), `${what}: other bytes arrived`);
  stream.bytes = Buffer.alloc(0);
}

/** A control connection with a TCP allocation. */
async function control(t, options = {}) {
  const client = await t.client({ transport: 'tcp', ...options });
  const answer = await client.request('Allocate', [requestedTransport(kTcp)]);
  if (answer.error === 442) notApplicable('TCP allocations are not supported');
  client.relayed = succeeds(answer, 'Allocate of TCP').address('XorRelayedAddress');
  return client;
}
const connect = (client, endpoint) => client.request('Connect', [peerAddress(endpoint)]);

async function connected(t, client, peer) {
  succeeds(await client.permit(peer.endpoint), 'CreatePermission');
  const answer = succeeds(await connect(client, peer.endpoint), 'Connect');
  const id = answer.number('ConnectionId');
  check(id !== undefined, 'no CONNECTION-ID in the answer to Connect');
  return { id, far: await peer.accepted() };
}

/** A second connection of the client, bound to one of the peer's. */
async function bind(t, client, id, credential = client.credential) {
  const connection = await t.client({ transport: 'tcp', credential });
  // Realm and nonce of the control connection: the server may want another nonce here, and says so.
  Object.assign(connection, { realm: client.realm, nonce: client.nonce });
  const answer = await connection.request('ConnectionBind', [connectionId(id)]).catch(() => undefined); // closed at once
  return { connection, answer, stream: connection.way };
}
async function joined(t) {
  const client = await control(t);
  const peer = await tcpPeer(t);
  const { id, far } = await connected(t, client, peer);
  const { connection, answer, stream } = await bind(t, client, id);
  succeeds(answer, 'ConnectionBind');
  return { client, peer, far, connection, stream, id };
}

export const chapter = [
  {
    number: 109, section: 'RFC 6062 §5.1', title: 'TCP over UDP: 400; with EVEN-PORT, DONT-FRAGMENT or RESERVATION-TOKEN: 400',
    profile, needs, fallback: true,
    async run(t) {
      (await control(t)).close();
      refused(await (await t.client()).request('Allocate', [requestedTransport(kTcp)]), 400, 'over UDP');
      for (const [name, attribute] of [['EVEN-PORT', evenPort(false)], ['DONT-FRAGMENT', dontFragment()], ['RESERVATION-TOKEN', reservationToken(Buffer.alloc(8, 1))]]) {
        const client = await t.client({ transport: 'tcp' });
        refused(await client.request('Allocate', [requestedTransport(kTcp), attribute]), 400, `with ${name}`);
      }
    },
  },
  {
    number: 110, section: 'RFC 6062 §5.2', title: 'Connect without a peer: 400; without an allocation: 437; denied: 403',
    profile, needs, fallback: true,
    async run(t) {
      const client = await control(t);
      refused(await client.request('Connect', []), 400, 'without XOR-PEER-ADDRESS');
      if (t.server.denied) refused(await connect(client, `${t.server.denied}:9000`), 403, 'to a denied peer');
      const without = await t.client({ transport: 'tcp' });
      refused(await connect(without, `${t.peerHost()}:9000`), 437, 'without an allocation');
    },
  },
  {
    number: 111, section: 'RFC 6062 §5.2', title: 'a second Connect to the peer: 446; one that is refused: 447',
    profile, needs, fallback: true,
    async run(t) {
      const client = await control(t);
      const peer = await tcpPeer(t);
      await connected(t, client, peer);
      refused(await connect(client, peer.endpoint), 446, 'a second Connect');
      const closed = net.createServer();
      closed.listen(0, t.peerHost());
      await once(closed, 'listening');
      const endpoint = joinEndpoint(t.peerHost(), closed.address().port);
      await new Promise((resolve) => closed.close(resolve));
      refused(await connect(client, endpoint), 447, 'Connect to a closed port');
    },
    core: ['Connect.GivesUpAfterThirtySeconds'],
  },
  {
    number: 112, section: 'RFC 6062 §5.2, §5.4', title: 'CONNECTION-ID; what the peer sent before ConnectionBind comes after it',
    profile, needs, fallback: true,
    async run(t) {
      const client = await control(t);
      const peer = await tcpPeer(t);
      const { id, far } = await connected(t, client, peer);
      far.write('early bytes');
      // The control connection's answer comes after the relay could have seen them.
      succeeds(await client.refresh(600), 'Refresh');
      const { answer, stream } = await bind(t, client, id);
      succeeds(answer, 'ConnectionBind');
      await reads(stream, 'early bytes', 'what the peer sent before ConnectionBind');
      stream.send(Buffer.from('to the peer'));
      await reads(far, 'to the peer', 'from the client');
      const much = Buffer.alloc(300_000, 'x');
      far.write(much);
      await reads(stream, much, '300,000 bytes from the peer');
      stream.send(much);
      await reads(far, much, '300,000 bytes from the client');
    },
  },
  {
    number: 113, section: 'RFC 6062 §5.4', title: 'ConnectionBind over UDP, of an unknown id or by another user: 400; after 30 s unbound the peer is closed',
    profile, needs: ['tcp', 'two users'], fallback: true,
    async run(t) {
      const client = await control(t);
      const peer = await tcpPeer(t);
      const { id, far } = await connected(t, client, peer);
      const datagrams = await t.client({ credential: client.credential });
      await datagrams.challenge();
      refused(await datagrams.request('ConnectionBind', [connectionId(id)]), 400, 'over UDP');
      refused((await bind(t, client, (id ^ 0x5a5a5a5a) >>> 0)).answer, 400, 'an unknown id');
      refused((await bind(t, client, id, t.otherUser())).answer, [400, 441], 'by another user');
      const { answer, stream } = await bind(t, client, id);
      succeeds(answer, 'by the right one afterwards');
      refused((await bind(t, client, id)).answer, 400, 'an id that is bound already');
      far.write('still there');
      await reads(stream, 'still there', 'from the peer');
    },
    core: ['ConnectionBind.MustComeWithinThirtySeconds'],
    async slow(t) {
      const client = await control(t);
      const peer = await tcpPeer(t);
      const { id, far } = await connected(t, client, peer);
      let closed = false;
      void far.closed.then(() => (closed = true));
      void far.ended.then(() => (closed = true));
      await seconds(28);
      check(!closed, 'the peer was closed within 28 s');
      await seconds(17);
      check(closed, 'the peer is not closed after 45 s');
      refused((await bind(t, client, id)).answer, 400, 'ConnectionBind afterwards');
    },
  },
  {
    number: 114, section: 'RFC 6062 §5.3', title: 'a peer connects: ConnectionAttempt with a permission, closed without',
    profile, needs, fallback: true,
    async run(t) {
      const client = await control(t);
      const { host, port } = splitEndpoint(client.relayed);
      const dial = async () => {
        const socket = t.keep(Object.assign(net.connect({ host, port, localAddress: t.peerHost() }), { close() { this.destroy(); } }));
        socket.on('error', () => {});
        return new Bytes(socket);
      };
      await soon((await dial()).closed, 'a peer without a permission is not closed', 8_000);
      check(client.inbox.length === 0, 'the client was told of a peer without a permission');

      succeeds(await client.permit(`${t.peerHost()}:9`), 'CreatePermission');
      const far = await dial();
      const attempt = await client.next(kArrivalMs).catch(() => fail('no ConnectionAttempt'));
      check(attempt.method === 'ConnectionAttempt' && attempt.kind === 'indication', `not a ConnectionAttempt: ${outcome(attempt)}`);
      const from = joinEndpoint(far.socket.localAddress, far.socket.localPort);
      check(attempt.address('XorPeerAddress') === from, `XOR-PEER-ADDRESS ${attempt.address('XorPeerAddress')}, not ${from}`);
      const { answer, stream } = await bind(t, client, attempt.number('ConnectionId') ?? fail('no CONNECTION-ID'));
      succeeds(answer, 'ConnectionBind');
      far.write('hello');
      await reads(stream, 'hello', 'from the peer');
      stream.send(Buffer.from('hello yourself'));
      await reads(far, 'hello yourself', 'from the client');
    },
  },
  {
    number: 115, section: 'RFC 6062 §5.5, §5.6', title: 'either side closing closes the other; the end of the allocation closes all',
    profile, needs, fallback: true,
    async run(t) {
      const first = await joined(t);
      first.far.socket.end();
      await soon(first.connection.closed, "the client's side is open after the peer closed");
      const second = await joined(t);
      second.connection.close();
      await soon(Promise.race([second.far.closed, second.far.ended]), "the peer's side is open after the client closed");
      const third = await joined(t);
      succeeds(await third.client.refresh(0), 'Refresh');
      await soon(Promise.race([third.far.closed, third.far.ended]), "the peer's side is open after the allocation ended");
      await soon(third.connection.closed, "the client's side is open after the allocation ended");
      const fourth = await joined(t);
      fourth.client.close();
      await soon(Promise.race([fourth.far.closed, fourth.far.ended]), "the peer's side is open after the control connection closed");
    },
  },
  {
    number: 116, section: 'RFC 6062 §5', title: 'no Send and no ChannelBind on a TCP allocation',
    profile, needs, fallback: true,
    async run(t) {
      const client = await control(t);
      const peer = await t.peer();
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      const answer = await client.bind(0x4000, peer.endpoint);
      check(answer.kind === 'error', 'ChannelBind succeeded');
      if (answer.error !== 403) t.note(`ChannelBind: ${answer.error}`);
      client.inbox.length = 0;
      client.send(encode('indication', 'Send', transactionId(), [peerAddress(peer.endpoint), data('not here')]));
      await t.barrier(client);
      check((await peer.arrived()).length === 0, 'a Send passed as a datagram');
      check(client.inbox.length === 0, 'a Send was answered');
    },
  },
];
