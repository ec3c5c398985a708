// What no honest client sends, over real sockets, and the reaction to it: one test for each of the 49 rows of the
// project's table of bad inputs to STUN and TURN. After each the relay answers as before.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { after, test } from 'node:test';
import {
  additionalFamily, appended, attribute, channelData, channelOf, channelPayload, connectionId, data, decode, empty, encode, evenPort,
  fingerprinted, isChannelData, joinEndpoint, kMd5, kSha256, lifetime, longTermKey, mobilityTicket, paddedChannelData, passwordAlgorithm,
  passwordAlgorithms, peerAddress, requestedFamily, requestedTransport, reservationToken, restPassword, signedSha256, splitEndpoint,
  text, transactionId, types, u32, userhash,
} from '../support/stun.mjs';
import { NotApplicable, refused, succeeds, Trial } from './assertion.mjs';
import { clientHello, kDtls12, kSsl3, kTls10, kTls11, kTls12 } from './hello.mjs';
import { ourRelay } from './ours.mjs';

const kUnknownRequired = 0x7f01;
const kTcp = 6, kIPv6 = 2;
const kAlert = 21, kProtocolVersion = 70, kNoApplicationProtocol = 120;

const subject = ourRelay({ workers: 2 });
after(() => subject.stop());

const binding = (...attributes) => encode('request', 'Binding', transactionId(), attributes);
const wanted = [requestedTransport()];
function changed(message, change) {
  const copy = Buffer.from(message);
  change(copy);
  return copy;
}
const withLength = (message, length) => changed(message, (m) => m.writeUInt16BE(length, 2));

/** One row of the table. */
function row(number, input, profile, run) {
  test(`${number}. ${input}`, async (context) => {
    const server = await subject.profile(profile);
    if (server.missing) return context.skip(server.missing);
    const t = new Trial(server);
    try {
      await run(t);
      // Whatever it was, the relay goes on.
      assert.equal((await (await t.client()).bare('Binding')).kind, 'success');
      assert.equal((await server.admin.get('/v1/node')).pid, server.admin.pid);
    } catch (error) {
      if (!(error instanceof NotApplicable)) throw error;
      context.skip(error.message);
    } finally {
      await t.end();
    }
  });
}

