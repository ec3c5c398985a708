// STUN itself: framing, unknown attributes, retransmission, FINGERPRINT, sizes (RFC 8489 §5 to §7, §14).

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { check, fail, isLoopback, outcome, refused, succeeds } from '../assertion.mjs';
import {
  appended, attribute, data, decode, encode, fingerprinted, joinEndpoint, kSha256, lifetime, longTermKey, peerAddress,
  requestedTransport, restPassword, text, transactionId, types, u32, userhash,
} from '../../support/stun.mjs';
import * as vectors from '../vectors.mjs';

const binding = (...attributes) => encode('request', 'Binding', transactionId(), attributes);
const kUnknownRequired = 0x7f01, kUnknownRequired2 = 0x7f02, kUnknownOptional = 0xff01;

function changed(message, change) {
  const copy = Buffer.from(message);
  change(copy);
  return copy;
}

export const chapter = [
  {
    number: 1, section: 'RFC 8489 §5', title: 'first two bits other than 00, no ChannelData: dropped',
    async run(t) {
      const client = await t.client();
      for (const bits of [0x80, 0xc0]) {
        await t.silence(client, `first byte 0x${bits.toString(16)}`, changed(binding(), (m) => (m[0] |= bits)));
      }
    },
  },
  {
    number: 2, section: 'RFC 8489 §5', title: 'another magic cookie (RFC 3489): dropped',
    async run(t) {
      const client = await t.client();
      await t.silence(client, 'a wrong magic cookie', changed(binding(), (m) => m.writeUInt32BE(0x2112a443, 4)));
      await t.silence(client, 'an RFC 3489 request', changed(binding(), (m) => m.fill(0x5a, 4, 8)));
    },
  },
  {
    number: 3, section: 'RFC 8489 §5', title: 'length no multiple of 4, or not that of the datagram: dropped',
    async run(t) {
      const client = await t.client();
      await t.silence(client, 'a length that is no multiple of 4', changed(Buffer.concat([binding(), Buffer.alloc(3)]), (m) => m.writeUInt16BE(3, 2)));
      await t.silence(client, 'a length beyond the datagram', changed(binding(), (m) => m.writeUInt16BE(8, 2)));
      await t.silence(client, 'bytes behind the message', Buffer.concat([binding(), Buffer.alloc(4)]));
      await t.silence(client, 'half a header', binding().subarray(0, 12));
    },
  },
  {
    number: 4, section: 'RFC 8489 §5', title: 'an attribute that runs past the end: dropped or 400',
    async run(t) {
      const client = await t.client();
      for (const claimed of [5, 100, 0xffff]) {
        const cut = encode('request', 'Binding', transactionId(), [attribute(types.Software, Buffer.alloc(4), claimed)]);
        client.inbox.length = 0;
        client.send(cut);
        await t.barrier(client);
        for (const answer of client.inbox) refused(answer, 400, `an attribute of ${claimed} bytes where 4 are`);
      }
    },
  },
  {
    number: 5, section: 'RFC 8489 §6.3.1', title: 'unknown comprehension-required attributes: 420 that lists each',
    async run(t) {
      const client = await t.client();
      const answer = refused(await client.bare('Binding', [u32(kUnknownRequired, 1), u32(kUnknownRequired2, 2), u32(kUnknownRequired, 3)]), 420, 'two unknown attributes');
      const listed = answer.unknown();
      check(new Set(listed).size === 2 && listed.includes(kUnknownRequired) && listed.includes(kUnknownRequired2), `UNKNOWN-ATTRIBUTES lists ${listed.map((one) => one.toString(16))}`);
      if (listed.length !== 2) t.note('lists a type twice');
    },
  },
  {
    number: 6, section: 'RFC 8489 §6.3.2', title: 'the same in an indication: discarded without a word',
    async run(t) {
      const client = await t.allocation();
      const peer = await t.peer();
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      client.inbox.length = 0;
      client.send(encode('indication', 'Send', transactionId(), [peerAddress(peer.endpoint), data('with an unknown attribute'), u32(kUnknownRequired, 1)]));
      await t.sendArrives(client, peer, Buffer.from('a good one'), 'a Send indication');
      await t.barrier(client);
      check(client.inbox.length === 0, 'the indication was answered');
    },
  },
  {
    number: 7, section: 'RFC 8489 §6.3.1', title: 'unknown comprehension-optional attributes: ignored',
    async run(t) {
      const client = await t.client();
      succeeds(await client.bare('Binding', [u32(kUnknownOptional, 1)]), 'Binding with an unknown optional attribute');
    },
  },
  {
    number: 8, section: 'RFC 8489 §6.3', title: 'an unknown method: never success',
    async run(t) {
      const client = await t.client();
      for (const method of [0x2ff, 0x00f]) {
        const answer = await t.perhaps(await t.client({ retryMs: [300] }), encode('request', method, transactionId()));
        check(answer?.kind !== 'success', `method 0x${method.toString(16)}: success`);
        if (!answer) t.note('no answer');
      }
      await t.barrier(client);
    },
  },
  {
    number: 9, section: 'RFC 8489 §6.3.1.1', title: 'Binding tells the source address in XOR-MAPPED-ADDRESS, both families',
    async run(t) {
      const client = await t.client();
      const seen = succeeds(await client.bare('Binding'), 'Binding').address('XorMappedAddress');
      check(seen === client.address, `told ${seen}, not ${client.address}`);
      if (!t.server.host6) return t.note('IPv4 only');
      const six = await t.client({ family: 6 });
      const seen6 = succeeds(await six.bare('Binding'), 'Binding over IPv6').address('XorMappedAddress');
      check(seen6 === six.address, `told ${seen6}, not ${six.address}`);
    },
  },
  {
    number: 10, section: 'RFC 8489 §6.3.1.2', title: 'the answer leaves from the address that was asked',
    async run(t) {
      // An unconnected socket hears everybody. On loopback every 127.x.y.z reaches a wildcard listener.
      const { host, ports } = t.server;
      const socket = t.keep(createSocket('udp4'));
      socket.bind(0, isLoopback(host) ? '127.0.0.1' : undefined);
      await once(socket, 'listening');
      const ask = async (address) => {
        const message = binding();
        const heard = new Promise((resolve) => {
          const timer = setTimeout(() => resolve(undefined), address === host ? 3_000 : 500);
          const look = (bytes, from) => {
            if (!decode(bytes)?.id.equals(message.subarray(8, 20))) return;
            clearTimeout(timer);
            socket.off('message', look);
            resolve(joinEndpoint(from.address, from.port));
          };
          socket.on('message', look);
        });
        socket.send(message, ports.udp, address);
        return heard;
      };
      const from = await ask(host);
      check(from === joinEndpoint(host, ports.udp), `asked ${host}:${ports.udp}, answered by ${from ?? 'nobody'}`);
      if (!isLoopback(host)) return;
      const other = await ask('127.7.7.7');
      check(!other || other === `127.7.7.7:${ports.udp}`, `asked 127.7.7.7, answered by ${other}`);
      if (!other) t.note('not on a wildcard address');
    },
  },
  {
    number: 11, section: 'RFC 8489 §6.3.2', title: 'a Binding indication: no answer',
    async run(t) {
      const client = await t.client();
      await t.silence(client, 'a Binding indication', encode('indication', 'Binding', transactionId()));
    },
  },
  {
    number: 12, section: 'RFC 8489 §6.3.1', title: 'a retransmitted request has the same outcome',
    async run(t) {
      const client = await t.client();
      const message = binding();
      const first = succeeds(await client.exchange(message), 'Binding');
      const again = succeeds(await client.exchange(message), 'the same Binding');
      check(first.address('XorMappedAddress') === again.address('XorMappedAddress'), 'another address the second time');
      await client.challenge();
      const allocate = client.sign('Allocate', [requestedTransport()]);
      const relayed = succeeds(await client.exchange(allocate), 'Allocate').address('XorRelayedAddress');
      const relayedAgain = succeeds(await client.exchange(allocate), 'the same Allocate').address('XorRelayedAddress');
      check(relayed === relayedAgain, `relayed address ${relayed}, then ${relayedAgain}`);
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 13, section: 'RFC 8489 §6.2.2', title: 'over TCP: several requests in a segment, one in single bytes',
    needs: ['tcp'],
    async run(t) {
      const client = await t.client({ transport: 'tcp' });
      const several = [binding(), binding(), binding()];
      client.send(Buffer.concat(several));
      for (let i = 0; i < several.length; i += 1) {
        const answer = await client.next(3_000).catch(() => fail(`${i} of ${several.length} requests in one segment were answered`));
        check(several.some((one) => one.subarray(8, 20).equals(answer.id)), 'an answer to none of them');
      }
      const split = binding();
      for (const byte of split) await new Promise((resolve) => client.way.socket.write(Buffer.from([byte]), resolve));
      const answer = await client.next(3_000).catch(() => fail('a request in single bytes was not answered'));
      check(answer.id.equals(split.subarray(8, 20)), 'an answer to something else');
    },
  },
  {
    number: 14, section: 'RFC 8489 §6.2.2', title: 'over TCP: the connection stays open after an answer',
    needs: ['tcp'], patient: true,
    async run(t) {
      const client = await t.client({ transport: 'tcp' });
      succeeds(await client.bare('Binding'), 'Binding');
      let closed = false;
      void client.closed.then(() => (closed = true));
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      check(!closed, 'the server closed it');
      succeeds(await client.bare('Binding'), 'Binding two seconds later');
    },
  },
  {
    number: 15, section: 'RFC 8489 §7', title: 'FINGERPRINT that is wrong or not the last attribute: dropped',
    async run(t) {
      const client = await t.client();
      await t.silence(client, 'a wrong FINGERPRINT', changed(fingerprinted(binding()), (m) => (m[m.length - 1] ^= 1)));
      client.inbox.length = 0;
      client.send(appended(fingerprinted(binding()), text(types.Software, 'late')));
      await t.barrier(client);
      // "Ignored" is an answer too, as long as it is none that believes in it.
      for (const answer of client.inbox) check(!answer.fingerprinted || answer.kind === 'success', `FINGERPRINT that is not the last: ${outcome(answer)}`);
    },
  },
  {
    number: 16, section: 'RFC 8489 §7', title: 'a request with FINGERPRINT: a right one in the answer',
    async run(t) {
      const client = await t.client();
      const answer = succeeds(await client.exchange(fingerprinted(binding())), 'Binding');
      check(answer.has('Fingerprint'), 'no FINGERPRINT in the answer');
      check(answer.fingerprinted, 'a wrong FINGERPRINT in the answer');
    },
  },
  {
    number: 17, section: 'RFC 8489 §14.5', title: 'attributes behind MESSAGE-INTEGRITY: ignored',
    async run(t) {
      const client = await t.allocation();
      const answer = succeeds(await client.request('Refresh', [], { behind: [lifetime(0)] }), 'Refresh with LIFETIME 0 behind the integrity');
      check(answer.number('Lifetime') > 0, 'LIFETIME behind the integrity was obeyed');
      succeeds(await client.request('Refresh', [], { behind: [u32(kUnknownRequired, 1)] }), 'an unknown attribute behind the integrity');
    },
  },
  {
    number: 18, section: 'RFC 8489 §14', title: 'of an attribute that is there twice, the first counts',
    async run(t) {
      const client = await t.allocation();
      const [first, second] = [await t.peer(0), await t.peer(1)];
      succeeds(await client.permit(first.endpoint), 'CreatePermission');
      succeeds(await client.permit(second.endpoint), 'CreatePermission');
      client.send(encode('indication', 'Send', transactionId(), [peerAddress(first.endpoint), peerAddress(second.endpoint), data('one'), data('other')]));
      await t.arrives(first, 'one', 'Send to two peers');
      check((await second.arrived()).length === 0, 'the second XOR-PEER-ADDRESS of a Send was obeyed');
      const [short, long] = [await client.refresh(700), await client.refresh(1800)].map((one) => one.number('Lifetime'));
      if (short !== long) check((await client.request('Refresh', [lifetime(700), lifetime(1800)])).number('Lifetime') === short, 'the second LIFETIME was obeyed');
    },
  },
  {
    number: 19, section: 'RFC 8489 §14.8', title: 'ERROR-CODE is well formed; padding may have any bytes',
    async run(t) {
      const client = await t.client();
      const answers = [
        await client.challenge(),
        await client.bare('Binding', [u32(kUnknownRequired, 1)]),
        await client.request('Refresh', []),
        await client.request('Allocate', []),
        await client.exchange(client.sign('Allocate', [requestedTransport()], { nonce: 'nonsense' })),
      ];
      for (const answer of answers) {
        check(answer.kind === 'error', `a request that is wrong: ${outcome(answer)}`);
        const value = answer.get('ErrorCode');
        check(value?.length >= 4, 'ERROR-CODE is missing or short');
        check(value[2] >= 3 && value[2] <= 6 && value[3] <= 99, `class ${value[2]}, number ${value[3]}`);
        const reason = value.subarray(4);
        const said = new TextDecoder('utf-8', { fatal: true });
        try {
          check([...said.decode(reason)].length <= 127, `a reason of ${reason.length} bytes`);
        } catch {
          fail('the reason is no UTF-8');
        }
      }
      const odd = changed(binding(text(types.Software, 'x')), (m) => m.fill(0xff, m.length - 3));
      succeeds(await client.exchange(odd), 'padding of 0xFF bytes');
    },
  },
  {
    number: 20, section: 'RFC 8489 §14.3', title: 'USERNAME of 509 bytes and more: refused, never cut to a known one',
    async run(t) {
      const long = Buffer.alloc(513, 'x');
      const { secret } = t.server;
      if (secret) Buffer.from(`${Math.floor(Date.now() / 1000) + 600}:`).copy(long);
      // With TURN REST the first 508 bytes are a user; its password is what a cut name would have.
      for (const size of [509, 513]) {
        const client = await t.client();
        await client.challenge();
        const known = secret ? long.subarray(0, 508) : Buffer.from(client.credential.username);
        const password = secret ? restPassword(secret, known.toString()) : client.credential.password;
        const key = longTermKey(known.toString(), client.realm, password);
        const answer = await t.perhaps(client, client.sign('Allocate', [requestedTransport()], { username: long.subarray(0, size), key }));
        refused(answer, [400, 401], `a name of ${size} bytes`);
      }
    },
  },
  {
    number: 21, section: 'RFC 8489 §14.9, §14.10', title: 'REALM and NONCE of at most 127 characters; a nonce of 763 bytes is tolerated',
    async run(t) {
      const client = await t.client();
      const challenge = await client.challenge();
      for (const name of ['Realm', 'Nonce']) {
        const said = challenge.text(name);
        check(said !== undefined && said.length > 0, `no ${name.toUpperCase()} in the 401`);
        check([...said].length <= 127, `${name.toUpperCase()} has ${[...said].length} characters`);
      }
      const garbage = Buffer.alloc(763, 'n');
      refused(await t.perhaps(client, client.sign('Allocate', [requestedTransport()], { nonce: garbage })), [400, 401, 438], 'a nonce of 763 bytes');
      await t.barrier(client);
    },
  },
  {
    number: 22, section: 'RFC 8489 §14.14', title: 'SOFTWARE is optional and well formed; strangers better get none',
    async run(t) {
      const client = await t.client();
      for (const [what, answer] of [['Binding', await client.bare('Binding')], ['401', await client.challenge()]]) {
        const software = answer.get('Software');
        if (!software) continue;
        check(software.length <= 763 && [...software.toString()].length <= 127, `SOFTWARE of ${software.length} bytes in ${what}`);
        t.note(`${software.length + 4} bytes of SOFTWARE in ${what}`);
      }
    },
  },
  {
    number: 23, section: 'RFC 8489 §6.3.1', title: 'answers to strangers are small: Binding 32 bytes (IPv6 44), 401 at most three times the request',
    async run(t) {
      const client = await t.client();
      const size = (await client.bare('Binding')).bytes.length;
      check(size <= 32, `Binding is answered with ${size} bytes for 20: factor ${(size / 20).toFixed(1)}`);
      const printed = (await client.exchange(fingerprinted(binding()))).bytes.length;
      check(printed <= 40, `Binding with FINGERPRINT is answered with ${printed} bytes`);
      if (t.server.host6) {
        const six = (await (await t.client({ family: 6 })).bare('Binding')).bytes.length;
        check(six <= 44, `Binding over IPv6 is answered with ${six} bytes`);
      }
      const challenge = await client.challenge();
      const factor = challenge.bytes.length / 28;
      // The bound counts for short realms; what a long one costs is the operator's choice.
      check(factor <= 3 || challenge.get('Realm').length > 8, `the 401 has ${challenge.bytes.length} bytes for 28: factor ${factor.toFixed(1)}`);
      t.note(`401: ${challenge.bytes.length} bytes for 28`);
    },
  },
  {
    number: 24, section: 'RFC 5769; RFC 8489 §B.1', title: 'the messages that the RFCs print are understood',
    async run(t) {
      // First the ruler: this codec.
      const key = Buffer.from(vectors.shortTermPassword);
      for (const [name, bytes] of [['request', vectors.request], ['IPv4 response', vectors.ipv4Response], ['IPv6 response', vectors.ipv6Response]]) {
        const message = decode(bytes);
        if (!message.provenBy(key) || !message.fingerprinted) throw new Error(`the codec misreads the sample ${name}`);
      }
      if (decode(vectors.ipv4Response).address('XorMappedAddress') !== '192.0.2.1:32853') throw new Error('the codec misreads XOR-MAPPED-ADDRESS');
      const { username, realm, password } = vectors.longTerm;
      if (!decode(vectors.longTermRequest).provenBy(longTermKey(username, realm, password))) throw new Error('the codec misreads the long-term request');
      const strong = decode(vectors.sha256Request);
      if (!strong.provenBySha256(longTermKey(username, realm, password, kSha256)) || !strong.get('Userhash').equals(userhash(username, realm))) {
        throw new Error('the codec misreads the SHA-256 request');
      }
      // Then the server: it knows neither user, but it can tell a right FINGERPRINT from a wrong one.
      const client = await t.client();
      check(await t.perhaps(client, vectors.request), 'the sample request of RFC 5769 §2.1 is not answered');
      await t.silence(client, 'the same with a bit flipped', changed(vectors.request, (m) => (m[30] ^= 1)));
      check(await t.perhaps(client, vectors.longTermRequest), 'the sample request of RFC 5769 §2.4 is not answered');
    },
  },
];
