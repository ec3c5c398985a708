// What of a packet goes along, its order, and which addresses are which (RFC 8656 §15; RFC 6156 §9.1).

import { check, fail, notApplicable, refused, succeeds } from '../assertion.mjs';
import { channelData, channelPayload, isChannelData, requestedFamily } from '../../support/stun.mjs';
import { HeaderClient } from '../header_client.mjs';

const kEfEct0 = (46 << 2) | 2;
const kIPv6 = 2;

export const chapter = [
  {
    number: 106, section: 'RFC 8656 §15', title: 'TTL goes down by one or is the default; DSCP and ECN are copied',
    async run(t) {
      if (!HeaderClient.available) notApplicable('reading IP headers needs python3 here');
      const client = await HeaderClient.open(t);
      const peer = await HeaderClient.peer(t, t.peerHost());
      const relayed = await client.allocate();
      await client.bind(0x4000, peer.endpoint);
      await client.socket.send(channelData(0x4000, 'up'), client.server, { ttl: 40, tos: kEfEct0 });
      const up = await peer.next();
      check(up.ttl === 39 || up.ttl === 64, `TTL 40 from the client is ${up.ttl} at the peer`);
      check(up.tos >> 2 === kEfEct0 >> 2, `DSCP 46 from the client is ${up.tos >> 2} at the peer`);
      check((up.tos & 3) === (kEfEct0 & 3), `ECN ${kEfEct0 & 3} from the client is ${up.tos & 3} at the peer`);
      await peer.send('down', relayed, { ttl: 30, tos: kEfEct0 });
      const down = await client.socket.next();
      check(down.ttl === 29 || down.ttl === 64, `TTL 30 from the peer is ${down.ttl} at the client`);
      check(down.tos === kEfEct0, `traffic class ${kEfEct0} from the peer is ${down.tos} at the client`);
      // With nothing left of its time to live a datagram goes no further, or is sent anew.
      await client.socket.send(channelData(0x4000, 'at its end'), client.server, { ttl: 1, tos: 0 });
      await client.socket.send(channelData(0x4000, 'with two left'), client.server, { ttl: 2, tos: 0 });
      const next = await peer.next();
      if (next.bytes.toString() === 'at its end') check(next.ttl >= 1, 'TTL 0 was sent');
      t.note(up.ttl === 39 ? 'TTL goes down' : 'TTL is the default');
      await client.end();
    },
  },
  {
    number: 107, section: 'RFC 8656 §15', title: 'checksums are right, and a flow keeps its order',
    async run(t) {
      const kCount = 1_000, kBurst = 50;
      const client = await t.allocation();
      const peer = await t.peer();
      succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
      // A wrong checksum would not get past the kernel.
      for (let sent = 0; sent < kCount; ) {
        for (let i = 0; i < kBurst; i += 1, sent += 1) client.send(channelData(0x4000, `up ${sent}`));
        await t.barrier(client);
      }
      const up = [];
      while (up.length < kCount) {
        up.push((await peer.next().catch(() => fail(`${up.length} of ${kCount} datagrams arrived at the peer`))).bytes.toString());
      }
      check(up.every((one, i) => one === `up ${i}`), 'datagrams to the peer arrived out of order');
      const down = [];
      for (let sent = 0; sent < kCount; ) {
        for (let i = 0; i < kBurst; i += 1, sent += 1) await peer.send(`down ${sent}`, client.relayed);
        while (down.length < sent) down.push(await client.next(3_000, isChannelData).catch(() => fail(`${down.length} of ${kCount} datagrams arrived at the client`)));
      }
      check(down.every((one, i) => channelPayload(one).toString() === `down ${i}`), 'datagrams to the client arrived out of order');
      if (!t.server.host6) return t.note('IPv4 only');
      const pair = [await t.allocation({}, requestedFamily(kIPv6)), await t.allocation({}, requestedFamily(kIPv6))];
      await pair[0].bind(0x4000, pair[1].relayed);
      await pair[1].bind(0x4000, pair[0].relayed);
      pair[0].send(channelData(0x4000, 'over IPv6'));
      const got = await pair[1].next(3_000).catch(() => fail('nothing arrived over IPv6'));
      check(channelPayload(got).toString() === 'over IPv6', 'other bytes arrived over IPv6');
    },
  },
  {
    number: 108, section: 'RFC 6156 §9.1; RFC 6052', title: 'an IPv4 address inside an IPv6 one is judged like that address',
    needs: ['ipv6'],
    async run(t) {
      const denied = t.denied();
      const client = await t.client();
      const answer = await client.allocate(requestedFamily(kIPv6));
      if (answer.error === 440) notApplicable('no IPv6 relay');
      succeeds(answer, 'Allocate of IPv6');
      const hex = denied.split('.').map((one) => Number(one).toString(16).padStart(2, '0'));
      const words = `${hex[0]}${hex[1]}:${hex[2]}${hex[3]}`;
      const forms = {
        'IPv4-mapped': `::ffff:${denied}`, 'IPv4-compatible': `::${denied}`, '6to4': `2002:${words}::1`, NAT64: `64:ff9b::${denied}`,
        'mapped loopback': '::ffff:127.0.0.1', 'compatible loopback': '::127.0.0.1',
      };
      for (const [name, address] of Object.entries(forms)) {
        refused(await client.permit(`[${address}]:9000`), [403, 443], `CreatePermission, ${name} (${address})`);
        refused(await client.bind(0x4000, `[${address}]:9000`), [403, 443], `ChannelBind, ${name} (${address})`);
      }
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
];