/** How a stream ends that gets these bytes: everything it was sent, once it is closed. */
async function streamEnd(socket, bytes, deadlineMs = 15_000) {
  const parts = [];
  socket.on('error', () => {});
  socket.on('data', (part) => parts.push(part));
  const closed = once(socket, 'close');
  socket.write(bytes);
  const timer = setTimeout(() => socket.destroy(new Error('late')), deadlineMs);
  await closed;
  clearTimeout(timer);
  assert.ok(!(socket.errored?.message === 'late'), `not closed within ${deadlineMs} ms`);
  return Buffer.concat(parts);
}
async function tcp(t, port = t.server.ports.tcp) {
  const socket = net.connect(port, t.server.host);
  await once(socket, 'connect');
  return socket;
}
async function secure(t, options = {}) {
  const socket = tls.connect({ port: t.server.ports.tls, host: t.server.host, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

/** A client with a nonce of its own. */
async function challenged(t, options) {
  const client = await t.client(options);
  await client.challenge();
  return client;
}

row(1, 'datagrams of 0 to 19 bytes: silence', 'base', async (t) => {
  const client = await t.client();
  for (let size = 0; size < 20; size += 1) await t.silence(client, `${size} bytes`, binding().subarray(0, size), Buffer.alloc(size));
});

row(2, 'first two bits that are neither STUN nor a channel: silence', 'base', async (t) => {
  const client = await t.client();
  for (const first of [0x80, 0x90, 0xbf, 0xc0, 0xff]) await t.silence(client, `first byte ${first}`, changed(binding(), (m) => (m[0] = first)));
});

row(3, 'a wrong magic cookie: silence', 'base', async (t) => {
  const client = await t.client();
  for (const cookie of [0, 0x2112a443, 0xffffffff]) await t.silence(client, `cookie ${cookie}`, changed(binding(), (m) => m.writeUInt32BE(cookie, 4)));
});

row(3, 'a wrong magic cookie over DTLS: 500 (RFC 8489 §11)', 'dtls', async (t) => {
  const client = await t.client({ transport: 'dtls', port: t.server.ports.dtls });
  const classic = changed(binding(), (m) => m.writeUInt32BE(0x01020304, 4));
  client.send(classic);
  const answer = await client.next();
  assert.equal(answer.readUInt16BE(0), 0x0111, 'a Binding error');
  assert.ok(answer.subarray(4, 20).equals(classic.subarray(4, 20)), 'the whole transaction id comes back');
  assert.deepEqual([...answer.subarray(20)], [0, 9, 0, 4, 0, 0, 5, 0]);
  client.send(changed(encode('indication', 'Binding', transactionId()), (m) => m.writeUInt32BE(0x01020304, 4)));
  await t.barrier(client);
  assert.equal(client.inbox.length, 0, 'an indication is not answered');
});

row(4, 'a length that is no multiple of 4: silence', 'base', async (t) => {
  const client = await t.client();
  for (const extra of [1, 2, 3]) await t.silence(client, `length ${extra}`, withLength(Buffer.concat([binding(), Buffer.alloc(extra)]), extra));
});

row(5, 'a length beyond the datagram, bytes behind the message: silence', 'base', async (t) => {
  const client = await t.client();
  await t.silence(client, 'beyond', withLength(binding(), 4), withLength(binding(), 0xfffc));
  await t.silence(client, 'behind', Buffer.concat([binding(), Buffer.alloc(1)]), Buffer.concat([binding(), binding()]));
});

row(6, 'a length of 65,532 over TCP: the connection closes, no byte is misread', 'base', async (t) => {
  for (const head of [withLength(binding(), 65_532), channelData(0x4000, '', 0xffff), channelData(0x4000, '', 0xfffd)]) {
    // What would be a request if the frame were taken for shorter than it says.
    const bytes = await streamEnd(await tcp(t), Buffer.concat([head, Buffer.alloc(1_000), binding(), Buffer.alloc(66_000), binding()]));
    assert.equal(bytes.length, 0);
  }
});

row(7, 'an attribute that runs past the end: silence', 'base', async (t) => {
  const client = await t.client();
  for (const claimed of [5, 8, 0xfffc, 0xffff]) await t.silence(client, `${claimed} bytes of 4`, binding(attribute(types.Software, Buffer.alloc(4), claimed)));
  await t.silence(client, 'half an attribute header', withLength(Buffer.concat([binding(), Buffer.from([0x80, 0x22])]), 2));
});

row(8, '500 empty attributes: silence or 400, and soon', 'base', async (t) => {
  const client = await t.client();
  const many = binding(...Array.from({ length: 500 }, () => empty(types.Software)));
  client.send(many);
  await t.barrier(client);
  for (const answer of client.inbox) refused(answer, 400, '500 attributes');
});

row(9, 'an unknown required attribute: 420; to TURN requests after authentication', 'base', async (t) => {
  const client = await t.client();
  const unknown = u32(kUnknownRequired, 1);
  assert.deepEqual(refused(await client.bare('Binding', [unknown]), 420, 'Binding').unknown(), [kUnknownRequired]);
  refused(await client.bare('Allocate', [...wanted, unknown]), 401, 'an unauthenticated Allocate');
  assert.deepEqual(refused(await client.allocate(unknown), 420, 'Allocate').unknown(), [kUnknownRequired]);
});

row(10, 'unknown attributes behind the integrity: ignored', 'base', async (t) => {
  const client = await t.client();
  succeeds(await client.request('Allocate', wanted, { behind: [u32(kUnknownRequired, 1), lifetime(0)] }), 'Allocate');
  succeeds(await client.refresh(0), 'Refresh');
});

row(11, 'FINGERPRINT that is wrong or not the last: silence', 'base', async (t) => {
  const client = await t.client();
  for (let bit = 0; bit < 32; bit += 7) await t.silence(client, `bit ${bit}`, changed(fingerprinted(binding()), (m) => (m[m.length - 1 - (bit >> 3)] ^= 1 << (bit & 7))));
  await t.silence(client, 'not the last', appended(fingerprinted(binding()), text(types.Software, 'late')));
  await t.silence(client, 'of 8 bytes', binding(attribute(types.Fingerprint, Buffer.alloc(8))));
});

row(12, 'integrities of odd lengths: 400 or 401', 'base', async (t) => {
  const client = await challenged(t);
  for (const size of [0, 16, 19, 21, 24]) {
    const right = client.sign('Allocate', wanted);
    const value = Buffer.concat([right.subarray(right.length - 20), Buffer.alloc(4)]).subarray(0, size);
    refused(await client.exchange(appended(client.sign('Allocate', wanted, { integrity: 'none' }), attribute(types.MessageIntegrity, value))), [400, 401], `${size} bytes`);
  }
  for (const size of [0, 12, 15, 17, 33, 36]) {
    const unsigned = client.sign('Allocate', wanted, { integrity: 'none' });
    refused(await client.exchange(signedSha256(unsigned, client.key, size)), [400, 401], `${size} bytes of SHA-256`);
  }
});

row(13, 'two integrities: the first counts', 'base', async (t) => {
  const client = await challenged(t);
  const garbage = attribute(types.MessageIntegrity, Buffer.alloc(20, 7));
  succeeds(await client.exchange(client.sign('Allocate', wanted, { behind: [garbage] })), 'the right one first');
  succeeds(await client.refresh(0), 'Refresh');
  refused(await client.exchange(client.sign('Allocate', wanted, { extra: [garbage] })), 401, 'the wrong one first');
});

row(14, 'the integrity in front of USERNAME: 400', 'base', async (t) => {
  const client = await challenged(t);
  const { username } = client.credential;
  const message = client.sign('Allocate', wanted, { username: null, key: client.key, behind: [text(types.Username, username)] });
  refused(await client.exchange(message), 400, 'USERNAME behind the integrity');
});

row(15, 'answers and indications that nobody asked for: silence', 'base', async (t) => {
  const client = await t.client();
  for (const kind of ['success', 'error', 'indication']) {
    for (const method of ['Binding', 'Allocate', 'Refresh', 'Data', 'ConnectionAttempt', 0x2ff]) await t.silence(client, `${method} ${kind}`, encode(kind, method, transactionId()));
  }
});

row(16, 'Allocate without REQUESTED-TRANSPORT: 400', 'base', async (t) => {
  refused(await (await t.client()).request('Allocate', []), 400, 'Allocate');
});

row(17, 'REQUESTED-TRANSPORT of TCP over UDP, and of 99: 442', 'base', async (t) => {
  const client = await t.client();
  for (const protocol of [kTcp, 99, 0, 255]) refused(await client.request('Allocate', [requestedTransport(protocol)]), 442, `protocol ${protocol}`);
});

row(18, 'a family that does not exist: 440; both families and a token: 400', 'base', async (t) => {
  const client = await t.client();
  for (const family of [0, 3, 255]) refused(await client.allocate(requestedFamily(family)), 440, `family ${family}`);
  refused(await client.allocate(additionalFamily(kIPv6), reservationToken(Buffer.alloc(8, 1))), 400, 'a token');
});

row(19, 'ADDITIONAL-ADDRESS-FAMILY with EVEN-PORT, R: 400', 'base', async (t) => {
  refused(await (await t.client()).allocate(additionalFamily(kIPv6), evenPort(true)), 400, 'Allocate');
});

row(20, 'LIFETIME 0 and 2^32-1 in Allocate: the default, the maximum', 'base', async (t) => {
  for (const [asked, granted] of [[0, 600], [0xffffffff, 3600]]) {
    const client = await t.client();
    assert.equal(succeeds(await client.allocate(lifetime(asked)), 'Allocate').number('Lifetime'), granted);
    succeeds(await client.refresh(0), 'Refresh');
  }
});

row(21, 'the same Allocate again: the same success', 'base', async (t) => {
  const client = await challenged(t);
  const message = client.sign('Allocate', wanted);
  const [first, again] = [await client.exchange(message), await client.exchange(message)];
  assert.equal(succeeds(again, 'again').address('XorRelayedAddress'), succeeds(first, 'Allocate').address('XorRelayedAddress'));
  succeeds(await client.refresh(0), 'Refresh');
});

row(22, 'another Allocate on the 5-tuple: 437', 'base', async (t) => {
  refused(await (await t.allocation()).allocate(), 437, 'Allocate');
});

row(23, 'Allocate over the quota: 486', 'small_quota', async (t) => {
  const credential = t.user();
  for (let i = 0; i < t.server.quota; i += 1) await t.allocation({ credential });
  refused(await (await t.client({ credential })).allocate(), 486, 'Allocate');
});

row(24, 'no port is left: 508', 'few_ports', async (t) => {
  const [low, high] = t.server.relayPorts;
  for (let port = low; port <= high; port += 1) await t.allocation();
  refused(await (await t.client()).allocate(), 508, 'Allocate');
});

row(25, "another user's Refresh: 441", 'base', async (t) => {
  const client = await t.allocation();
  const owner = client.credential;
  client.credential = t.otherUser();
  refused(await client.exchange(client.sign('Refresh', [lifetime(0)])), 441, 'Refresh');
  client.credential = owner;
  succeeds(await client.refresh(600), "the owner's");
});

row(26, 'Refresh with LIFETIME 0 twice: success, then 437', 'base', async (t) => {
  const client = await t.allocation();
  succeeds(await client.refresh(0), 'the first');
  refused(await client.refresh(0), 437, 'the second');
});

row(27, 'CreatePermission without a peer: 400', 'base', async (t) => {
  refused(await (await t.allocation()).request('CreatePermission', []), 400, 'CreatePermission');
});

row(28, 'permissions for 300 peers: 508 for what is too much, all of it', 'many_peers', async (t) => {
  const client = await t.allocation();
  const peers = (from, count) => Array.from({ length: count }, (_, i) => `127.1.${(from + i) >> 8}.${(from + i) & 255}:9`);
  for (let from = 0; from < 240; from += 60) succeeds(await client.permit(...peers(from, 60)), `peers ${from} to ${from + 59}`);
  refused(await client.permit(...peers(240, 60)), 508, 'peers 240 to 299');
  // None of the last sixty was installed, so sixteen others still fit, and no more.
  succeeds(await client.permit(...peers(1_000, 16)), 'sixteen others');
  refused(await client.permit(...peers(2_000, 1)), 508, 'one more');
  succeeds(await client.permit(...peers(0, 60)), 'those that are there');
  // In one message they are more attributes than a message may have.
  client.inbox.length = 0;
  client.send(client.sign('CreatePermission', peers(3_000, 300).map((peer) => peerAddress(peer))));
  await t.barrier(client);
  for (const answer of client.inbox) refused(answer, [400, 508], '300 peers in one message');
});

row(29, 'XOR-PEER-ADDRESS of no family, of 7 bytes: 400; of IPv6 on an IPv4 allocation: 443', 'base', async (t) => {
  const client = await t.allocation();
  const ask = (value) => client.request('CreatePermission', [attribute(types.XorPeerAddress, value)]);
  refused(await ask(Buffer.from([0, 0, 1, 2, 3, 4, 5, 6])), 400, 'family 0');
  refused(await ask(Buffer.from([0, 1, 1, 2, 3, 4, 5])), 400, '7 bytes');
  refused(await ask(Buffer.from([0, 2, 1, 2, 3, 4, 5, 6])), 400, 'IPv6 in 8 bytes');
  refused(await client.permit('[2001:db8::1]:9'), 443, 'IPv6');
});

row(30, 'a denied peer in any form: 403', 'base', async (t) => {
  const four = await t.allocation();
  for (const address of ['10.0.0.1', '0.0.0.0', '0.1.2.3', '169.254.169.254', '224.0.0.1', '255.255.255.255']) {
    refused(await four.permit(`${address}:9000`), 403, `CreatePermission ${address}`);
    refused(await four.bind(0x4000, `${address}:9000`), 403, `ChannelBind ${address}`);
  }
  const six = await t.allocation({}, requestedFamily(kIPv6));
  for (const address of ['::', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::127.0.0.1', '2002:7f00:1::1', '2001:0:1::1', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1', 'fe80::1', 'fe80::5efe:7f00:1', 'ff02::1']) {
    refused(await six.permit(`[${address}]:9000`), 403, `CreatePermission ${address}`);
    refused(await six.bind(0x4000, `[${address}]:9000`), 403, `ChannelBind ${address}`);
  }
});

row(31, 'channels 0x3FFF, 0x5000, 0x7FFF: 400', 'base', async (t) => {
  const client = await t.allocation();
  for (const number of [0x3fff, 0x5000, 0x7fff]) refused(await client.bind(number, `${t.peerHost()}:9000`), 400, `channel ${number}`);
});

row(32, "another peer's channel, another channel's peer: 400", 'base', async (t) => {
  const client = await t.allocation();
  succeeds(await client.bind(0x4000, `${t.peerHost()}:9000`), 'ChannelBind');
  refused(await client.bind(0x4000, `${t.peerHost()}:9001`), 400, 'another peer');
  refused(await client.bind(0x4001, `${t.peerHost()}:9000`), 400, 'another channel');
});

row(33, 'Send without permission or DATA: silence; with two peers: to the first', 'base', async (t) => {
  const client = await t.allocation();
  const [one, other] = [await t.peer(0), await t.peer(1)];
  succeeds(await client.permit(one.endpoint), 'CreatePermission');
  client.sendTo(other.endpoint, Buffer.from('no permission'));
  client.send(encode('indication', 'Send', transactionId(), [peerAddress(one.endpoint)]));
  client.send(encode('indication', 'Send', transactionId(), [peerAddress(one.endpoint), peerAddress(other.endpoint), data('two peers')]));
  await t.arrives(one, 'two peers', 'Send to two');
  await t.barrier(client);
  assert.equal((await one.arrived()).length + (await other.arrived()).length + client.inbox.length, 0);
});

row(34, 'ChannelData: too long, on no channel, empty: silence, silence, an empty datagram', 'base', async (t) => {
  const client = await t.allocation();
  const peer = await t.peer();
  succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
  client.send(channelData(0x4000, 'cut', 4));
  client.send(channelData(0x4001, 'no channel'));
  client.send(channelData(0x4000, ''));
  await t.arrives(peer, '', 'an empty one');
  await t.barrier(client);
  assert.equal((await peer.arrived()).length + client.inbox.length, 0);
});

row(35, 'ChannelData over TCP, in single bytes and with every padding: right frames', 'base', async (t) => {
  const client = await t.allocation({ transport: 'tcp' });
  const peer = await t.peer();
  succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
  for (const payload of ['1', '22', '333', '4444', '']) {
    for (const byte of paddedChannelData(0x4000, payload)) await new Promise((resolve) => client.way.socket.write(Buffer.from([byte]), resolve));
    await t.arrives(peer, payload, `${payload.length} bytes`);
    await peer.send(payload, client.relayed);
    const back = await client.next();
    assert.ok(isChannelData(back) && channelOf(back) === 0x4000 && channelPayload(back).toString() === payload);
  }
  succeeds(await client.bare('Binding'), 'Binding on the same connection');
});

row(36, 'ConnectionBind over UDP, of an unknown id, twice: 400', 'tcp_relay', async (t) => {
  const ask = (client, id) => client.request('ConnectionBind', [connectionId(id)]);
  refused(await ask(await challenged(t), 1), 400, 'over UDP');
  refused(await ask(await challenged(t, { transport: 'tcp' }), 0x12345678), 400, 'an unknown id');
  const control = await t.client({ transport: 'tcp' });
  const answer = await control.request('Allocate', [requestedTransport(kTcp)]);
  if (answer.error === 442) throw new NotApplicable('no TCP relay');
  succeeds(answer, 'Allocate of TCP');
  const peer = t.keep(net.createServer((socket) => socket.on('error', () => {})).listen(0, t.peerHost()));
  await once(peer, 'listening');
  const endpoint = joinEndpoint(t.peerHost(), peer.address().port);
  succeeds(await control.permit(endpoint), 'CreatePermission');
  const id = succeeds(await control.request('Connect', [peerAddress(endpoint)]), 'Connect').number('ConnectionId');
  const connection = () => challenged(t, { transport: 'tcp', credential: control.credential });
  succeeds(await ask(await connection(), id), 'ConnectionBind');
  refused(await ask(await connection(), id), 400, 'a second ConnectionBind');
});

row(37, 'a reservation used twice, and tokens that are none: 508 or 400; no port is lost', 'few_ports_again', async (t) => {
  const [low, high] = t.server.relayPorts;
  const first = await t.client();
  const answer = await first.allocate(evenPort(true));
  if (answer.error === 508) throw new NotApplicable('no pairs of ports');
  const token = succeeds(answer, 'EVEN-PORT, R').get('ReservationToken');
  const second = await t.client({ credential: first.credential });
  const sibling = succeeds(await second.allocate(reservationToken(token)), 'the token');
  assert.equal(splitEndpoint(sibling.address('XorRelayedAddress')).port, splitEndpoint(answer.address('XorRelayedAddress')).port + 1);
  for (const one of [token, randomBytes(8), Buffer.alloc(8), Buffer.alloc(7), Buffer.alloc(9)]) {
    const third = await t.client({ credential: first.credential });
    refused(await third.allocate(reservationToken(one)), [400, 508], `a token of ${one.length} bytes`);
  }
  // All the others are there.
  for (let port = low; port <= high - 2; port += 1) await t.allocation();
  refused(await (await t.client()).allocate(), 508, 'one too many');
});

row(38, 'nonces: empty: 400; too long: silence; of another address, with a flipped bit: 438', 'base', async (t) => {
  const client = await challenged(t);
  const other = await challenged(t);
  const ask = (nonce) => t.perhaps(client, client.sign('Allocate', wanted, { nonce }));
  refused(await ask(Buffer.alloc(0)), 400, 'an empty nonce');
  refused(await ask(Buffer.alloc(763, 'n')), 438, 'a nonce of 763 bytes');
  await t.silence(client, 'a nonce of 764 bytes', client.sign('Allocate', wanted, { nonce: Buffer.alloc(764, 'n') }));
  refused(await ask(other.nonce), 438, "another client's nonce");
  for (let at = 0; at < client.nonce.length; at += 1) {
    refused(await ask(changed(client.nonce, (n) => (n[at] ^= 1))), 438, `bit of character ${at} flipped`);
  }
  succeeds(await ask(client.nonce), 'the right one');
  succeeds(await client.refresh(0), 'Refresh');
});

row(39, 'realms: another one, quoted, too long, no UTF-8: 400 or 401', 'base', async (t) => {
  const client = await challenged(t);
  for (const realm of ['another', `"${client.realm}"`, '', 'r'.repeat(128), 'r'.repeat(764), Buffer.from([0xff, 0xfe, 0x80]), `${client.realm}\0`]) {
    const key = longTermKey(client.credential.username, realm.toString('latin1'), client.credential.password);
    refused(await client.exchange(client.sign('Allocate', wanted, { realm, key })), [400, 401], `realm of ${realm.length} bytes`);
  }
});

row(40, 'usernames out of grammar: 401, and no log has them', 'base', async (t) => {
  const now = Math.floor(Date.now() / 1000) + 300;
  const names = [
    ':u', 'u', '', '-1:u', '1e9:u', '0x7fffffff:u', ` ${now}:u`, `+${now}:u`, '99999999999999999999:u', `00${now}:u`, `${now}:u\0v`, '%n%s%n%s:canary',
    `${now}:${'c'.repeat(502)}`, '%s%n\r\nFLUSHALL\r\n{}*?canary',
  ];
  for (const username of names) {
    const client = await t.client({ credential: { username, password: restPassword(t.server.secret, username) } });
    await client.challenge();
    const answer = await client.exchange(client.sign('Allocate', wanted));
    refused(answer, username === '' || username.length > 508 ? [400, 401] : 401, JSON.stringify(username.slice(0, 40)));
  }
  assert.ok(!(await t.server.admin.log()).includes('canary'), 'the log has a name that a stranger chose');
});

row(41, 'PASSWORD-ALGORITHMS without its like, changed, unknown, malformed: 400', 'base', async (t) => {
  const client = await challenged(t);
  if (!client.offered) throw new NotApplicable('SHA-256 is not offered');
  const ask = (algorithm, ...extra) => client.exchange(client.sign('Allocate', wanted, { algorithm, sayAlgorithm: false, extra }));
  const list = attribute(types.PasswordAlgorithms, client.offered);
  refused(await ask(kMd5, list), 400, 'without PASSWORD-ALGORITHM');
  refused(await ask(kMd5, passwordAlgorithm(kMd5)), 400, 'without PASSWORD-ALGORITHMS');
  refused(await ask(kMd5, passwordAlgorithms(kMd5), passwordAlgorithm(kMd5)), 400, 'a shorter list');
  refused(await ask(kMd5, list, passwordAlgorithm(0x7777)), 400, 'an unknown algorithm');
  refused(await ask(kSha256, list, attribute(types.PasswordAlgorithm, Buffer.from([0, 2, 0xff, 0xff]))), 400, 'parameters of 65,535 bytes');
  refused(await ask(kSha256, attribute(types.PasswordAlgorithms, Buffer.from([0, 2, 0xff, 0xff])), passwordAlgorithm(kSha256)), 400, 'parameters of 65,535 bytes in the list');
  refused(await ask(kSha256, list, attribute(types.PasswordAlgorithm, Buffer.alloc(2))), 400, 'half an algorithm');
});

row(42, 'USERHASH where anonymity is not offered: 401', 'ipv4_only', async (t) => {
  const client = await challenged(t);
  assert.ok(!client.features?.usernameAnonymity, 'no static users, no anonymity');
  const algorithm = client.offered ? kSha256 : kMd5;
  const hash = attribute(types.Userhash, userhash(client.credential.username, client.realm));
  refused(await client.exchange(client.sign('Allocate', wanted, { algorithm, username: null, key: client.keyOf(algorithm), extra: [hash] })), 401, 'USERHASH');
});

row(43, "MOBILITY-TICKET: garbage 400 or 437, another user's 441", 'mobility', async (t) => {
  const client = await t.client();
  const answer = await client.allocate(mobilityTicket());
  const ticket = answer.get('MobilityTicket');
  if (!ticket) throw new NotApplicable('no mobility');
  refused(await (await t.client()).allocate(mobilityTicket(randomBytes(20))), 400, 'Allocate with a ticket');
  for (const garbage of [randomBytes(1), randomBytes(ticket.length), randomBytes(600), changed(ticket, (bytes) => (bytes[0] ^= 1))]) {
    const elsewhere = await t.client({ credential: client.credential });
    refused(await elsewhere.request('Refresh', [lifetime(600), mobilityTicket(garbage)]), [400, 437], `a ticket of ${garbage.length} bytes`);
  }
  const thief = await t.client({ credential: t.otherUser() });
  refused(await thief.request('Refresh', [lifetime(600), mobilityTicket(ticket)]), 441, "another user's ticket");
  succeeds(await client.refresh(0), 'Refresh');
});
row(43, 'MOBILITY-TICKET where mobility is off: 405', 'base', async (t) => {
  const answer = await (await t.client()).allocate(mobilityTicket());
  if (answer.kind === 'success') throw new NotApplicable('no mobility');
  refused(answer, 405, 'Allocate');
});

row(44, 'a datagram full of 0xFF, and what QUIC, RTP and DNS look like: silence', 'base', async (t) => {
  const client = await t.client();
  await t.silence(client, '0xFF', Buffer.alloc(1_472, 0xff));
  const quic = changed(randomBytes(1_200), (m) => m.set([0xc3, 0, 0, 0, 1, 8]));
  const rtp = changed(randomBytes(172), (m) => m.set([0x80, 0x6f]));
  const rtcp = changed(randomBytes(60), (m) => m.set([0x81, 0xc8, 0, 14]));
  const dns = Buffer.from('abcd01000001000000000000076578616d706c65036f72670000010001', 'hex');
  await t.silence(client, 'other protocols', quic, rtp, rtcp, dns, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from('SIP/2.0 200 OK\r\n\r\n'));
  for (let i = 0; i < 200; i += 1) client.send(randomBytes(1 + (i * 7) % 1_400));
  await t.silence(client, 'random bytes');
});

/** A connected UDP socket that keeps what comes. */
async function datagrams(t, port) {
  const socket = t.keep(createSocket('udp4'));
  socket.on('error', () => {});
  socket.connect(port, t.server.host);
  await once(socket, 'connect');
  const inbox = [];
  socket.on('message', (bytes) => inbox.push(bytes));
  const answer = (deadlineMs = 3_000) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), deadlineMs);
      socket.once('message', (bytes) => {
        clearTimeout(timer);
        resolve(bytes);
      });
    });
  return { socket, inbox, answer, send: (bytes) => new Promise((resolve) => socket.send(bytes, () => resolve())) };
}
const record = (type, body, epoch = 0) => {
  const head = Buffer.alloc(13);
  head[0] = type;
  head.writeUInt16BE(0xfefd, 1);
  head.writeUInt16BE(epoch, 3);
  head.writeUInt16BE(body.length, 11);
  return Buffer.concat([head, body]);
};

