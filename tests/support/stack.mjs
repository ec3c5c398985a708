// The real daemons on loopback, for tests: a temporary directory with configuration, secret,
// certificate and API key; free ports; readiness by asking; an end by pid.
//
//   const stack = await startStack({ relay: { quota: { per_user: 12 } }, signaling: { credentials: { ttl: '20s' } } });
//   stack.url                      http://127.0.0.1:PORT, the page
//   stack.relay.admin('GET', '/v1/allocations')      JSON over the admin socket
//   await stack.stop();            in a finally
//
// options
//   relay      merged over the relay's configuration (tables merge, arrays and values replace); a function
//              gets what there is already: ({ports, listen, certificate, key, directory}) => configuration or a promise of it
//   ports      names of more free ports: ['dtls'] makes ports.dtls
//   signaling  the same for signaling; false starts the relay alone
//   workers    node.workers of the relay, 2 unless said
//   urls       node.urls of the relay; a function gets the ports: ({udp, tcp, tls}) => [...]
//   ipv6       listen on [::1] as well, with relayed addresses there
//   web        the built page, build/web unless said
//   within     what goes in front of the relay's command: a host of namespaces.mjs
//   args       more command-line arguments: { relay: [...], signaling: [...] }
// environment
//   TURNPIKE_IO_ENGINE  io.engine of every relay whose configuration does not say; the relay's default unless set
//   TURNPIKE_BIN        the programs' directory, build/release/bin unless said
//   TURNPIKE_TEST_LOGS  a directory that gets the daemons' logs of every stack

import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createWriteStream } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { stringify } from 'smol-toml';

/** TOML of a value, for a daemon's configuration. */
export const toml = stringify;

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binaries = path.resolve(root, process.env.TURNPIKE_BIN ?? 'build/release/bin');

const kReadyDeadlineMs = 15_000;
const kStopDeadlineMs = 5_000;
const kStartTries = 3; // another process may take a port between our look and the daemon's bind

/** Resolves when `probe` returns something truthy; polls until `deadlineMs`. */
export async function until(what, probe, deadlineMs = 10_000, everyMs = 50) {
  const end = performance.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`${what}: not within ${deadlineMs} ms (last: ${seen})`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

const handedOut = new Set(); // whoever got one may not have bound it yet

/** A port that is free for UDP and TCP on `address` at this moment; another one each time. */
export async function freePort(address = '127.0.0.1') {
  for (;;) {
    const server = net.createServer();
    await new Promise((resolve, reject) => server.once('error', reject).listen(0, address, resolve));
    const { port } = server.address();
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    const taken = await new Promise((resolve) => {
      udp.once('error', () => resolve(true));
      udp.bind({ port, address }, () => resolve(false));
    });
    if (!taken) await new Promise((resolve) => udp.close(resolve));
    await new Promise((resolve) => server.close(resolve));
    if (taken || handedOut.has(port)) continue;
    handedOut.add(port);
    return port;
  }
}

/** [first, last] of `count` UDP ports in a row that are free at this moment, the first one even. They are below those
 * that the kernel hands out and below the relays' usual range here, so only another one of these could take them. */
export async function freeRange(count, address = '127.0.0.1') {
  for (;;) {
    const first = 20_000 + 2 * Math.floor(Math.random() * 6_000);
    const sockets = [];
    const taken = async (port) => {
      const socket = createSocket('udp4');
      sockets.push(socket);
      return new Promise((resolve) => {
        socket.once('error', () => resolve(true));
        socket.bind({ port, address }, () => resolve(false));
      });
    };
    let free = true;
    for (let i = 0; i < count && free; i += 1) free = !(await taken(first + i));
    for (const socket of sockets) socket.close();
    if (free) return [first, first + count - 1];
  }
}

/** One JSON request; over a unix socket (`socketPath`) or TCP (`host`, `port`). */
export function request(where, method, target, body, headers = {}) {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = http.request(
      {
        ...where,
        method,
        path: target,
        timeout: 5_000,
        agent: false,
        headers: {
          ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          ...headers,
        },
      },
      (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString();
          let json;
          try {
            json = JSON.parse(text);
          } catch {
            json = undefined;
          }
          resolve({ status: response.statusCode, headers: response.headers, text, json });
        });
      },
    );
    sent.once('timeout', () => sent.destroy(new Error(`${method} ${target}: no answer within 5 s`)));
    sent.once('error', reject);
    sent.end(payload);
  });
}

