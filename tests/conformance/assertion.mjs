// What an assertion of the list is, and what it has to work with.
//
//   { number, section, title, run(t) }           run returns (or returns a note), or throws
//   needs     what of the server: transports ('tcp', 'tls', 'dtls', 'ipv6'), 'two users', 'secret', a fact
//   profile   which configuration of the server, 'base' unless said
//   patient   waits for seconds: run beside the others
//   slow(t)   the part about minutes, only under --slow
//   decision  the page of docs/decisions that says where we deviate from the letter, and why
//   core      names of the tests with a manual clock (tests/turn/...) that hold that part in between
//
// `run` may be missing where all of it is about minutes.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { joinEndpoint, lifetime, restCredential, splitEndpoint } from '../support/stun.mjs';
import { NoAnswer, TurnClient } from '../support/turn_client.mjs';

const kRetryMs = [300, 600, 1200, 2400];
const kArrivalMs = 3_000;

/** The server does not do what the assertion says. */
export class Failed extends Error {}
/** The assertion says nothing about this server. */
export class NotApplicable extends Error {}

export const fail = (why) => {
  throw new Failed(why);
};
export const notApplicable = (why) => {
  throw new NotApplicable(why);
};
export function check(holds, why) {
  if (!holds) fail(why);
}

/** "success", "437 Allocation Mismatch", "no answer". */
export function outcome(answer) {
  if (answer === undefined) return 'no answer';
  if (answer.kind !== 'error') return answer.kind ?? `${answer.length} bytes`;
  const reason = answer.get('ErrorCode').subarray(4).toString().replace(/[\x00-\x1f]/g, '').trim();
  return reason ? `${answer.error} (${reason})` : `${answer.error}`;
}
export function succeeds(answer, what) {
  check(answer?.kind === 'success', `${what}: ${outcome(answer)}, not success`);
  return answer;
}
/** @param codes one code, or several that are all right */
export function refused(answer, codes, what) {
  const wanted = [codes].flat();
  check(answer?.kind === 'error' && wanted.includes(answer.error), `${what}: ${outcome(answer)}, not ${wanted.join(' or ')}`);
  return answer;
}

/** A peer: a UDP socket that keeps what comes. */
class Peer {
  static async open(host) {
    const peer = new Peer();
    peer.inbox = []; // {bytes, from}
    peer.listeners = new Set();
    peer.socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 1 << 20 });
    peer.socket.on('error', () => {});
    peer.socket.on('message', (bytes, from) => {
      peer.inbox.push({ bytes, from: joinEndpoint(from.address, from.port) });
      for (const listener of [...peer.listeners]) listener();
    });
    peer.socket.bind(0, host);
    await once(peer.socket, 'listening');
    peer.host = host;
    peer.port = peer.socket.address().port;
    peer.endpoint = joinEndpoint(host, peer.port);
    return peer;
  }

  send(bytes, to) {
    const { host, port } = splitEndpoint(to);
    return new Promise((resolve) => this.socket.send(bytes, port, host, () => resolve()));
  }

  /** The next datagram, or NoAnswer. */
  next(deadlineMs = kArrivalMs) {
    if (this.inbox.length > 0) return Promise.resolve(this.inbox.shift());
    return new Promise((resolve, reject) => {
      const done = (how, value) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        how(value);
      };
      const timer = setTimeout(() => done(reject, new NoAnswer('nothing came')), deadlineMs);
      const look = () => done(resolve, this.inbox.shift());
      this.listeners.add(look);
    });
  }

  /** What has arrived until now: its own datagram comes behind everything that was there. */
  async arrived() {
    const marker = Buffer.from(`marker ${Math.random()}`);
    await this.send(marker, this.endpoint);
    const signal = AbortSignal.timeout(kArrivalMs); // a peer always reaches itself
    while (!this.inbox.some(({ bytes }) => bytes.equals(marker))) await once(this.socket, 'message', { signal });
    this.inbox = this.inbox.filter(({ bytes }) => !bytes.equals(marker));
    return this.inbox;
  }

  close() {
    this.socket.close();
  }
}

/** What `run` gets: the server, and clients and peers that are closed at its end. */
export class Trial {
  /** @param elsewhere gives the same server in another configuration: (profile) => Server | {missing} */
  constructor(server, elsewhere = async () => server) {
    this.server = server;
    this.elsewhere = elsewhere;
    this.open = [];
    this.notes = [];
  }

  /** Beside the result. */
  note(text) {
    this.notes.push(text);
  }

  keep(closable) {
    this.open.push(closable);
    return closable;
  }

  /** A credential that no other assertion has, where the server knows TURN REST. */
  user(subject = 'user', { secret, credentials } = this.server) {
    if (secret) return restCredential(secret, `${subject}-${Math.random().toString(36).slice(2, 10)}`);
    if (!credentials?.length) notApplicable('needs --secret, or --user and --password');
    return credentials[0];
  }
  /** Another user than user(). */
  otherUser() {
    if (this.server.secret) return this.user('other');
    if (!this.server.credentials?.[1]) notApplicable('needs a second user: --secret, or --user2 and --password2');
    return this.server.credentials[1];
  }