row(45, 'DTLS records other than a hello from an unknown source: silence', 'dtls', async (t) => {
  const { send, inbox, answer } = await datagrams(t, t.server.ports.dtls);
  for (const bytes of [
    record(23, randomBytes(64)), record(23, randomBytes(64), 1), record(21, Buffer.from([2, 40])), record(21, Buffer.from([1, 0])), record(20, Buffer.from([1])),
    record(22, Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), record(22, randomBytes(48), 1), record(22, Buffer.alloc(0)), randomBytes(13), record(24, randomBytes(20)),
  ]) await send(bytes);
  // The next one is answered, and nothing before it was.
  const first = answer();
  await send(clientHello({ version: kDtls12 }));
  assert.equal((await first)?.[13], 3, 'a HelloVerifyRequest to the real hello');
  assert.equal(inbox.length, 1);
});

row(46, 'a DTLS hello that claims to be a fragment of 2^24-1 bytes: silence', 'dtls', async (t) => {
  const { send, inbox, answer } = await datagrams(t, t.server.ports.dtls);
  const before = await residentKiB(t.server.admin.pid);
  for (let i = 0; i < 100; i += 1) await send(clientHello({ version: kDtls12, claim: 0xffffff }));
  const first = answer();
  await send(clientHello({ version: kDtls12 }));
  assert.equal((await first)?.[13], 3, 'a HelloVerifyRequest');
  for (const bytes of inbox) assert.ok(bytes[0] === 22 && bytes[13] === 3 && bytes.length < 80, 'nothing but small HelloVerifyRequests');
  assert.ok((await residentKiB(t.server.admin.pid)) - before < 4_096, 'no memory for what was claimed');
});
async function residentKiB(pid) {
  const { readFile } = await import('node:fs/promises');
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))[1]);
}

