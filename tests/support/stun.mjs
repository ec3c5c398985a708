// STUN and TURN for tests: a codec of its own (none of the product's code), and a client over UDP that
// can also say what no honest client would.
//
//   const client = await TurnClient.open(port, { username, password });
//   const answer = await client.allocate();          {kind: 'success', attributes, error}
//   await client.request('CreatePermission', [peerAddress('127.0.0.1:4000')]);
//   client.send(bytes);                              anything
//   client.close();
//
// Sources: RFC 8489 §5, §14; RFC 8656 §12, §18.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import zlib from 'node:zlib';

const kCookie = 0x2112a442;
export const methods = { Binding: 1, Allocate: 3, Refresh: 4, Send: 6, Data: 7, CreatePermission: 8, ChannelBind: 9 };
const kinds = ['request', 'indication', 'success', 'error'];
export const types = {
  MappedAddress: 0x0001, Username: 0x0006, MessageIntegrity: 0x0008, ErrorCode: 0x0009, UnknownAttributes: 0x000a,
  ChannelNumber: 0x000c, Lifetime: 0x000d, XorPeerAddress: 0x0012, Data: 0x0013, Realm: 0x0014, Nonce: 0x0015,
  XorRelayedAddress: 0x0016, RequestedAddressFamily: 0x0017, EvenPort: 0x0018, RequestedTransport: 0x0019,
  MessageIntegritySha256: 0x001c, XorMappedAddress: 0x0020, Software: 0x8022, Fingerprint: 0x8028,
};

const kRetryMs = [250, 500, 1000, 2000, 4000]; // within one request; loopback loses nothing, a busy machine is slow

function padded(value) {
  return Buffer.concat([value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

export function attribute(type, value) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, padded(value)]);
}

/** A message without integrity or fingerprint. `attributes` are encoded already. */
export function encode(kind, method, id, attributes) {
  const code = methods[method] ?? method;
  const bits = kinds.indexOf(kind);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(((code & 0xf80) << 2) | ((code & 0x70) << 1) | (code & 0xf) | ((bits & 2) << 7) | ((bits & 1) << 4), 0);
  const body = Buffer.concat(attributes);
  head.writeUInt16BE(body.length, 2);
  head.writeUInt32BE(kCookie, 4);
  id.copy(head, 8);
  return Buffer.concat([head, body]);
}

function withLength(message, length) {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(length, 2);
  return copy;
}

/** Appends MESSAGE-INTEGRITY under `key`. */
export function signed(message, key) {
  const covered = withLength(message, message.length - 20 + 24);
  return Buffer.concat([covered, attribute(types.MessageIntegrity, createHmac('sha1', key).update(covered).digest())]);
}

/** Appends FINGERPRINT. */
export function fingerprinted(message) {
  const covered = withLength(message, message.length - 20 + 8);
  const value = Buffer.alloc(4);
  value.writeUInt32BE((crc32(covered) ^ 0x5354554e) >>> 0);
  return Buffer.concat([covered, attribute(types.Fingerprint, value)]);
}

function crc32(bytes) {
  // zlib.crc32 is younger than Node 18: the trailer of a gzip stream has it too.
  return zlib.gzipSync(bytes).readUInt32LE(zlib.gzipSync(bytes).length - 8);
}

export function longTermKey(username, realm, password) {
  return createHash('md5').update(`${username}:${realm}:${password}`).digest();
}

/** The password of a TURN REST username. */
export const restPassword = (secret, username, algorithm = 'sha1') => createHmac(algorithm, secret).update(username).digest('base64');

/** A TURN REST credential for `rest` (subject and limits), expiring in `ttl` seconds. */
export function restCredential(secret, rest, ttl = 600) {
  const username = `${Math.floor(Date.now() / 1000) + ttl}:${rest}`;
  return { username, password: restPassword(secret, username) };
}

export function u32(type, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return attribute(type, bytes);
}
export const text = (type, value) => attribute(type, Buffer.from(value));
export const lifetime = (seconds) => u32(types.Lifetime, seconds);
export const requestedTransport = (protocol = 17) => u32(types.RequestedTransport, protocol * 2 ** 24);
export const requestedFamily = (family) => u32(types.RequestedAddressFamily, family * 2 ** 24);
export const channelNumber = (number) => u32(types.ChannelNumber, number * 2 ** 16);

