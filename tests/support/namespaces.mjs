// Network namespaces: hosts of a network that exists for one test only. Needs root.
//
//   const network = await Network.create();
//   await network.host('relay');
//   await network.link('relay', ['198.51.100.1/24'], 'peer', ['198.51.100.2/24']);
//   const said = await network.node('relay', import.meta.url);     runs this file in there, until it ends
//   await network.remove();

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const kDeadlineMs = 30_000;

/** Why there can be no namespaces here; undefined when there can. */
export const noNamespaces = process.getuid?.() === 0 ? undefined : 'network namespaces need root';

/** The host that this process runs on; undefined outside of all. */
export const thisHost = process.env.TURNPIKE_TEST_HOST;

export class Network {
  static async create() {
    const network = new Network();
    network.prefix = `tp${randomBytes(4).toString('hex')}`;
    network.hosts = new Set();
    network.links = 0;
    return network;
  }

  /** The network that the process runs in: what node() and start() ran may change it too. */
  static joined() {
    const network = new Network();
    network.prefix = process.env.TURNPIKE_TEST_NETWORK;
    network.hosts = new Set();
    network.links = 0;
    return network;
  }

  /** Adds a host with nothing but its loopback interface. */
  async host(name) {
    if (this.hosts.has(name)) return;
    await run('ip', ['netns', 'add', this.#netns(name)], { timeout: kDeadlineMs });
    this.hosts.add(name);
    await this.exec(name, 'ip', 'link', 'set', 'lo', 'up');
  }

  /** A wire between two hosts; each end is named after the host at the other, "to-peer". */
  async link(a, addressesOfA, b, addressesOfB) {
    await this.host(a);
    await this.host(b);
    const ends = [`${this.prefix}a${this.links}`, `${this.prefix}b${this.links}`];
    this.links += 1;
    await run('ip', ['link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1]], { timeout: kDeadlineMs });
    for (const [host, end, other, addresses] of [
      [a, ends[0], b, addressesOfA],
      [b, ends[1], a, addressesOfB],
    ]) {
      await run('ip', ['link', 'set', end, 'netns', this.#netns(host), 'name', `to-${other}`], { timeout: kDeadlineMs });
      // nodad: an IPv6 address can be used at once.
      for (const address of addresses) await this.exec(host, 'ip', 'address', 'add', address, 'dev', `to-${other}`, ...(address.includes(':') ? ['nodad'] : []));
      await this.exec(host, 'ip', 'link', 'set', `to-${other}`, 'up');
    }
  }

  /** What goes in front of a command so that it runs on the host. */
  within(host) {
    return ['ip', 'netns', 'exec', `${this.prefix}-${host}`];
  }

  /** A command on a host; its standard output. */
  async exec(host, ...command) {
    const [file, ...args] = [...this.within(host), ...command];
    const { stdout } = await run(file, args, { timeout: kDeadlineMs });
    return stdout;
  }

  /** nft rules on a host, as nft -f reads them. */
  async nft(host, rules) {
    const [file, ...args] = this.within(host);
    const child = execFile(file, [...args, 'nft', '-f', '-'], { timeout: kDeadlineMs });
    child.stdin.end(rules);
    let err = '';
    child.stderr.on('data', (part) => (err += part));
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`nft: ${err}`);
  }

  /** The packets that a named counter of the table has seen. */
  async counter(host, name, table = 'test') {
    const { nftables } = JSON.parse(await this.exec(host, 'nft', '-j', 'list', 'counter', 'inet', table, name));
    return nftables.find((one) => one.counter).counter.packets;
  }

  /** Runs a module on a host to its end; what it printed last, as JSON. */
  async node(host, url, { env = {}, deadlineMs = 120_000 } = {}) {
    const [file, ...args] = this.within(host);
    const { stdout } = await run(file, [...args, process.execPath, fileURLToPath(url)], { timeout: deadlineMs, maxBuffer: 64 << 20, env: this.#env(host, env) });
    return JSON.parse(stdout.trim().split('\n').at(-1));
  }

  /** Starts a module on a host, which goes on when it has printed something. Ended by stop(). */
  async start(host, url, env = {}) {
    const [file, ...args] = this.within(host);
    const child = spawn(file, [...args, process.execPath, fileURLToPath(url)], { stdio: ['ignore', 'pipe', 'inherit'], env: this.#env(host, env) });
    const ended = once(child, 'exit');
    await Promise.race([once(child.stdout, 'data'), ended.then(([code]) => Promise.reject(new Error(`on ${host}: ended with ${code}`)))]);
    return {
      async stop() {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  /** Removes all hosts and, with them, their links. */
  async remove() {
    for (const host of this.hosts) await run('ip', ['netns', 'delete', this.#netns(host)], { timeout: kDeadlineMs }).catch(() => {});
    this.hosts.clear();
  }

  #netns(host) {
    return `${this.prefix}-${host}`;
  }

  #env(host, more) {
    // Not the outer test runner's: this one reports by what it prints.
    return { ...process.env, NODE_TEST_CONTEXT: undefined, TURNPIKE_TEST_HOST: host, TURNPIKE_TEST_NETWORK: this.prefix, ...more };
  }
}
