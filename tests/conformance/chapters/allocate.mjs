// Allocate (RFC 8656 §7): lifetimes, families, ports, quotas, ends.

import { check, refused, succeeds } from '../assertion.mjs';
import {
  additionalFamily, attribute, dontFragment, evenPort, lifetime, requestedFamily, requestedTransport, reservationToken, splitEndpoint,
  types,
} from '../../support/stun.mjs';

const kDefaultS = 600, kMaximumS = 3600;
const kIPv4 = 1, kIPv6 = 2;
const portOf = (endpoint) => splitEndpoint(endpoint).port;
const isV6 = (endpoint) => endpoint.startsWith('[');

/** An Allocate that succeeds, and whose allocation and client are ended again. Returns the answer. */
async function tried(client, ...attributes) {
  const answer = succeeds(await client.allocate(...attributes), 'Allocate');
  succeeds(await client.refresh(0), 'Refresh');
  client.close();
  return answer;
}

/** Clients that allocate until one is refused. Returns {clients, refusal}. */
async function exhaust(t, most, options = () => ({})) {
  const clients = [];
  for (let i = 0; i < most; i += 1) {
    const client = await t.client(options(i));
    const answer = await client.allocate();
    if (answer.kind === 'error') return { clients, refusal: answer };
    client.relayed = answer.address('XorRelayedAddress');
    clients.push(client);
  }
  return { clients };
}
async function endAll(clients) {
  for (const client of clients) succeeds(await client.refresh(0), 'Refresh');
}

