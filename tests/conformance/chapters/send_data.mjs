// Send and Data indications, ICMP (RFC 8656 §11).

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { check, fail, outcome, succeeds } from '../assertion.mjs';
import { HeaderClient } from '../header_client.mjs';
import { channelData, channelPayload, data, dontFragment, encode, isChannelData, joinEndpoint, peerAddress, transactionId } from '../../support/stun.mjs';

const kIcmpUnreachable = 3, kPortUnreachable = 3;
// The largest UDP payload, less STUN's header, XOR-PEER-ADDRESS of IPv4 and the head of DATA.
const kLargestSend = 65_507 - 20 - 12 - 4;

/** A port of this host where nobody listens. */
async function closedPort(host) {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

export const chapter = [
  {
    number: 89, section: 'RFC 8656 §11.2', title: 'Send without DATA, peer or permission: dropped, nobody is told',
    async run(t) {
      const client = await t.allocation();
      const [peer, stranger] = [await t.peer(0), await t.peer(1)];
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      client.inbox.length = 0;
      client.send(encode('indication', 'Send', transactionId(), [peerAddress(peer.endpoint)]));
      client.send(encode('indication', 'Send', transactionId(), [data('without a peer')]));
      client.sendTo(stranger.endpoint, Buffer.from('without a permission'));
      await t.sendArrives(client, peer);
      check((await peer.arrived()).length === 0, 'something else arrived at the peer');
      check((await stranger.arrived()).length === 0, 'a Send passed without a permission');
      await t.barrier(client);
      check(client.inbox.length === 0, `answered with ${outcome(client.inbox[0])}`);
    },
  },
  {
    number: 90, section: 'RFC 8656 §11.2', title: 'DATA of no bytes: an empty datagram',
    async run(t) {
      const client = await t.allocation();
      const peer = await t.peer();
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      await t.sendArrives(client, peer, Buffer.alloc(0), 'an empty Send');
      await t.dataArrives(peer, client, Buffer.alloc(0), 'an empty datagram');
    },
  },
  {
    number: 91, section: 'RFC 8656 §11.2, §14', title: 'Send with DONT-FRAGMENT: DF is set where it is supported, else dropped',
    async run(t) {
      const client = await t.allocation();
      const [peer, probe] = [await t.peer(), await t.client()];
      const supported = (await probe.allocate(dontFragment())).kind === 'success';
      if (supported) succeeds(await probe.refresh(0), 'Refresh');
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      client.sendTo(peer.endpoint, Buffer.from('whole'), dontFragment());
      if (supported) {
        await t.arrives(peer, 'whole', 'Send with DONT-FRAGMENT');
        const observer = HeaderClient.available ? await HeaderClient.peer(t, peer.host) : undefined;
        if (!observer?.raw) return t.note('seeing the bit needs python3 and root');
        client.sendTo(observer.endpoint, Buffer.from('with the bit'), dontFragment());
        client.sendTo(observer.endpoint, Buffer.from('without it'));
        check((await observer.dontFragment('with the bit')) === true, 'DF is not set');
        check((await observer.dontFragment('without it')) === false, 'DF is set on a Send without DONT-FRAGMENT');
      } else {
        await t.sendArrives(client, peer);
        check((await peer.arrived()).length === 0, 'it is not supported, but the datagram was sent');
        t.note('not supported');
      }
    },
    core: ['IpHeaderTest.DontFragmentIsSetWhenAskedOnly'],
  },
  {
    number: 92, section: 'RFC 8656 §11.3', title: 'a Data indication has XOR-PEER-ADDRESS and DATA, no integrity, and an unpredictable id',
    async run(t) {
      const client = await t.allocation();
      const peer = await t.peer();
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      const ids = [];
      for (let i = 0; i < 16; i += 1) {
        const got = await t.dataArrives(peer, client, Buffer.from(`datagram ${i}`));
        check(got.address('XorPeerAddress') === peer.endpoint, `XOR-PEER-ADDRESS ${got.address('XorPeerAddress')}, not ${peer.endpoint}`);
        check(!got.has('MessageIntegrity'), 'it is signed');
        ids.push(got.id);
      }
      check(new Set(ids.map(String)).size === ids.length, 'a transaction id came twice');
      // 96 random bits: 16 draws that agree anywhere in four bytes are no chance.
      for (let at = 0; at <= 8; at += 4) {
        const words = ids.map((id) => id.readUInt32BE(at));
        const steps = words.slice(1).map((word, i) => (word - words[i]) >>> 0);
        check(new Set(words).size > 8, `bytes ${at} to ${at + 3} of the ids repeat`);
        check(steps.filter((step) => step < 256 || step > 0xffffff00).length < 4, `bytes ${at} to ${at + 3} of the ids count up`);
      }
    },
  },
  {
    number: 93, section: 'RFC 8656 §11', title: 'payloads up to the largest datagram arrive whole or not at all',
    async run(t) {
      const client = await t.allocation();
      const peer = await t.peer();
      succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
      let largest = 0;
      for (const size of [1_200, 1_472, 9_000, 32_000, kLargestSend]) {
        const payload = Buffer.alloc(size, size % 251);
        const deadlineMs = size <= 1_472 ? 3_000 : 500;
        const up = [];
        for (const send of [() => client.sendTo(peer.endpoint, payload), () => client.send(channelData(0x4000, payload))]) {
          send();
          const got = await peer.next(deadlineMs).catch(() => undefined);
          if (got) up.push(got);
        }
        for (const { bytes } of up) check(bytes.equals(payload), `${bytes.length} bytes arrived of ${size} sent`);
        await peer.send(payload, client.relayed);
        const down = await client.next(deadlineMs).catch(() => undefined);
        if (down) {
          const got = isChannelData(down) ? channelPayload(down) : down.get('Data');
          check(got?.equals(payload), `${got?.length} bytes came back of ${size}`);
        }
        if (up.length === 2 && down) largest = size;
        else check(size > 1_472, `${size} bytes: ${up.length} of 2 arrived at the peer${down ? '' : ', none came back'}`);
      }
      t.note(`up to ${largest} bytes`);
    },
  },
  {
    number: 94, section: 'RFC 8656 §11.5', title: "ICMP for a permitted peer: a Data indication with ICMP, without DATA",
    async run(t) {
      const client = await t.allocation();
      const host = t.peerHost();
      succeeds(await client.permit(`${host}:9`), 'CreatePermission');
      const port = await closedPort(host);
      client.sendTo(joinEndpoint(host, port), Buffer.from('nobody is there'));
      const got = await client.next(2_000).catch(() => fail('no indication for a closed port'));
      check(got.method === 'Data' && got.kind === 'indication', `not a Data indication: ${outcome(got)}`);
      check(!got.has('Data'), 'it has DATA');
      check(got.address('XorPeerAddress') === joinEndpoint(host, port), `XOR-PEER-ADDRESS ${got.address('XorPeerAddress')}`);
      const icmp = got.get('Icmp');
      check(icmp?.length === 8, `ICMP has ${icmp?.length ?? 'no'} bytes`);
      const { type, code } = icmpOf(icmp);
      check(type === kIcmpUnreachable && code === kPortUnreachable, `type ${type}, code ${code}`);
    },
  },
  {
    number: 95, section: 'RFC 8656 §11.5', title: 'ICMP for a peer without a permission: nothing',
    async run(t) {
      const client = await t.allocation();
      const [host, peer] = [t.peerHost(), await t.peer(1)];
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      client.sendTo(joinEndpoint(host, await closedPort(host)), Buffer.from('nobody is there'));
      await t.sendArrives(client, peer);
      await t.dataArrives(peer, client);
      check(client.inbox.length === 0, 'something came');
    },
  },
];

// The figure of §18.13: 16 bits reserved, 7 bits type, 9 bits code, 32 bits error data. Implementations that write a
// byte each are one bit apart from it; either reading is taken when it is 3/3.
function icmpOf(value) {
  const bytes = { type: value[2], code: value[3] };
  if (bytes.type === kIcmpUnreachable && bytes.code === kPortUnreachable) return bytes;
  const word = value.readUInt16BE(2);
  return { type: word >> 9, code: word & 0x1ff };
}