row(47, 'TLS: old versions, renegotiation, early data, ALPN of something else: refused', 'base', async (t) => {
  const alertOf = async (hello) => {
    const bytes = await streamEnd(await tcp(t, t.server.ports.tls), hello);
    assert.ok(bytes.length === 0 || bytes[0] === kAlert, `answered with record ${bytes[0]}`);
    return bytes[6];
  };
  for (const version of [kTls10, kTls11]) assert.equal(await alertOf(clientHello({ version })), kProtocolVersion);
  assert.ok([kProtocolVersion, undefined, 40].includes(await alertOf(clientHello({ version: kSsl3 }))), 'SSL 3');
  assert.equal(await alertOf(clientHello({ version: kTls12, alpn: ['h2'] })), kNoApplicationProtocol);

  const client = await secure(t, { maxVersion: 'TLSv1.2' });
  client.on('error', () => {});
  const renegotiated = await new Promise((resolve) => {
    const started = client.renegotiate({}, (error) => resolve(!error));
    if (started === false) resolve(false);
    client.once('close', () => resolve(false));
    setTimeout(() => resolve(false), 2_000).unref();
  });
  client.destroy();
  assert.equal(renegotiated, false, 'renegotiation');

  // A session ticket would have to allow early data for any to be accepted.
  const modern = await secure(t, { minVersion: 'TLSv1.3' });
  modern.write(binding());
  const session = await new Promise((resolve) => {
    modern.once('session', resolve);
    setTimeout(() => resolve(undefined), 1_000).unref();
  });
  modern.destroy();
  if (session) assert.ok(!/Max Early Data: [1-9]/.test(await describeSession(session)), 'early data is offered');
});
async function describeSession(session) {
  const { spawnSync } = await import('node:child_process');
  return spawnSync('openssl', ['sess_id', '-inform', 'DER', '-noout', '-text'], { input: session }).stdout?.toString() ?? '';
}

