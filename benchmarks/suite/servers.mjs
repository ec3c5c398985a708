// The servers that are compared, each on a core of its own, in a network namespace or on loopback.

import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { binaries, toml, until } from '../../tests/support/stack.mjs';
import { toolsFolder } from '../../tests/support/coturn.mjs';
import { onCore, serverCore } from './machine.mjs';

export const user = 'bench', password = 'bench-bench', realm = 'bench';
const run = promisify(execFile);
const kStopMs = 10_000;
// Above the threads that receive for a wire: see pin() of machine.mjs.
const kRealtimePriority = 60;

/**
 * A server by name: sockets and range are ours, coturn is Debian's, or {file, flags} another turnserver; each at a
 * real-time priority if `realtime` says so. What has `bare` is no TURN server but the forwarder of turnpike-bench with
 * the sockets of that engine, for wires.
 */
export class Server {
  /** `place` is {within, listen, relayed, clients, peers}: addresses and networks of the set-up it is to serve. */
  static async start(kind, place, port) {
    const server = new Server();
    server.directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-bench-'));
    server.tlsPort = kind.tls ? await portForServer() : undefined;
    const tls = kind.tls && { port: server.tlsPort, ...(await certificate(server.directory)) };
    const command = kind.routes ? router() : kind.bare ? bareForwarder(kind, place, port) : kind.file ? turnserver({ ...kind, tls }, place, port) : await turnpike({ ...kind, tls }, place, port, server.directory);
    const realtime = kind.realtime && kind.file ? ['chrt', '-r', String(kRealtimePriority)] : [];
    const [file, ...args] = [...place.within, ...onCore(serverCore), ...realtime, ...command];
    server.child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    server.said = '';
    server.child.stderr.on('data', (part) => (server.said = (server.said + part).slice(-20_000)));
    // What goes in front becomes the server itself, with the same id.
    server.pid = server.child.pid;
    server.exited = once(server.child, 'exit');
    if (kind.routes) return server;
    const wanted = hexPort(place.listen, port);
    try {
      await until(`${kind.name} listens`, async () => {
        if (server.child.exitCode !== null) throw new Error(`${kind.name} ended: ${server.said}`);
        return (await readFile(`/proc/${server.pid}/net/udp`, 'utf8')).includes(wanted);
      });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => this.child.kill('SIGKILL'), kStopMs);
      await this.exited;
      clearTimeout(timer);
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Resident memory, in bytes. */
  async resident() {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]);
  }
}

// Of the curve that both have by default, signed by itself.
async function certificate(directory) {
  const files = { certificate: path.join(directory, 'relay.pem'), key: path.join(directory, 'relay.key') };
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-out', files.certificate, '-keyout', files.key]);
  return files;
}

// As /proc/net/udp has it.
function hexPort(address, port) {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `${bytes.reverse().join('').toUpperCase()}:${port.toString(16).padStart(4, '0').toUpperCase()}`;
}

async function turnpike({ engine, realtime, tls, workers = 1 }, place, port, directory) {
  const config = {
    node: { runtime_dir: path.join(directory, 'run'), workers },
    listen: [
      ...['udp', 'tcp'].map((transport) => ({ transport, address: `${place.listen}:${port}` })),
      ...(tls ? [{ transport: 'tls', address: `${place.listen}:${tls.port}`, certificate: tls.certificate, key: tls.key }] : []),
    ],
    relay: { address: [place.relayed], min_port: 10_000, max_port: 65_000 },
    auth: { realm, users: [{ name: user, password: { value: password } }] },
    quota: { per_user: 1_000_000, new_peers_per_second: 0 },
    limits: { exempt: [place.clients] },
    peers: { allow: [place.peers], ...(place.lab ? { mode: 'lab' } : {}) },
    io: { engine, ...(realtime ? { realtime_priority: kRealtimePriority } : {}) },
    metrics: { address: '' },
    log: { level: 'warning' },
  };
  const file = path.join(directory, 'relay.toml');
  await writeFile(file, toml(config), { mode: 0o600 });
  return [path.join(binaries, 'turnpike-relay'), '--config', file];
}

// The kernel itself, for as long as this runs.
function router() {
  return ['sh', '-c', 'f=/proc/sys/net/ipv4/ip_forward; echo 1 >$f; sleep 600 2>/dev/null & trap "echo 0 >$f; kill $!" TERM; wait'];
}

function bareForwarder({ bare, allocations }, place, port) {
  return [
    path.join(binaries, 'turnpike-bench'), 'forward', '--listen', `${place.listen}:${port}`, '--relayed', place.relayed, ...place.fleet,
    '--allocations', String(allocations), '--layout', bare, '--target-is-mine', // of namespaces that the suite made
  ];
}

function turnserver({ file, flags, tls }, place, port) {
  return [
    file, '-n', '-c', '/dev/null', '--no-cli', '--no-dtls', ...(tls ? ['--tls-listening-port', String(tls.port), '--cert', tls.certificate, '--pkey', tls.key] : ['--no-tls']), '--no-tcp-relay', '-L', place.listen, '-E', place.relayed,
    '-p', String(port), '-a', '-u', `${user}:${password}`, '-r', realm, '-m', '1', '--allow-loopback-peers', '--min-port', '10000',
    '--max-port', '65000', '--no-stdout-log', '--log-file', '/dev/null', '--simple-log', '--no-software-attribute', ...flags,
  ];
}

/** A UDP port that is free at this moment, below those that the servers relay with. */
export async function portForServer() {
  for (;;) {
    const port = 3_000 + Math.floor(Math.random() * 7_000), socket = createSocket('udp4');
    const free = await new Promise((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, () => resolve(true));
    });
    socket.close();
    if (free) return port;
  }
}

/** Debian's, unpacked by ./dev. */
export const coturn = { name: 'coturn', file: path.join(toolsFolder, 'turnserver'), flags: [] };
export const engines = { sockets: { name: 'sockets', engine: 'sockets' }, range: { name: 'range', engine: 'range' } };
export const bareForwarders = { 'bare-sockets': { name: 'bare-sockets', bare: 'sockets' }, 'bare-range': { name: 'bare-range', bare: 'range' } };
/** No server: clients reach their peers through the kernel's own forwarding. */
export const routing = { forwarding: { name: 'forwarding', routes: true } };
/** The same at a real-time priority, by names that end in "-rt". */
export const realtime = (kinds) => Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [`${name}-rt`, { ...kind, name: `${name}-rt`, realtime: true }]));