  /** @param options {transport, credential, family (4 or 6), port, host, server, ...} */
  async client({ transport = 'udp', credential, family = 4, port, host, server = this.server, ...more } = {}) {
    const at = family === 6 ? `${transport}6` : transport;
    const where = host ?? (family === 6 ? server.host6 : server.host);
    if (!where) notApplicable('needs a server on IPv6');
    const number = port ?? server.ports[at];
    if (!number) notApplicable(`needs a ${transport.toUpperCase()} port${family === 6 ? ' on IPv6' : ''}`);
    return this.keep(await TurnClient.open(number, credential ?? this.user('user', server), { transport, host: where, retryMs: kRetryMs, ...more }));
  }

  /** A client with an allocation: `relayed` is its address, `allocated` the answer. */
  async allocation(options = {}, ...attributes) {
    const client = await this.client(options);
    client.allocated = succeeds(await client.allocate(...attributes), 'Allocate');
    client.relayed = client.allocated.address('XorRelayedAddress');
    check(client.relayed, 'Allocate: success without XOR-RELAYED-ADDRESS');
    client.ends = async () => {
      // Leaves the server as it was; whether that works is another assertion's business.
      if (client.transport === 'udp') client.send(client.sign('Refresh', [lifetime(0)]));
    };
    return client;
  }

  /** A peer on the first, second, ... address that the relay reaches. */
  async peer(which = 0) {
    const host = this.server.peers[which];
    if (!host) notApplicable(`needs ${which + 1} peer addresses (--peer)`);
    return this.keep(await Peer.open(host));
  }
  peerHost(which = 0) {
    return this.server.peers[which] ?? notApplicable(`needs ${which + 1} peer addresses (--peer)`);
  }

  /** An address that the policy denies. */
  denied() {
    return this.server.denied ?? notApplicable('needs an address that the server denies (--denied)');
  }

  /** When this returns, whatever this client sent before was dealt with, and the answers are here. */
  async barrier(client) {
    const answer = await client.bare('Binding').catch(() => undefined);
    if (answer?.kind !== 'success') fail(`Binding afterwards: ${outcome(answer)}`);
  }

  /** None of the messages is answered. */
  async silence(client, what, ...messages) {
    client.inbox.length = 0;
    for (const message of messages) client.send(message);
    await this.barrier(client);
    const [answer] = client.inbox;
    if (answer) fail(`${what}: answered with ${answer.bytes ? outcome(answer) : `${answer.length} bytes`}`);
  }

  /** The answer, or undefined when there is none. */
  async perhaps(client, message) {
    try {
      return await client.exchange(message);
    } catch (error) {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    }
  }

  /** A Send indication's way to the peer works. Returns what arrived: {bytes, from}. */
  async sendArrives(client, peer, payload = Buffer.from('ping'), what = 'Send to a permitted peer') {
    client.sendTo(peer.endpoint, payload);
    return this.arrives(peer, payload, what);
  }
  async arrives(peer, payload, what) {
    const got = await peer.next().catch(() => fail(`${what}: nothing arrived`));
    check(got.bytes.equals(Buffer.from(payload)), `${what}: ${got.bytes.length} other bytes arrived, not the ${payload.length} sent`);
    return got;
  }

  /** A datagram from the peer comes as a Data indication. Returns it. */
  async dataArrives(peer, client, payload = Buffer.from('pong'), what = 'a datagram from a permitted peer') {
    await peer.send(payload, client.relayed);
    const got = await client.next(kArrivalMs).catch(() => fail(`${what}: nothing arrived`));
    check(got.method === 'Data' && got.kind === 'indication', `${what}: arrived as ${got.method ?? 'ChannelData'}`);
    check(got.get('Data')?.equals(Buffer.from(payload)), `${what}: other bytes arrived`);
    return got;
  }

  /** The relayed address is closed: the kernel says so to whoever sends there. */
  async closes(relayed, what, deadlineMs = kArrivalMs) {
    const { host, port } = splitEndpoint(relayed);
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    let refusals = false;
    socket.on('error', (error) => (refusals ||= error.code === 'ECONNREFUSED'));
    socket.connect(port, host);
    await once(socket, 'connect');
    try {
      for (const end = performance.now() + deadlineMs; !refusals; ) {
        if (performance.now() > end) fail(`${what}: the relayed address is still open`);
        socket.send('anybody there?', () => {});
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      socket.close();
    }
  }

  async end() {
    for (const one of this.open.reverse()) {
      try {
        await one.ends?.();
        one.close();
      } catch {
        // closed already
      }
    }
  }
}

export const isLoopback = (host) => host === '::1' || (net.isIPv4(host) && host.startsWith('127.'));
