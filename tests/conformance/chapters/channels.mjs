// Channels (RFC 8656 §12) and what their first byte is (RFC 7983).

import { randomBytes } from 'node:crypto';
import { check, fail, refused, succeeds } from '../assertion.mjs';
import {
  channelData, channelNumber, channelOf, channelPayload, encode, isChannelData, paddedChannelData, peerAddress, transactionId,
} from '../../support/stun.mjs';

const kChannel = 0x4123;
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** A datagram from the peer comes as ChannelData. */
async function channelDataArrives(peer, client, number, payload, what = 'a datagram from a bound peer') {
  await peer.send(payload, client.relayed);
  const got = await client.next(3_000).catch(() => fail(`${what}: nothing arrived`));
  check(isChannelData(got), `${what}: arrived as ${got.method} ${got.kind}`);
  check(channelOf(got) === number, `${what}: on channel 0x${channelOf(got).toString(16)}`);
  check(channelPayload(got).equals(Buffer.from(payload)), `${what}: other bytes arrived`);
  return got;
}

async function bound(t, options = {}) {
  const client = await t.allocation(options);
  const peer = await t.peer();
  succeeds(await client.bind(kChannel, peer.endpoint), 'ChannelBind');
  return { client, peer };
}

export const chapter = [
  {
    number: 96, section: 'RFC 8656 §12', title: 'a channel outside 0x4000–0x4FFF: 400',
    async run(t) {
      const client = await t.allocation();
      const peer = `${t.peerHost()}:9000`;
      for (const number of [0x0000, 0x3fff, 0x5000, 0x7fff, 0x8000, 0xffff]) refused(await client.bind(number, peer), 400, `channel 0x${number.toString(16)}`);
      succeeds(await client.bind(0x4000, peer), 'channel 0x4000');
      succeeds(await client.bind(0x4fff, `${t.peerHost()}:9001`), 'channel 0x4FFF');
    },
  },
  {
    number: 97, section: 'RFC 8656 §12.2', title: 'no CHANNEL-NUMBER or no XOR-PEER-ADDRESS: 400',
    async run(t) {
      const client = await t.allocation();
      refused(await client.request('ChannelBind', [peerAddress(`${t.peerHost()}:9000`)]), 400, 'without CHANNEL-NUMBER');
      refused(await client.request('ChannelBind', [channelNumber(kChannel)]), 400, 'without XOR-PEER-ADDRESS');
    },
  },
  {
    number: 98, section: 'RFC 8656 §12.2', title: 'a channel of another peer, a peer of another channel: 400',
    async run(t) {
      const { client, peer } = await bound(t);
      refused(await client.bind(kChannel, `${t.peerHost()}:9`.replace(/:9$/, `:${peer.port === 9_000 ? 9_001 : 9_000}`)), 400, 'the channel for another peer');
      refused(await client.bind(kChannel + 1, peer.endpoint), 400, 'the peer on another channel');
      await channelDataArrives(peer, client, kChannel, 'as before');
    },
  },
  {
    number: 99, section: 'RFC 8656 §12', title: 'the same pair again: success, 600 s from then',
    async run(t) {
      const { client, peer } = await bound(t);
      succeeds(await client.bind(kChannel, peer.endpoint), 'ChannelBind again');
      await channelDataArrives(peer, client, kChannel, 'as before');
    },
    core: ['Channel.LastsTenMinutes', 'Channel.IsRestartedByBindingItAgain'],
    async slow(t) {
      const { client, peer } = await bound(t);
      const began = performance.now();
      const until = async (second) => {
        // The channel's permission and the allocation need their own refreshes.
        for (let now = (performance.now() - began) / 1000; now < second; now = (performance.now() - began) / 1000) {
          await seconds(Math.min(100, second - now));
          succeeds(await client.refresh(1800), 'Refresh');
          succeeds(await client.permit(peer.endpoint), 'CreatePermission');
        }
      };
      await until(60);
      succeeds(await client.bind(kChannel, peer.endpoint), 'ChannelBind again');
      await until(640);
      await channelDataArrives(peer, client, kChannel, '640 s', '640 s after the first ChannelBind, 580 s after the second');
      await until(663);
      await t.dataArrives(peer, client, Buffer.from('663 s'), '603 s after the second ChannelBind');
    },
  },
  {
    number: 100, section: 'RFC 8656 §12', title: 'an expired channel: Data indications, and the number is free for another peer',
    core: ['Channel.LastsTenMinutes', 'Channel.ForgetsAnExpiredNumberOfThePeer'],
    async slow(t) {
      const { client, peer } = await bound(t);
      const other = await t.peer(1);
      const began = performance.now();
      for (let now = 0; now < 590; now = (performance.now() - began) / 1000) {
        await seconds(Math.min(100, Math.max(1, 590 - now)));
        succeeds(await client.refresh(1800), 'Refresh');
        succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      }
      refused(await client.bind(kChannel, other.endpoint), 400, 'the number for another peer after 590 s');
      await channelDataArrives(peer, client, kChannel, '590 s', '590 s after ChannelBind');
      await seconds(604 - (performance.now() - began) / 1000);
      await t.dataArrives(peer, client, Buffer.from('604 s'), '604 s after ChannelBind');
      // Some keep a number for a while longer, as clients have to (§12): at most five minutes.
      const answer = await client.bind(kChannel, other.endpoint);
      if (answer.kind === 'success') return;
      refused(answer, 400, 'the number for another peer after 604 s');
      t.note('the number is not free at once');
    },
  },
  {
    number: 101, section: 'RFC 8656 §12.6', title: 'ChannelData on a channel that is not bound: dropped',
    async run(t) {
      const { client, peer } = await bound(t);
      client.inbox.length = 0;
      client.send(channelData(kChannel + 1, 'on no channel'));
      client.send(channelData(kChannel, 'on its channel'));
      await t.arrives(peer, 'on its channel', 'ChannelData');
      await t.barrier(client);
      check((await peer.arrived()).length === 0 && client.inbox.length === 0, 'it went somewhere');
    },
  },
  {
    number: 102, section: 'RFC 8656 §12.4', title: 'over UDP: a length beyond the datagram is dropped, padding behind is tolerated',
    async run(t) {
      const { client, peer } = await bound(t);
      client.send(channelData(kChannel, 'short', 6));
      client.send(channelData(kChannel, 'short', 0xffff));
      client.send(Buffer.concat([channelData(kChannel, 'padded'), Buffer.alloc(2)]));
      await t.arrives(peer, 'padded', 'ChannelData with padding');
      client.send(channelData(kChannel, ''));
      await t.arrives(peer, '', 'ChannelData of no bytes');
      check((await peer.arrived()).length === 0, 'ChannelData that is cut off arrived');
    },
  },
  {
    number: 103, section: 'RFC 8656 §12.5', title: 'over TCP and TLS: ChannelData is padded both ways, STUN and ChannelData share a segment',
    needs: ['tcp'],
    async run(t) {
      for (const transport of t.server.ports.tls ? ['tcp', 'tls'] : ['tcp']) {
        const { client, peer } = await bound(t, { transport });
        const binding = encode('request', 'Binding', transactionId());
        client.send(Buffer.concat([paddedChannelData(kChannel, 'one'), binding, paddedChannelData(kChannel, 'two22'), paddedChannelData(kChannel, 'four')]));
        for (const payload of ['one', 'two22', 'four']) await t.arrives(peer, payload, `ChannelData over ${transport}`);
        const answer = await client.next(3_000).catch(() => fail(`Binding between ChannelData over ${transport} was not answered`));
        check(answer.id?.equals(binding.subarray(8, 20)), `over ${transport}: not the answer to Binding`);
        // A client that reads by length and padding stays in step only if the server pads.
        for (const payload of ['1', '22', '333', '4444', '55555']) await channelDataArrives(peer, client, kChannel, payload, `ChannelData over ${transport}`);
        succeeds(await client.bare('Binding'), `Binding over ${transport} afterwards`);
        succeeds(await client.refresh(0), 'Refresh');
      }
    },
  },
  {
    number: 104, section: 'RFC 8656 §12.7', title: 'from a bound peer ChannelData, from another permitted one a Data indication',
    async run(t) {
      const { client, peer } = await bound(t);
      const other = await t.peer(1);
      succeeds(await client.permit(other.endpoint), 'CreatePermission');
      await channelDataArrives(peer, client, kChannel, 'from the bound one');
      await t.dataArrives(other, client, Buffer.from('from the other one'));
      client.send(channelData(kChannel, 'and back'));
      await t.arrives(peer, 'and back', 'ChannelData');
    },
  },
  {
    number: 105, section: 'RFC 8656 §12; RFC 7983 §7', title: 'first bytes: 64–79 are channels; 20–63 are DTLS or dropped; the rest is dropped',
    async run(t) {
      const { client, peer } = await bound(t);
      client.inbox.length = 0;
      for (const first of [4, 10, 19, 20, 23, 40, 63, 80, 100, 127, 128, 144, 191, 200, 255]) {
        const bytes = randomBytes(40);
        bytes[0] = first;
        bytes.writeUInt16BE(36, 2); // a length that would do for ChannelData
        client.send(bytes);
      }
      client.send(channelData(kChannel, 'the real one'));
      await t.arrives(peer, 'the real one', 'ChannelData');
      await t.barrier(client);
      check((await peer.arrived()).length === 0, 'one of them arrived at the peer');
      const answer = client.inbox.find((one) => !Buffer.isBuffer(one) || one[0] < 20 || one[0] > 63);
      check(!answer, 'one of them was answered');
    },
  },
];
