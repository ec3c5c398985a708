// Debian's coturn as a subject: one turnserver for each profile, on loopback, with what its configuration has for it.

import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { endWithUs, freePort, freeRange, until } from '../support/stack.mjs';
import { toolsFolder } from '../support/coturn.mjs';
import { encode, transactionId } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const kSecret = 'a secret of coturn for the tests';
const kPeers = ['127.0.0.3', '127.0.0.4', '127.0.0.5'];
const kFewPorts = 8;
const kRelayPorts = [61_000, 65_535];
const kAccented = { configured: 'caf\u0065\u0301\u00a0au lait', prepared: 'caf\u00e9 au lait' };

const profiles = {
  base: { ipv6: true },
  ipv4_only: {},
  behind_nat: { ipv6: true, args: ['--external-ip=203.0.113.7/127.0.0.1', '--external-ip=2001:db8::7/::1'], facts: { external: ['203.0.113.7', '2001:db8::7'] } },
  few_ports: { few: true },
  few_ports_again: { few: true },
  small_quota: { args: ['--user-quota=2'], facts: { quota: 2 } },
  brief_nonce: { args: ['--stale-nonce=10'], facts: { nonceLifetimeS: 10 } },
  redirect: {
    ipv6: true, args: ['--alternate-server=127.0.0.1:9', '--alternate-server=[::1]:9', '--tls-alternate-server=127.0.0.1:9'],
    facts: { alternates: ['127.0.0.1:9', '[::1]:9'] },
  },
  redirect_to_itself: { itself: true },
  accented: {
    args: ['--lt-cred-mech', `--user=caf\u00e9:${kAccented.configured}`], users: true,
    facts: { secret: undefined, accentedUser: { username: 'caf\u00e9', password: kAccented.prepared }, credentials: [{ username: 'caf\u00e9', password: kAccented.configured }] },
  },
  mobility: { args: ['--mobility'] },
  behaviour_discovery: { two: true },
  // In 4.6.1 every allocation port may be asked for TCP too, and DTLS is on the TLS port.
  tcp_relay: {},
  dtls: { dtls: true },
};

const version = () => /^\d+\.\d+\S*/m.exec(spawnSync(path.join(toolsFolder, 'turnserver'), ['--version']).stdout?.toString() ?? '')?.[0] ?? '';

export function coturn() {
  const started = new Map();
  const stops = [];

  const start = async (name) => {
    const profile = profiles[name];
    if (!profile) return { missing: 'coturn has no configuration for it' };
    const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-coturn-'));
    const [certificate, key] = [path.join(directory, 'certificate.pem'), path.join(directory, 'key.pem')];
    await promisify(execFile)('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
      '-keyout', key, '-out', certificate,
    ]);
    const [port, tlsPort] = [await freePort(), await freePort()];
    const [low, high] = profile.few ? await freeRange(kFewPorts) : kRelayPorts;
    const args = [
      '-n', '--no-cli', '--simple-log', '--log-file=stdout', `--pidfile=${directory}/pid`, `--userdb=${directory}/db`,
      '--allow-loopback-peers', '--denied-peer-ip=10.0.0.0-10.255.255.255', '--denied-peer-ip=127.0.0.1',
      '--realm=turnpike.test', ...(profile.users ? [] : ['--use-auth-secret', `--static-auth-secret=${kSecret}`]), `--cert=${certificate}`, `--pkey=${key}`,
      `--listening-port=${port}`, `--tls-listening-port=${tlsPort}`, `--min-port=${low}`, `--max-port=${high}`,
      '--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', ...(profile.two ? ['--listening-ip=127.0.0.2'] : ['--no-rfc5780']),
      ...(profile.ipv6 ? ['--listening-ip=::1', '--relay-ip=::1'] : []), ...(profile.dtls ? [] : ['--no-dtls']),
      ...(profile.itself ? [`--alternate-server=127.0.0.1:${port}`] : []), ...(profile.args ?? []),
    ];
    const child = spawn(path.join(toolsFolder, 'turnserver'), args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
    const logFile = path.join(directory, 'log');
    const log = createWriteStream(logFile);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    endWithUs(child);
    let ended = false;
    const exited = new Promise((resolve) => child.once('exit', resolve)).then(() => (ended = true));
    stops.push(async () => {
      if (!ended) child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    });
    await until(`coturn (${name}) answers`, async () => {
      if (ended) throw new Error(`it ended: ${await readFile(logFile, 'utf8')}`);
      const client = await TurnClient.open(port, undefined, { retryMs: [200] });
      try {
        return await client.exchange(encode('request', 'Binding', transactionId()));
      } finally {
        client.close();
      }
    }, 15_000);
    return {
      name,
      host: '127.0.0.1',
      host6: profile.ipv6 ? '::1' : undefined,
      ports: { udp: port, tcp: port, tls: tlsPort, dtls: profile.dtls ? tlsPort : undefined, ...(profile.ipv6 ? { udp6: port, tcp6: port, tls6: tlsPort } : {}) },
      secret: kSecret,
      realm: 'turnpike.test',
      peers: kPeers,
      denied: '10.0.0.1',
      relayPorts: [low, high],
      ...profile.facts,
    };
  };

  return {
    name: 'coturn',
    version: version(),
    core: false,
    profile(name) {
      if (!started.has(name)) started.set(name, start(name));
      return started.get(name);
    },
    async stop() {
      await Promise.allSettled(started.values());
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}