function addressBytes(host) {
  if (net.isIPv4(host)) return Buffer.from(host.split('.').map(Number));
  let [head, tail = undefined] = host.split('::');
  const words = (part) =>
    !part ? [] : part.split(':').flatMap((word) => {
      if (!word.includes('.')) return [parseInt(word, 16)];
      const [a, b, c, d] = word.split('.').map(Number);
      return [a * 256 + b, c * 256 + d];
    });
  const front = words(head);
  const back = words(tail);
  const all = tail === undefined ? front : [...front, ...Array(8 - front.length - back.length).fill(0), ...back];
  const bytes = Buffer.alloc(16);
  all.forEach((word, i) => bytes.writeUInt16BE(word, i * 2));
  return bytes;
}

function splitEndpoint(endpoint) {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}

/** XOR-PEER-ADDRESS for "127.0.0.1:4000" or "[::1]:4000"; bound to a transaction when it is written. */
export const peerAddress = (endpoint) => (id) => {
  const { host, port } = splitEndpoint(endpoint);
  const address = addressBytes(host);
  const mask = Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);
  const value = Buffer.alloc(4 + address.length);
  value[1] = address.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (kCookie >>> 16), 2);
  address.forEach((byte, i) => (value[4 + i] = byte ^ mask[i]));
  return attribute(types.XorPeerAddress, value);
};

function decodeXorAddress(value, id) {
  const mask = Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);
  const port = value.readUInt16BE(2) ^ (kCookie >>> 16);
  const address = Buffer.from(value.subarray(4).map((byte, i) => byte ^ mask[i]));
  if (value[1] === 1) return `${[...address].join('.')}:${port}`;
  const words = [];
  for (let i = 0; i < 16; i += 2) words.push(address.readUInt16BE(i).toString(16));
  const longest = words.join(':').replace(/(^|:)0(:0)*(:|$)/, '::');
  return `[${longest}]:${port}`;
}

