// A TURN client for tests, over UDP, TCP, TLS or DTLS. It does what a client does, and lets a test say anything
// else: every message can be made by hand (stun.mjs) and sent as it is.
//
//   const client = await TurnClient.open(port, { username, password });
//   const client = await TurnClient.open(port, credential, { transport: 'tls', host: '::1' });
//   const answer = await client.allocate();          {kind: 'success', attributes, error}
//   await client.request('CreatePermission', [peerAddress('127.0.0.1:4000')]);
//   client.send(bytes);                              anything
//   client.close();

import {
  appended, attribute, channelNumber, data, decode, encode, fingerprinted, kMd5, kSha256, lifetime, longTermKey, nonceFeatures,
  passwordAlgorithm, peerAddress, requestedTransport, signed, signedSha256, text, transactionId, types,
} from './stun.mjs';
import { openTransport } from './transports.mjs';

const kRetryMs = [250, 500, 1000, 2000, 4000]; // within one request; loopback loses nothing, a busy machine is slow

/** No answer came in time. */
export class NoAnswer extends Error {}
/** Another answer came than a client can go on with. */
export class Unexpected extends Error {}

/** One 5-tuple towards the server. */
export class TurnClient {
  /**
   * @param credential {username, password}; may be changed at any time
   * @param options {transport, host, retryMs, ...}: see transports.mjs; a string is the host
   */
  static async open(port, credential = undefined, options = {}) {
    const { transport = 'udp', retryMs = kRetryMs, ...where } = typeof options === 'string' ? { host: options } : options;
    const client = new TurnClient();
    client.credential = credential;
    client.transport = transport;
    client.retryMs = retryMs;
    client.waiting = new Map();
    client.inbox = []; // everything that is no answer: indications, ChannelData, anything else
    client.listeners = new Set();
    client.answered = new Set(); // transactions: an answer to a retransmission of one is nothing new
    client.way = await openTransport(transport, { port, ...where });
    client.way.onframe = (bytes) => client.#receive(bytes);
    return client;
  }