function merged(base, over) {
  if (over === undefined) return base;
  if (typeof base !== 'object' || typeof over !== 'object' || Array.isArray(base) || Array.isArray(over) || !base || !over) {
    return over;
  }
  const out = { ...base };
  for (const [key, value] of Object.entries(over)) out[key] = merged(base[key], value);
  return out;
}

const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));
/** Whatever ends this process, the child does not outlive it. */
export function endWithUs(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
}

/** A started program: its process, its log, its admin socket. */
export class Daemon {
  constructor(name, file, args, directory, within = []) {
    this.name = name;
    this.directory = directory;
    this.socket = path.join(directory, 'run', name, 'admin.sock');
    this.logFile = path.join(directory, `${name}.log`);
    [this.file, ...this.args] = [...within, file, ...args];
    this.starts = 0;
  }

  get pid() {
    return this.process.pid;
  }

  async start() {
    this.starts += 1;
    this.process = spawn(this.file, this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    endWithUs(this.process);
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => resolve({ error }));
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const log = createWriteStream(this.logFile, { flags: 'a' });
    this.process.stdout.pipe(log, { end: false });
    this.process.stderr.pipe(log, { end: false });
    let ended;
    void this.exited.then((how) => (ended = how));
    await until(`${this.name} is ready`, async () => {
      if (ended) return true;
      return (await this.admin('GET', '/readyz')).status === 200;
    }, kReadyDeadlineMs);
    if (ended) {
      throw new Error(`${this.name} ended while starting (${JSON.stringify({ ...ended, error: ended.error?.message })}):\n${await this.log()}`);
    }
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. Returns how it ended. */
  async stop(signal = 'SIGTERM') {
    if (!this.process || this.process.exitCode !== null || this.process.signalCode !== null) return this.exited;
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), kStopDeadlineMs);
    const how = await this.exited;
    clearTimeout(timer);
    return how;
  }

  async restart() {
    await this.stop();
    await this.start();
  }

  admin(method, target, body) {
    return request({ socketPath: this.socket }, method, target, body);
  }

  /** The body of a 2xx answer; throws for any other. */
  async get(target) {
    const answer = await this.admin('GET', target);
    if (answer.status < 200 || answer.status > 299) throw new Error(`GET ${target}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  async log() {
    return readFile(this.logFile, 'utf8').catch(() => '');
  }
}

/** A self-signed certificate for `name`, in certificate.pem and key.pem of the directory. */
export async function makeCertificate(directory, name = 'localhost') {
  const certificate = path.join(directory, 'certificate.pem');
  const key = path.join(directory, 'key.pem');
  await promisify(execFile)('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},IP:127.0.0.1,IP:::1`,
    '-keyout', key, '-out', certificate,
  ]);
  return { certificate, key };
}

