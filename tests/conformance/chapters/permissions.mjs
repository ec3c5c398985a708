// Permissions (RFC 8656 §9, §10).

import { check, refused, succeeds } from '../assertion.mjs';
import { peerAddress } from '../../support/stun.mjs';

const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** Nothing that is sent to `peer` reaches it, while `witness`, which has a permission, is reached. */
async function unreachable(t, client, peer, witness, what) {
  client.sendTo(peer.endpoint, Buffer.from('should not pass'));
  await t.sendArrives(client, witness);
  check((await peer.arrived()).length === 0, `${what}: a Send passed`);
}

export const chapter = [
  {
    number: 81, section: 'RFC 8656 §10.2', title: 'CreatePermission without XOR-PEER-ADDRESS: 400',
    async run(t) {
      refused(await (await t.allocation()).request('CreatePermission', []), 400, 'CreatePermission');
    },
  },
  {
    number: 82, section: 'RFC 8656 §10.2', title: 'several peers: all are installed, or none when one is refused',
    async run(t) {
      const client = await t.allocation();
      const [one, other, witness] = [await t.peer(0), await t.peer(1), await t.peer(2)];
      succeeds(await client.permit(witness.endpoint), 'CreatePermission');
      refused(await client.permit(one.endpoint, '[2001:db8::1]:9000'), 443, 'IPv4 and IPv6 peers on an IPv4 allocation');
      await unreachable(t, client, one, witness, 'beside a peer of the other family');
      if (t.server.denied) {
        refused(await client.permit(one.endpoint, `${t.server.denied}:9000`), 403, 'a denied peer beside a good one');
        await unreachable(t, client, one, witness, 'beside a denied peer');
      }
      succeeds(await client.permit(one.endpoint, other.endpoint), 'two peers');
      await t.sendArrives(client, one);
      await t.sendArrives(client, other);
    },
  },
  {
    number: 83, section: 'RFC 8656 §10.2, §12.2', title: 'the other family: 443; denied: 403; too many: 508',
    profile: 'small_quota', fallback: true,
    async run(t) {
      const client = await t.allocation();
      const six = '[2001:db8::1]:9000';
      refused(await client.permit(six), 443, 'CreatePermission for IPv6 on an IPv4 allocation');
      refused(await client.bind(0x4000, six), 443, 'ChannelBind for IPv6 on an IPv4 allocation');
      if (t.server.denied) {
        const denied = `${t.server.denied}:9000`;
        refused(await client.permit(denied), 403, 'CreatePermission for a denied peer');
        refused(await client.bind(0x4000, denied), 403, 'ChannelBind for a denied peer');
      } else {
        t.note('no denied address is known');
      }
      if (t.server.permissions === undefined) return t.note('its limits are not known');
      for (let i = 1; i <= t.server.permissions; i += 1) succeeds(await client.permit(`127.0.1.${i}:9000`), `permission ${i}`);
      refused(await client.permit('127.0.1.200:9000'), 508, 'one permission too many');
      succeeds(await client.permit('127.0.1.1:9000'), 'a refresh of the first permission');
    },
  },
  {
    number: 84, section: 'RFC 8656 §9', title: 'a permission is for an address; its port does not matter',
    async run(t) {
      const client = await t.allocation();
      const [one, other] = [await t.peer(), await t.peer()];
      succeeds(await client.permit(`${one.host}:9`), 'CreatePermission');
      await t.sendArrives(client, one);
      await t.sendArrives(client, other);
      await t.dataArrives(one, client);
      await t.dataArrives(other, client);
    },
  },
  {
    number: 85, section: 'RFC 8656 §9', title: 'a permission lasts 300 s; CreatePermission extends it, traffic does not',
    core: ['Permission.LastsFiveMinutes', 'Permission.IsForgottenOnceItIsOver'],
    async slow(t) {
      const client = await t.allocation();
      const [extended, plain, witness] = [await t.peer(0), await t.peer(1), await t.peer(2)];
      for (const peer of [extended, plain, witness]) succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      const began = performance.now();
      const until = (second) => seconds(second - (performance.now() - began) / 1000);
      for (let at = 30; at <= 290; at += 20) {
        await until(at);
        await t.sendArrives(client, plain, Buffer.from(`${at} s`), `Send ${at} s after CreatePermission`);
        await t.dataArrives(plain, client, Buffer.from(`${at} s`), `Data ${at} s after CreatePermission`);
        if (at === 150) for (const peer of [extended, witness]) succeeds(await client.permit(peer.endpoint), 'CreatePermission again');
      }
      await until(303);
      await unreachable(t, client, plain, witness, '303 s after CreatePermission');
      await plain.send('too late', client.relayed);
      await t.dataArrives(witness, client);
      await t.sendArrives(client, extended, Buffer.from('extended'), '153 s after the second CreatePermission');
      await until(440);
      await t.sendArrives(client, extended, Buffer.from('extended'), '290 s after the second CreatePermission');
      succeeds(await client.permit(witness.endpoint), 'CreatePermission');
      await until(453);
      await unreachable(t, client, extended, witness, '303 s after the second CreatePermission');
    },
  },
  {
    number: 86, section: 'RFC 8656 §9, §11.3', title: 'what comes from an address without a permission is dropped',
    async run(t) {
      const client = await t.allocation();
      const [stranger, witness] = [await t.peer(0), await t.peer(1)];
      succeeds(await client.permit(witness.endpoint), 'CreatePermission');
      await stranger.send('from a stranger', client.relayed);
      await t.dataArrives(witness, client);
      check(client.inbox.length === 0, "a stranger's datagram arrived");
      check((await stranger.arrived()).length === 0, 'the stranger was answered');
    },
  },
  {
    number: 87, section: 'RFC 8656 §12.2', title: 'ChannelBind installs a permission for the address',
    async run(t) {
      const client = await t.allocation();
      const [bound, beside] = [await t.peer(), await t.peer()];
      succeeds(await client.bind(0x4000, bound.endpoint), 'ChannelBind');
      await t.sendArrives(client, beside, Buffer.from('to another port'));
      await t.dataArrives(beside, client, Buffer.from('from another port'));
    },
  },
  {
    number: 88, section: 'RFC 8656 §10.2', title: 'CreatePermission without an allocation: 437',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      refused(await t.perhaps(client, client.sign('CreatePermission', [peerAddress(`${t.peerHost()}:9000`)])), 437, 'CreatePermission');
    },
  },
];