/** What a STUN message says; null when the bytes are none. */
export function decode(bytes) {
  if (bytes.length < 20 || bytes[0] > 3 || bytes.readUInt32BE(4) !== kCookie || bytes.readUInt16BE(2) !== bytes.length - 20) return null;
  const word = bytes.readUInt16BE(0);
  const code = ((word >> 2) & 0xf80) | ((word >> 1) & 0x70) | (word & 0xf);
  const id = Buffer.from(bytes.subarray(8, 20));
  const attributes = new Map();
  let integrityAt = -1;
  for (let at = 20; at < bytes.length; ) {
    if (bytes.length - at < 4) return null;
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    if (at + 4 + length > bytes.length) return null;
    if (type === types.MessageIntegrity && integrityAt < 0) integrityAt = at;
    if (!attributes.has(type)) attributes.set(type, Buffer.from(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  const get = (name) => attributes.get(types[name]);
  const error = get('ErrorCode');
  return {
    kind: kinds[((word >> 7) & 2) | ((word >> 4) & 1)],
    method: Object.keys(methods).find((name) => methods[name] === code) ?? code,
    id,
    bytes,
    attributes,
    get,
    text: (name) => get(name)?.toString(),
    number: (name) => get(name)?.readUInt32BE(0),
    address: (name) => (get(name) ? decodeXorAddress(get(name), id) : undefined),
    error: error ? (error[2] & 7) * 100 + error[3] : undefined,
    /** Whether MESSAGE-INTEGRITY is there and made with this key. */
    provenBy(key) {
      if (integrityAt < 0) return false;
      const covered = withLength(bytes.subarray(0, integrityAt), integrityAt - 20 + 24);
      return createHmac('sha1', key).update(covered).digest().equals(get('MessageIntegrity'));
    },
  };
}

export function channelData(number, payload) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(number, 0);
  head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}

export const transactionId = () => randomBytes(12);

/** One UDP 5-tuple towards the server. */
export class TurnClient {
  /** @param credential {username, password}; may be changed at any time */
  static async open(port, credential = undefined, host = '127.0.0.1') {
    const client = new TurnClient();
    client.credential = credential;
    client.socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    client.waiting = new Map();
    client.inbox = []; // everything that is no answer: indications, ChannelData, anything else
    client.socket.on('message', (bytes) => client.#receive(bytes));
    client.socket.connect(port, host);
    await once(client.socket, 'connect');
    client.socket.on('error', () => {}); // ICMP: the request's deadline will tell
    return client;
  }

  #receive(bytes) {
    const message = bytes[0] < 4 ? decode(bytes) : null;
    const wanted = message && this.waiting.get(message.id.toString('hex'));
    if (wanted && (message.kind === 'success' || message.kind === 'error')) return wanted(message);
    this.inbox.push(message ?? bytes);
    this.onmessage?.(message ?? bytes);
  }

  get address() {
    const { address, port } = this.socket.address();
    return `${address}:${port}`;
  }

  send(bytes) {
    this.socket.send(bytes);
  }

  /** Sends a request until its answer comes; the same bytes each time. */
  exchange(message) {
    const id = message.subarray(8, 20).toString('hex');
    return new Promise((resolve, reject) => {
      let timer;
      const stop = () => {
        clearTimeout(timer);
        this.waiting.delete(id);
      };
      this.waiting.set(id, (answer) => {
        stop();
        resolve(answer);
      });
      const attempt = (tries) => {
        if (tries === kRetryMs.length) {
          stop();
          reject(new Error('no answer to a request'));
          return;
        }
        this.send(message);
        timer = setTimeout(() => attempt(tries + 1), kRetryMs[tries]);
      };
      attempt(0);
    });
  }

  /** An unauthenticated request. */
  bare(method, attributes = []) {
    const id = transactionId();
    return this.exchange(encode('request', method, id, attributes.map((one) => (typeof one === 'function' ? one(id) : one))));
  }

  /** With the credential: takes realm and nonce from the server first, and a fresh nonce once. */
  async request(method, attributes = []) {
    if (!this.nonce) this.#challenge(await this.bare(method, attributes));
    let answer = await this.exchange(this.sign(method, attributes));
    if (answer.error === 438) {
      this.#challenge(answer);
      answer = await this.exchange(this.sign(method, attributes));
    }
    return answer;
  }

  /** The bytes of an authenticated request. */
  sign(method, attributes = []) {
    const id = transactionId();
    const message = encode('request', method, id, [
      ...attributes.map((one) => (typeof one === 'function' ? one(id) : one)),
      text(types.Username, this.credential.username),
      text(types.Realm, this.realm),
      attribute(types.Nonce, this.nonce),
    ]);
    return signed(message, this.key);
  }

  get key() {
    return longTermKey(this.credential.username, this.realm, this.credential.password);
  }

  #challenge(answer) {
    if (answer.error !== 401 && answer.error !== 438) throw new Error(`${answer.method}: expected a challenge, not ${answer.error ?? answer.kind}`);
    this.realm = answer.text('Realm');
    this.nonce = answer.get('Nonce');
  }

  allocate(...attributes) {
    return this.request('Allocate', [requestedTransport(), ...attributes]);
  }
  refresh(seconds) {
    return this.request('Refresh', [lifetime(seconds)]);
  }
  permit(...peers) {
    return this.request('CreatePermission', peers.map((peer) => peerAddress(peer)));
  }
  bind(number, peer) {
    return this.request('ChannelBind', [channelNumber(number), peerAddress(peer)]);
  }
  sendTo(peer, payload) {
    const id = transactionId();
    this.send(encode('indication', 'Send', id, [peerAddress(peer)(id), attribute(types.Data, payload)]));
  }

  /** The next message that is no answer, from now on or waiting already. */
  async next(deadlineMs = 5_000) {
    if (this.inbox.length > 0) return this.inbox.shift();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came')), deadlineMs);
      this.onmessage = () => {
        clearTimeout(timer);
        this.onmessage = undefined;
        resolve(this.inbox.shift());
      };
    });
  }

  close() {
    this.socket.close();
  }
}