async function startOnce(options) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-test-'));
  const secretFile = path.join(directory, 'turn-secret');
  const apiKeyFile = path.join(directory, 'api-key');
  const secret = randomBytes(24).toString('base64');
  const apiKey = randomBytes(24).toString('hex');
  await writeFile(secretFile, secret, { mode: 0o600 });
  await writeFile(apiKeyFile, apiKey, { mode: 0o600 });
  await mkdir(path.join(directory, 'run'), { mode: 0o700 });
  const { certificate, key } = await makeCertificate(directory);

  const ports = { udp: await freePort(), tls: await freePort(), http: await freePort() };
  ports.tcp = ports.udp;
  const listen = [
    { transport: 'udp', address: `127.0.0.1:${ports.udp}` },
    { transport: 'tcp', address: `127.0.0.1:${ports.tcp}` },
    { transport: 'tls', address: `127.0.0.1:${ports.tls}`, certificate, key },
  ];
  if (options.ipv6) {
    ports.udp6 = await freePort('::1');
    ports.tcp6 = ports.udp6;
    listen.push({ transport: 'udp', address: `[::1]:${ports.udp6}` }, { transport: 'tcp', address: `[::1]:${ports.tcp6}` });
  }
  for (const name of options.ports ?? []) ports[name] = await freePort();
  const urls = typeof options.urls === 'function' ? options.urls(ports) : options.urls;

  const relayConfig = merged(
    {
      node: { id: 'relay-test', runtime_dir: path.join(directory, 'run/relay'), workers: options.workers ?? 2, ...(urls ? { urls } : {}) },
      listen,
      // Above the ports that the kernel hands out, so that no listener of ours is inside.
      relay: { address: options.ipv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'], min_port: 61_000, max_port: 65_535 },
      auth: { realm: 'turnpike.test', secrets: [{ file: secretFile, id: 'k1', issuer: 'turnpike' }] },
      // Everything here is loopback, which the default policy denies as a peer.
      peers: { mode: 'lab', allow: ['127.0.0.0/8', '::1/128'] },
      metrics: { address: '' },
      log: { level: 'info', format: 'text' },
      privacy: { client_ip: 'full' },
    },
    typeof options.relay === 'function' ? await options.relay({ ports, certificate, key, directory, listen }) : options.relay,
  );
  const signalingConfig = merged(
    {
      relays: [path.join(directory, 'run/relay/admin.sock')],
      node: { id: 'signaling-test', runtime_dir: path.join(directory, 'run/signaling') },
      listen: { address: `127.0.0.1:${ports.http}` },
      web: { root: options.web ?? path.join(root, 'build/web') },
      auth: {
        realm: 'turnpike.test',
        secrets: [{ file: secretFile, id: 'k1', issuer: 'turnpike' }],
        api_keys: [{ file: apiKeyFile }],
      },
      metrics: { address: '' },
      log: { level: 'info', format: 'text' },
      privacy: { client_ip: 'full' },
    },
    options.signaling || undefined,
  );
  if (process.env.TURNPIKE_IO_ENGINE) relayConfig.io ??= { engine: process.env.TURNPIKE_IO_ENGINE };
  const relayFile = path.join(directory, 'relay.toml');
  const signalingFile = path.join(directory, 'signaling.toml');
  await writeFile(relayFile, stringify(relayConfig));
  await writeFile(signalingFile, stringify(signalingConfig));

  const relay = new Daemon('relay', path.join(binaries, 'turnpike-relay'), ['--config', relayFile, ...(options.args?.relay ?? [])], directory, options.within);
  const signaling =
    options.signaling === false
      ? null
      : new Daemon('signaling', path.join(binaries, 'turnpike-signaling'), ['--config', signalingFile, ...(options.args?.signaling ?? [])], directory);

  const stack = {
    directory,
    ports,
    secret,
    secretFile,
    apiKey,
    apiKeyFile,
    certificate,
    key,
    realm: relayConfig.auth.realm,
    relayConfig,
    signalingConfig,
    relay,
    signaling,
    runtimeDirectory: path.join(directory, 'run'),
    url: `http://127.0.0.1:${ports.http}`,
    wsUrl: `ws://127.0.0.1:${ports.http}/ws`,

    /** The CLI, with --runtime-dir of this stack. Returns {code, stdout, stderr}. */
    async cli(...args) {
      return new Promise((resolve) => {
        execFile(
          path.join(binaries, 'turnpike'),
          ['--runtime-dir', path.join(directory, 'run'), ...args],
          { timeout: 15_000 },
          (error, stdout, stderr) => resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr }),
        );
      });
    },

    async logs() {
      const parts = [];
      for (const daemon of [relay, signaling]) {
        if (daemon) parts.push(`--- ${daemon.name} ---\n${await daemon.log()}`);
      }
      return parts.join('\n');
    },

    /** Ends both daemons; with `keep` their logs stay and the path is returned. */
    async stop({ keep = false } = {}) {
      await signaling?.stop();
      await relay.stop();
      const wanted = process.env.TURNPIKE_TEST_LOGS ?? (keep ? path.join(os.tmpdir(), 'turnpike-failed') : undefined);
      let kept;
      if (wanted) {
        kept = path.join(wanted, path.basename(directory));
        await mkdir(kept, { recursive: true });
        for (const daemon of [relay, signaling]) {
          if (daemon) await cp(daemon.logFile, path.join(kept, path.basename(daemon.logFile))).catch(() => {});
        }
      }
      await rm(directory, { recursive: true, force: true });
      return kept;
    },
  };

  try {
    await relay.start();
    if (signaling) {
      await signaling.start();
      await until('signaling sees the relay', async () => {
        const node = await signaling.get('/v1/node');
        return node.relays?.some((one) => one.state === 'active');
      });
    }
  } catch (error) {
    error.message += `\n${await stack.logs()}`;
    await stack.stop();
    throw error;
  }
  return stack;
}

export async function startStack(options = {}) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (tries === kStartTries || !/in use|EADDRINUSE/i.test(error.message)) throw error;
    }
  }
}

/** Runs `use` with a stack; ends it whatever happens, and adds the logs' path to a failure. */
export async function withStack(options, use) {
  const stack = await startStack(options);
  try {
    const value = await use(stack);
    await stack.stop();
    return value;
  } catch (error) {
    const kept = await stack.stop({ keep: true });
    error.message += `\n(the daemons' logs are in ${kept})`;
    throw error;
  }
}