  #receive(bytes) {
    const message = bytes[0] < 4 ? decode(bytes) : null;
    const wanted = message && this.waiting.get(message.id.toString('hex'));
    if (message && (message.kind === 'success' || message.kind === 'error')) {
      if (wanted) return wanted(message);
      if (this.answered.has(message.id.toString('hex'))) return;
    }
    this.inbox.push(message ?? bytes);
    for (const listener of [...this.listeners]) listener();
  }

  /** The client's own address, as the server sees it without a NAT between. */
  get address() {
    return this.way.address;
  }
  /** Resolves when the server closes a stream. */
  get closed() {
    return this.way.closed;
  }

  send(bytes) {
    this.way.send(bytes);
  }

  /** Sends a request until its answer comes; the same bytes each time. NoAnswer when none does. */
  exchange(message) {
    const id = message.subarray(8, 20).toString('hex');
    return new Promise((resolve, reject) => {
      let timer;
      const stop = (how, value) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        how(value);
      };
      const over = (why) => stop(reject, new NoAnswer(`no answer to a request${why}`));
      this.waiting.set(id, (answer) => {
        if (answer === undefined) return over(': the client was closed');
        this.answered.add(id);
        stop(resolve, answer);
      });
      void this.closed.then(() => this.waiting.has(id) && over(': the connection was closed'));
      const attempt = (tries) => {
        if (tries === this.retryMs.length) return over('');
        // A stream is reliable: RFC 8489 §6.2.2 sends once.
        if (tries === 0 || this.transport === 'udp' || this.transport === 'dtls') this.send(message);
        timer = setTimeout(() => attempt(tries + 1), this.retryMs[tries]);
      };
      attempt(0);
    });
  }

  /** An unauthenticated request. */
  bare(method, attributes = []) {
    return this.exchange(encode('request', method, transactionId(), attributes));
  }

  /** With the credential: takes realm and nonce from the server first, and a fresh nonce once. */
  async request(method, attributes = [], how = {}) {
    if (!this.nonce) await this.challenge();
    let answer = await this.exchange(this.sign(method, attributes, how));
    if (answer.error === 438 && answer.get('Nonce')) {
      this.#take(answer);
      answer = await this.exchange(this.sign(method, attributes, how));
    }
    return answer;
  }

  /** Realm, nonce and what is offered, from a 401 to a request. Returns that answer. */
  async challenge(method = 'Allocate', attributes = [requestedTransport()]) {
    const answer = await this.bare(method, attributes);
    if (answer.error !== 401 && answer.error !== 438) {
      throw new Unexpected(`${method} without integrity: ${answer.error ?? answer.kind}, not 401`);
    }
    this.#take(answer);
    return answer;
  }
  #take(answer) {
    this.realm = answer.text('Realm');
    this.nonce = answer.get('Nonce');
    this.offered = answer.get('PasswordAlgorithms');
    this.features = nonceFeatures(this.nonce);
  }

  /**
   * The bytes of an authenticated request. `how` departs from what is right:
   *   algorithm     kMd5, kSha256: of the key, named in PASSWORD-ALGORITHM(S) where it is kSha256
   *   integrity     'sha1' | 'sha256' | 'both' | 'none'; fitting the algorithm unless said
   *   username, realm, nonce, password, key      other values; null leaves the attribute out
   *   extra         attributes before the integrity, behind the credentials
   *   behind        attributes after the integrity
   *   fingerprint   appends FINGERPRINT
   *   id            the transaction
   */
  sign(method, attributes = [], how = {}) {
    const { algorithm = this.algorithm ?? kMd5, extra = [], behind = [], id = transactionId() } = how;
    const integrity = how.integrity ?? (algorithm === kSha256 ? 'sha256' : 'sha1');
    const value = (name, usual) => (how[name] === undefined ? usual : how[name]);
    const username = value('username', this.credential?.username);
    const realm = value('realm', this.realm);
    const nonce = value('nonce', this.nonce);
    const named = [];
    if (username !== null) named.push(attribute(types.Username, Buffer.from(username)));
    if (realm !== null) named.push(attribute(types.Realm, Buffer.from(realm)));
    if (nonce !== null) named.push(attribute(types.Nonce, Buffer.from(nonce)));
    if (algorithm === kSha256 && how.sayAlgorithm !== false) {
      named.push(attribute(types.PasswordAlgorithms, this.offered ?? Buffer.alloc(0)), passwordAlgorithm(kSha256));
    }
    let message = encode('request', method, id, [...attributes, ...named, ...extra]);
    const key =
      how.key ?? longTermKey(username ?? this.credential.username, realm ?? this.realm, how.password ?? this.credential.password, algorithm);
    if (integrity === 'sha1' || integrity === 'both') message = signed(message, key);
    if (integrity === 'sha256' || integrity === 'both') message = signedSha256(message, key);
    if (behind.length > 0) message = appended(message, ...behind);
    return how.fingerprint ? fingerprinted(message) : message;
  }

  get key() {
    return this.keyOf();
  }
  keyOf(algorithm = this.algorithm ?? kMd5) {
    return longTermKey(this.credential.username, this.realm, this.credential.password, algorithm);
  }

  allocate(...attributes) {
    return this.request('Allocate', [requestedTransport(), ...attributes]);
  }
  refresh(seconds, ...attributes) {
    return this.request('Refresh', [...(seconds === undefined ? [] : [lifetime(seconds)]), ...attributes]);
  }
  permit(...peers) {
    return this.request('CreatePermission', peers.map((peer) => peerAddress(peer)));
  }
  bind(number, peer) {
    return this.request('ChannelBind', [channelNumber(number), peerAddress(peer)]);
  }
  sendTo(peer, payload, ...attributes) {
    this.send(encode('indication', 'Send', transactionId(), [peerAddress(peer), data(payload), ...attributes]));
  }

  /** The next message that is no answer (and that `wanted` takes), from now on or waiting already. */
  async next(deadlineMs = 5_000, wanted = () => true) {
    const take = () => {
      const at = this.inbox.findIndex(wanted);
      return at < 0 ? undefined : this.inbox.splice(at, 1)[0];
    };
    const waiting = take();
    if (waiting) return waiting;
    return new Promise((resolve, reject) => {
      const done = (how, value) => {
        clearTimeout(timer);
        this.listeners.delete(look);
        how(value);
      };
      const timer = setTimeout(() => done(reject, new NoAnswer('nothing came')), deadlineMs);
      const look = () => {
        const found = take();
        if (found) done(resolve, found);
      };
      this.listeners.add(look);
    });
  }

  close() {
    for (const take of [...this.waiting.values()]) take(undefined);
    this.way.close();
  }
}