export const chapter = [
  {
    number: 50, section: 'RFC 8656 §7.2', title: 'no REQUESTED-TRANSPORT: 400',
    async run(t) {
      refused(await (await t.client()).request('Allocate', []), 400, 'Allocate without REQUESTED-TRANSPORT');
    },
  },
  {
    number: 51, section: 'RFC 8656 §7.2, §18.7', title: 'REQUESTED-TRANSPORT of a wrong length: 400',
    async run(t) {
      const client = await t.client();
      for (const size of [0, 1, 3, 8]) {
        const value = Buffer.alloc(size);
        if (size > 0) value[0] = 17;
        refused(await client.request('Allocate', [attribute(types.RequestedTransport, value)]), 400, `${size} bytes`);
      }
    },
  },
  {
    number: 52, section: 'RFC 8656 §7.2', title: 'a protocol that is not supported: 442',
    async run(t) {
      refused(await (await t.client()).request('Allocate', [requestedTransport(99)]), 442, 'protocol 99');
    },
  },
  {
    number: 53, section: 'RFC 8656 §7.2', title: 'a second Allocate on the 5-tuple: 437',
    async run(t) {
      refused(await (await t.allocation()).allocate(), 437, 'a second Allocate');
    },
  },
  {
    number: 54, section: 'RFC 8656 §7.2', title: 'the same Allocate again: the same relayed address, lifetime not longer',
    async run(t) {
      const client = await t.client();
      await client.challenge();
      const message = client.sign('Allocate', [requestedTransport()]);
      const first = succeeds(await client.exchange(message), 'Allocate');
      const again = succeeds(await client.exchange(message), 'the same Allocate');
      check(first.address('XorRelayedAddress') === again.address('XorRelayedAddress'), 'another relayed address');
      check(again.number('Lifetime') <= first.number('Lifetime'), `LIFETIME ${first.number('Lifetime')}, then ${again.number('Lifetime')}`);
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 55, section: 'RFC 8656 §7.2', title: 'no LIFETIME: 600 seconds',
    async run(t) {
      const seconds = (await tried(await t.client())).number('Lifetime');
      check(seconds === kDefaultS, `LIFETIME ${seconds}`);
    },
  },
  {
    number: 56, section: 'RFC 8656 §7.2', title: 'LIFETIME below the default: the default; above the maximum: the maximum',
    async run(t) {
      const asked = async (seconds) => (await tried(await t.client(), lifetime(seconds))).number('Lifetime');
      const least = await asked(30);
      check(least === kDefaultS, `asked for 30, got ${least}`);
      const most = await asked(0xffffffff);
      check(most >= kDefaultS && most <= 86_400, `asked for 2^32-1, got ${most}`);
      if (most !== kMaximumS) t.note(`the maximum is ${most}, not the recommended 3600`);
      const between = Math.floor((kDefaultS + most) / 2);
      const got = await asked(between);
      check(got === between, `asked for ${between}, got ${got}`);
    },
  },
  {
    number: 57, section: 'RFC 8656 §7.2', title: 'LIFETIME 0 in Allocate: an allocation with the default',
    async run(t) {
      const seconds = (await tried(await t.client(), lifetime(0))).number('Lifetime');
      check(seconds === kDefaultS, `LIFETIME ${seconds}`);
    },
  },
  {
    number: 58, section: 'RFC 8656 §7.2', title: 'no REQUESTED-ADDRESS-FAMILY: IPv4',
    async run(t) {
      const relayed = (await tried(await t.client())).address('XorRelayedAddress');
      check(!isV6(relayed), `relayed address ${relayed}`);
      if (!t.server.host6) return;
      const overSix = (await tried(await t.client({ family: 6 }))).address('XorRelayedAddress');
      if (isV6(overSix)) t.note("a client on IPv6 gets IPv6 (the listener's family)");
    },
  },
  {
    number: 59, section: 'RFC 8656 §7.2', title: 'REQUESTED-ADDRESS-FAMILY unknown or not served: 440',
    profile: 'ipv4_only', fallback: true,
    async run(t) {
      const client = await t.client();
      refused(await client.allocate(requestedFamily(3)), 440, 'family 3');
      const six = await client.allocate(requestedFamily(kIPv6));
      if (six.kind === 'success') {
        check(isV6(six.address('XorRelayedAddress')), 'asked for IPv6, got IPv4');
        succeeds(await client.refresh(0), 'Refresh');
        return 'IPv6 is served';
      }
      refused(six, 440, 'IPv6 where there is none');
    },
  },
  {
    number: 60, section: 'RFC 8656 §7.2', title: 'REQUESTED- with ADDITIONAL-ADDRESS-FAMILY: 400',
    async run(t) {
      refused(await (await t.client()).allocate(requestedFamily(kIPv4), additionalFamily(kIPv6)), 400, 'both');
    },
  },
  {
    number: 61, section: 'RFC 8656 §7.2', title: 'ADDITIONAL-ADDRESS-FAMILY of IPv4: 400',
    async run(t) {
      refused(await (await t.client()).allocate(additionalFamily(kIPv4)), 400, 'additional IPv4');
    },
  },
  {
    number: 62, section: 'RFC 8656 §7.2', title: 'ADDITIONAL-ADDRESS-FAMILY with EVEN-PORT (R) or RESERVATION-TOKEN: 400',
    async run(t) {
      const client = await t.client();
      refused(await client.allocate(additionalFamily(kIPv6), evenPort(true)), 400, 'with EVEN-PORT');
      refused(await client.allocate(additionalFamily(kIPv6), reservationToken(Buffer.alloc(8, 1))), 400, 'with RESERVATION-TOKEN');
    },
  },
  {
    number: 63, section: 'RFC 8656 §7.2', title: 'ADDITIONAL-ADDRESS-FAMILY: two relayed addresses, or one and ADDRESS-ERROR-CODE',
    async run(t) {
      const answer = await tried(await t.client(), additionalFamily(kIPv6));
      const relayed = answer.addresses('XorRelayedAddress');
      if (relayed.length === 2) {
        check(!isV6(relayed[0]) !== !isV6(relayed[1]), `two of one family: ${relayed.join(', ')}`);
        return;
      }
      check(relayed.length === 1, `${relayed.length} relayed addresses`);
      saysWhy(answer, isV6(relayed[0]) ? kIPv4 : kIPv6);
      return 'one family only here';
    },
  },
  {
    number: 64, section: 'RFC 8656 §7.2', title: 'dual allocations behind a NAT tell the external addresses',
    profile: 'behind_nat',
    async run(t) {
      const client = await t.client();
      const answer = succeeds(await client.allocate(additionalFamily(kIPv6)), 'Allocate');
      const relayed = answer.addresses('XorRelayedAddress');
      const hosts = relayed.map((one) => splitEndpoint(one).host);
      check(relayed.length === 2, `${relayed.length} relayed addresses: ${relayed.join(', ')}`);
      for (const external of t.server.external) check(hosts.includes(external), `told ${hosts.join(', ')}, not ${external}`);
      // What a NAT would do: the external port is the local one.
      const peer = await t.peer();
      succeeds(await client.permit(peer.endpoint), 'CreatePermission');
      client.relayed = `127.0.0.1:${portOf(relayed.find((one) => !isV6(one)))}`;
      await t.sendArrives(client, peer);
      await t.dataArrives(peer, client);
      succeeds(await client.refresh(0), 'Refresh');
    },
  },
  {
    number: 65, section: 'RFC 8656 §7.2', title: 'RESERVATION-TOKEN with EVEN-PORT or a family: 400; an unknown one: 508',
    async run(t) {
      const client = await t.client();
      const token = reservationToken(Buffer.from('no token'));
      refused(await client.allocate(token, evenPort(false)), 400, 'with EVEN-PORT');
      refused(await client.allocate(token, requestedFamily(kIPv4)), 400, 'with REQUESTED-ADDRESS-FAMILY');
      refused(await client.allocate(token), 508, 'an unknown token');
      refused(await client.allocate(reservationToken(Buffer.alloc(7))), [400, 508], 'a token of 7 bytes');
    },
  },
  {
    number: 66, section: 'RFC 8656 §7.2', title: 'EVEN-PORT without R: an even port, no RESERVATION-TOKEN',
    async run(t) {
      for (let i = 0; i < 8; i += 1) {
        const answer = await tried(await t.client(), evenPort(false));
        check(portOf(answer.address('XorRelayedAddress')) % 2 === 0, `port ${portOf(answer.address('XorRelayedAddress'))}`);
        check(!answer.has('ReservationToken'), 'a RESERVATION-TOKEN that was not asked for');
      }
    },
  },
  {
    number: 67, section: 'RFC 8656 §7.2', title: 'EVEN-PORT with R: the token gets the next port; a reservation that is over is 508',
    async run(t) {
      // Whether another user's token counts is the server's business.
      const credential = t.user();
      const [first, second] = [await t.client({ credential }), await t.client({ credential })];
      const answer = succeeds(await first.allocate(evenPort(true)), 'Allocate with EVEN-PORT, R');
      const port = portOf(answer.address('XorRelayedAddress'));
      check(port % 2 === 0, `port ${port}`);
      const token = answer.get('ReservationToken');
      check(token?.length === 8, token ? `a token of ${token.length} bytes` : 'no RESERVATION-TOKEN');
      const sibling = portOf(succeeds(await second.allocate(reservationToken(token)), 'Allocate with the token').address('XorRelayedAddress'));
      check(sibling === port + 1, `the token of port ${port} gave ${sibling}`);
      const third = await t.client({ credential });
      refused(await third.allocate(reservationToken(token)), 508, 'the token a second time');
      await endAll([first, second]);
    },
    core: ['Reserving.RefusesATokenThatOpensNothing', 'ReservationTest.AHeldPortIsFreeAgainWhenItsTimeIsOver'],
    async slow(t) {
      const credential = t.user();
      const reserve = async () => {
        const client = await t.client({ credential });
        return { client, token: reservationToken(succeeds(await client.allocate(evenPort(true)), 'Allocate with EVEN-PORT, R').get('ReservationToken')) };
      };
      const [soon, late] = [await reserve(), await reserve()];
      await new Promise((resolve) => setTimeout(resolve, 28_000));
      succeeds(await (await t.client({ credential })).allocate(soon.token), 'the token after 28 s');
      await new Promise((resolve) => setTimeout(resolve, 122_000));
      const answer = await (await t.client({ credential })).allocate(late.token);
      if (answer.kind === 'success') return 'a reservation holds for more than two minutes';
      refused(answer, 508, 'the token after 150 s');
    },
  },
  {
    number: 68, section: 'RFC 8656 §7.2, §14', title: 'DONT-FRAGMENT: supported (DF is set), or 420 that lists it',
    async run(t) {
      const client = await t.client();
      const answer = await client.allocate(dontFragment());
      if (answer.error === 420) {
        check(answer.unknown().includes(types.DontFragment), 'UNKNOWN-ATTRIBUTES does not list 0x001A');
        return 'not supported';
      }
      succeeds(answer, 'Allocate with DONT-FRAGMENT');
      succeeds(await client.refresh(0), 'Refresh');
      t.note('supported');
    },
    core: ['IpHeaderTest.DontFragmentIsSetWhenAskedOnly'],
  },
  {
    number: 69, section: 'RFC 8656 §7.3', title: 'success has XOR-RELAYED-ADDRESS, LIFETIME, XOR-MAPPED-ADDRESS and integrity',
    async run(t) {
      const client = await t.client();
      const { address } = client;
      const answer = await tried(client);
      for (const name of ['XorRelayedAddress', 'Lifetime', 'XorMappedAddress', 'MessageIntegrity']) check(answer.has(name), `no ${name}`);
      check(answer.address('XorMappedAddress') === address, `XOR-MAPPED-ADDRESS ${answer.address('XorMappedAddress')}, not ${address}`);
      check(answer.provenBy(client.key), 'the integrity is wrong');
    },
  },
  {
    number: 70, section: 'RFC 8656 §7.2', title: 'relayed ports are in the range, evenly drawn and unpredictable (2,000 draws)',
    async run(t) {
      const [low, high] = t.server.relayPorts ?? [49_152, 65_535];
      const ports = [];
      const draw = async () => {
        const client = await t.client();
        // The kernel gives ports of closed clients to new ones, and a server may still remember those: 437.
        const challenge = await client.bare('Allocate', [requestedTransport()]);
        const answer = challenge.error === 437 ? challenge : await client.allocate();
        if (answer.error !== 437) {
          ports.push(portOf(succeeds(answer, 'Allocate').address('XorRelayedAddress')));
          succeeds(await client.refresh(0), 'Refresh');
        }
        client.close();
      };
      while (ports.length < 2_000) await Promise.all(Array.from({ length: 8 }, draw));
      const outside = ports.find((port) => port < low || port > high);
      check(outside === undefined, `port ${outside} is outside ${low}–${high}`);
      check(Math.min(...ports) >= 1024, 'a port below 1024');
      // Chi-square over 16 bins: 15 degrees of freedom, 70 happens by chance once in 10^8 times.
      const bins = Array(16).fill(0);
      for (const port of ports) bins[Math.min(15, Math.floor(((port - low) * 16) / (high - low + 1)))] += 1;
      const expected = ports.length / 16;
      const chi = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      check(chi < 70, `not evenly drawn: chi-square ${chi.toFixed(0)} over 16 bins`);
      // One draw says nothing of the next.
      const mean = ports.reduce((sum, port) => sum + port, 0) / ports.length;
      const variance = ports.reduce((sum, port) => sum + (port - mean) ** 2, 0);
      const together = ports.slice(1).reduce((sum, port, i) => sum + (port - mean) * (ports[i] - mean), 0);
      check(Math.abs(together / variance) < 0.12, `a port tells of the next: correlation ${(together / variance).toFixed(2)}`);
      const steps = new Map();
      for (let i = 1; i < ports.length; i += 1) steps.set(ports[i] - ports[i - 1], (steps.get(ports[i] - ports[i - 1]) ?? 0) + 1);
      const usual = Math.max(...steps.values());
      check(usual < ports.length / 50, `the same step from port to port ${usual} times`);
    },
  },
  {
    number: 71, section: 'RFC 8656 §7.2', title: 'a freed port does not go to another user at once',
    profile: 'few_ports', patient: true,
    async run(t) {
      const first = await t.client();
      const port = portOf((await tried(first)).address('XorRelayedAddress'));
      const [low, high] = t.server.relayPorts;
      const { clients } = await exhaust(t, high - low + 1);
      const got = clients.map((client) => portOf(client.relayed));
      await endAll(clients);
      check(!got.includes(port), `port ${port} went to the next user`);
    },
    core: ['RelayPortsTest.AReleasedPortRestsWhileOthersAreFree'],
  },
  {
    number: 72, section: 'RFC 8656 §7.2', title: 'the quota counts users, not addresses: 486',
    profile: 'small_quota', needs: ['two users'],
    async run(t) {
      const credential = t.user();
      const { clients, refusal } = await exhaust(t, t.server.quota + 1, () => ({ credential }));
      check(clients.length === t.server.quota, `${clients.length} allocations of a user whose quota is ${t.server.quota}`);
      refused(refusal, 486, 'one allocation too many');
      await tried(await t.client({ credential: t.otherUser() }));
      await endAll(clients);
    },
  },
  {
    number: 73, section: 'RFC 8656 §7.2', title: 'no port is left: 508, and all are there again when allocations end',
    profile: 'few_ports_again', patient: true,
    async run(t) {
      const [low, high] = t.server.relayPorts;
      const all = high - low + 1;
      const { clients, refusal } = await exhaust(t, all + 1);
      check(clients.length === all, `${clients.length} allocations on ${all} ports`);
      refused(refusal, 508, 'one allocation too many');
      await endAll(clients);
      // They rest for a while.
      const again = [];
      for (const end = performance.now() + 30_000; again.length < all; ) {
        const client = await t.client();
        const answer = await client.allocate();
        if (answer.kind === 'success') {
          again.push(client);
          continue;
        }
        refused(answer, 508, 'Allocate while ports rest');
        check(performance.now() < end, `${again.length} of ${all} ports came back in 30 s`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      await endAll(again);
    },
  },
  {
    number: 74, section: 'RFC 8656 §7.4', title: 'the allocation ends with its TCP or TLS connection',
    needs: ['tcp'],
    async run(t) {
      for (const transport of t.server.ports.tls ? ['tcp', 'tls'] : ['tcp']) {
        const client = await t.client({ transport });
        const relayed = succeeds(await client.allocate(), `Allocate over ${transport}`).address('XorRelayedAddress');
        client.close();
        await t.closes(relayed, `after the ${transport.toUpperCase()} connection closed`, 8_000);
      }
    },
  },
];

function saysWhy(answer, family) {
  const value = answer.get('AddressErrorCode');
  check(value?.length >= 4, 'one relayed address and no ADDRESS-ERROR-CODE');
  check(value[0] === family, `ADDRESS-ERROR-CODE is about family ${value[0]}`);
  const code = (value[2] & 7) * 100 + value[3];
  check([440, 508].includes(code), `ADDRESS-ERROR-CODE ${code}`);
}