row(48, 'HTTP on the TURN ports: closed without a byte', 'base', async (t) => {
  const get = Buffer.from('GET / HTTP/1.1\r\nHost: turn.example.org\r\n\r\n');
  for (const bytes of [get, Buffer.from('POST /admin HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello'), Buffer.from('CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n')]) {
    assert.equal((await streamEnd(await tcp(t), bytes)).length, 0, 'over TCP');
    assert.equal((await streamEnd(await secure(t), bytes)).length, 0, 'over TLS');
  }
  const plain = await streamEnd(await tcp(t, t.server.ports.tls), get);
  assert.ok(plain.length === 0 || plain[0] === kAlert, 'without TLS on the TLS port');
});

const kSignature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const proxyHeader = (command, family, body) => {
  const head = Buffer.alloc(4);
  head[0] = 0x20 | command;
  head[1] = family;
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([kSignature, head, body]);
};
const kProxied = proxyHeader(1, 0x11, Buffer.from([192, 0, 2, 77, 127, 0, 0, 1, 0x30, 0x39, 0x0d, 0x96]));

row(49, 'a PROXY header where none is expected: closed', 'base', async (t) => {
  for (const header of [kProxied, Buffer.from('PROXY TCP4 192.0.2.77 127.0.0.1 12345 3478\r\n')]) {
    assert.equal((await streamEnd(await tcp(t), Buffer.concat([header, binding()]))).length, 0);
  }
});
row(49, 'a malformed PROXY header where one is expected: closed; a right one counts', 'proxy_protocol', async (t) => {
  const address = Buffer.from([192, 0, 2, 77, 127, 0, 0, 1, 0x30, 0x39, 0x0d, 0x96]);
  for (const bytes of [
    binding(), changed(kProxied, (m) => (m[3] ^= 1)), changed(kProxied, (m) => (m[12] = 0x11)), changed(kProxied, (m) => (m[12] = 0x2f)),
    proxyHeader(1, 0x11, address.subarray(0, 8)), proxyHeader(1, 0x21, address), Buffer.from('PROXY TCP4 192.0.2.77 127.0.0.1 12345 3478\r\n'),
  ]) {
    assert.equal((await streamEnd(await tcp(t, t.server.ports.proxied), Buffer.concat([bytes, binding()]))).length, 0);
  }
  const socket = await tcp(t, t.server.ports.proxied);
  socket.write(Buffer.concat([kProxied, binding()]));
  const [bytes] = await once(socket, 'data');
  assert.equal(decode(bytes).address('XorMappedAddress'), '192.0.2.77:12345');
  socket.destroy();
});
