// Our relay as a subject: one process for each profile, started when an assertion first asks for it.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { freeRange, makeCertificate, startStack } from '../support/stack.mjs';
import { kThirdParty } from './third_party_token.mjs';

// A name and a password whose prepared form (RFC 8265) is not what the configuration says: a decomposed é, a
// no-break space.
const kAccented = { configured: 'caf\u0065\u0301\u00a0au lait', prepared: 'caf\u00e9 au lait' };
const kStaticUser = { username: 'ada', password: 'correct horse' };
const kTwoAddresses = ['127.0.0.1', '127.0.0.2'];
const kFewPorts = 8;
const fewPorts = {
  relay: async () => {
    const [min_port, max_port] = await freeRange(kFewPorts);
    return { relay: { min_port, max_port } };
  },
};

// Peers live on addresses of their own: 127.0.0.1 is a relay address, where only relay ports are peers.
const kPeers = ['127.0.0.3', '127.0.0.4', '127.0.0.5'];

const users = [
  { name: kStaticUser.username, password: { value: kStaticUser.password } },
  { name: 'caf\u00e9', password: { value: kAccented.configured } },
];

/** What each profile is: the relay's configuration over that of every test, and what a test may know of it. */
const profiles = {
  base: {
    ipv6: true,
    relay: () => ({ auth: { users } }),
    facts: { staticUser: kStaticUser, accentedUser: { username: 'caf\u00e9', password: kAccented.prepared } },
  },
  dtls: {
    ports: ['dtls'],
    relay: ({ ports, listen, certificate, key }) => ({ listen: [...listen, { transport: 'dtls', address: `127.0.0.1:${ports.dtls}`, certificate, key }] }),
  },
  many_peers: { relay: () => ({ quota: { new_peers_per_second: 0 } }) }, // as many as there are permissions
  ipv4_only: { relay: () => ({ relay: { address: ['127.0.0.1'] } }) },
  behind_nat: {
    ipv6: true,
    relay: () => ({ relay: { external_ip: ['203.0.113.7/127.0.0.1', '2001:db8::7/::1'] } }),
    facts: { external: ['203.0.113.7', '2001:db8::7'] },
  },
  few_ports: fewPorts,
  few_ports_again: fewPorts,
  small_quota: { relay: () => ({ quota: { per_user: 2, permissions: 8, channels: 8 } }), facts: { quota: 2, permissions: 8, channels: 8 } },
  brief_nonce: { relay: () => ({ auth: { nonce_lifetime: '10s' } }), facts: { nonceLifetimeS: 10 } },
  redirect: {
    ipv6: true,
    relay: () => ({ redirect: { servers: ['127.0.0.1:9', '[::1]:9'], domain: 'turn2.example.org' } }),
    facts: { alternates: ['127.0.0.1:9', '[::1]:9'], alternateDomain: 'turn2.example.org' },
  },
  redirect_to_itself: { relay: ({ ports }) => ({ redirect: { servers: [`127.0.0.1:${ports.udp}`] } }) },
  tcp_relay: { relay: () => ({ relay: { tcp: true } }) },
  mobility: { relay: () => ({ relay: { mobility: true } }) },
  third_party: {
    relay: () => ({
      auth: { third_party: { server_name: kThirdParty.serverName, keys: [{ id: kThirdParty.id, key: { value: kThirdParty.key.toString('base64') }, lifetime: '1h' }] } },
    }),
    facts: { thirdParty: kThirdParty },
  },
  two_names: {
    relay: async ({ listen, directory }) => {
      const folder = path.join(directory, 'second');
      await mkdir(folder);
      const second = await makeCertificate(folder, 'turn2.example.org');
      return { listen: listen.map((one) => (one.transport === 'tls' ? { ...one, certificates: [second] } : one)) };
    },
    facts: { names: ['localhost', 'turn2.example.org'] },
  },
  proxy_protocol: {
    ports: ['proxied'],
    relay: ({ ports, listen }) => ({ listen: [...listen, { transport: 'tcp', address: `127.0.0.1:${ports.proxied}`, proxy_protocol: ['127.0.0.0/8'] }] }),
  },
  behaviour_discovery: {
    ports: ['first', 'second'],
    relay: ({ ports }) => ({
      listen: [{ transport: 'udp', address: `127.0.0.1:${ports.first}` }, { transport: 'tcp', address: `127.0.0.1:${ports.first}` }],
      behaviour_discovery: { addresses: kTwoAddresses, ports: [ports.first, ports.second] },
    }),
    places: ({ first }) => ({ udp: first, tcp: first }),
  },
};

/** @param options {workers} */
export function ourRelay({ workers = 2 } = {}) {
  const started = new Map();
  const stacks = [];

  const start = async (name) => {
    const profile = profiles[name];
    if (!profile) return { missing: `our relay has no profile ${name}` };
    let stack;
    try {
      stack = await startStack({ signaling: false, workers, ipv6: profile.ipv6, ports: profile.ports, relay: profile.relay });
    } catch (error) {
      // What the configuration does not know yet is a profile that this relay does not have.
      const wrong = /^.*relay\.toml:\d+:\d+: (?!warning).*$/m.exec(error.message);
      if (!wrong) throw error;
      return { missing: wrong[0].replace(/^.*relay\.toml:\d+:\d+: /, '') };
    }
    stacks.push(stack);
    return {
      name,
      host: '127.0.0.1',
      host6: profile.ipv6 ? '::1' : undefined,
      ports: { ...stack.ports, ...(profile.places?.(stack.ports) ?? {}) },
      secret: stack.secret,
      realm: stack.realm,
      peers: kPeers,
      denied: '10.0.0.1',
      relayPorts: [stack.relayConfig.relay.min_port, stack.relayConfig.relay.max_port],
      tls13: true,
      admin: stack.relay,
      stack,
      ...profile.facts,
    };
  };

  return {
    name: 'turnpike',
    core: true,
    profile(wanted) {
      const name = wanted === 'accented' ? 'base' : wanted;
      if (!started.has(name)) started.set(name, start(name));
      return started.get(name);
    },
    async stop() {
      await Promise.allSettled(started.values());
      await Promise.all(stacks.map((stack) => stack.stop()));
    },
  };
}
