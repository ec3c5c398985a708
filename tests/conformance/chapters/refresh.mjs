// Refresh (RFC 8656 §8) and expiry.

import { check, notApplicable, refused, succeeds } from '../assertion.mjs';
import { additionalFamily, lifetime, requestedFamily } from '../../support/stun.mjs';

const kIPv4 = 1, kIPv6 = 2;
const isV6 = (endpoint) => endpoint.startsWith('[');
const seconds = (count) => new Promise((resolve) => setTimeout(resolve, count * 1000));

export const chapter = [
  {
    number: 75, section: 'RFC 8656 §8.2', title: 'no allocation: 437',
    async run(t) {
      refused(await (await t.client()).refresh(600), 437, 'Refresh');
    },
  },
  {
    number: 76, section: 'RFC 8656 §8.2', title: 'LIFETIME 0: success, the relay closes at once; again: 437',
    async run(t) {
      const client = await t.allocation();
      const answer = succeeds(await client.refresh(0), 'Refresh');
      check(answer.number('Lifetime') === 0, `LIFETIME ${answer.number('Lifetime')}`);
      await t.closes(client.relayed, 'after LIFETIME 0', 2_000);
      refused(await client.refresh(0), 437, 'another Refresh');
    },
  },
  {
    number: 77, section: 'RFC 8656 §8.2', title: 'LIFETIME as in Allocate: between default and maximum',
    async run(t) {
      const client = await t.allocation();
      const asked = async (wanted) => succeeds(await client.refresh(wanted), 'Refresh').number('Lifetime');
      const usual = await asked(undefined);
      check(usual === 600, `no LIFETIME: ${usual}`);
      const least = await asked(30);
      check(least === 600, `asked for 30, got ${least}`);
      const most = await asked(0xffffffff);
      check(most >= 600 && most <= 86_400, `asked for 2^32-1, got ${most}`);
      const between = Math.floor((600 + most) / 2);
      const got = await asked(between);
      check(got === between, `asked for ${between}, got ${got}`);
    },
  },
  {
    number: 78, section: 'RFC 8656 §8.2', title: 'a family that the allocation does not have: 443',
    async run(t) {
      const client = await t.allocation();
      refused(await client.request('Refresh', [lifetime(600), requestedFamily(isV6(client.relayed) ? kIPv4 : kIPv6)]), 443, 'the other family');
      succeeds(await client.request('Refresh', [lifetime(600), requestedFamily(isV6(client.relayed) ? kIPv6 : kIPv4)]), 'its own family');
    },
  },
  {
    number: 79, section: 'RFC 8656 §8.2', title: 'LIFETIME 0 with a family ends that half of a dual allocation',
    async run(t) {
      const client = await t.allocation({}, additionalFamily(kIPv6));
      const relayed = client.allocated.addresses('XorRelayedAddress');
      if (relayed.length < 2) notApplicable('it gives one family only');
      const [four, six] = [relayed.find((one) => !isV6(one)), relayed.find(isV6)];
      succeeds(await client.request('Refresh', [lifetime(0), requestedFamily(kIPv6)]), 'Refresh of IPv6 with LIFETIME 0');
      await t.closes(six, 'the IPv6 half');
      const peer = await t.peer();
      client.relayed = four;
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      await t.sendArrives(client, peer);
      await t.dataArrives(peer, client);
      refused(await client.request('Refresh', [lifetime(600), requestedFamily(kIPv6)]), 443, 'Refresh of the half that ended');
    },
  },
  {
    number: 80, section: 'RFC 8656 §8', title: 'without Refresh the relay closes at the end of the lifetime, permissions and channels with it',
    core: ['Refreshing.EndsWithoutARefresh', 'DataPlane.StopsWithTheAllocation'],
    async slow(t) {
      const client = await t.allocation();
      const peer = await t.peer();
      const left = client.allocated.number('Lifetime');
      succeeds(await client.bind(0x4000, peer.endpoint), 'ChannelBind');
      if (left > 660) return t.note(`a lifetime of ${left} s is too long to wait for`);
      // Nothing refreshes an allocation but Refresh.
      for (let waited = 0; waited < left - 10; waited += 10) {
        await seconds(10);
        if (waited % 120 === 0) {
          succeeds(await client.permit(peer.endpoint), 'CreatePermission');
          await t.sendArrives(client, peer, Buffer.from(`after ${waited + 10} s`));
        }
      }
      succeeds(await client.permit(peer.endpoint), 'CreatePermission shortly before the end');
      await seconds(10);
      await t.closes(client.relayed, `${left} s after Allocate`, 4_000);
      refused(await client.refresh(600), 437, 'Refresh afterwards');
    },
  },
];
