// STUN and TURN on the wire, for tests: a codec of its own (none of the product's code) that can also write
// what no honest client would. The client that speaks it is turn_client.mjs.
//
//   const id = transactionId();
//   const bytes = signed(encode('request', 'Refresh', id, [lifetime(600)]), key);
//   const message = decode(bytes);       {kind, method, attributes, error, ...}, or null: no STUN message
//
// An attribute to be written is bytes, or a function of the transaction id that gives bytes (XOR addresses).
// Sources: RFC 8489 §5, §14; RFC 8656 §12, §18; RFC 5780 §7; RFC 6062 §6; RFC 7635 §6; RFC 8016 §3.

import { createHash, createHmac, randomBytes } from 'node:crypto';
import net from 'node:net';

export const kCookie = 0x2112a442;
export const methods = {
  Binding: 1, Allocate: 3, Refresh: 4, Send: 6, Data: 7, CreatePermission: 8, ChannelBind: 9,
  Connect: 10, ConnectionBind: 11, ConnectionAttempt: 12,
};
const kinds = ['request', 'indication', 'success', 'error'];
export const types = {
  MappedAddress: 0x0001, ChangeRequest: 0x0003, Username: 0x0006, MessageIntegrity: 0x0008, ErrorCode: 0x0009,
  UnknownAttributes: 0x000a, ChannelNumber: 0x000c, Lifetime: 0x000d, XorPeerAddress: 0x0012, Data: 0x0013,
  Realm: 0x0014, Nonce: 0x0015, XorRelayedAddress: 0x0016, RequestedAddressFamily: 0x0017, EvenPort: 0x0018,
  RequestedTransport: 0x0019, DontFragment: 0x001a, AccessToken: 0x001b, MessageIntegritySha256: 0x001c,
  PasswordAlgorithm: 0x001d, Userhash: 0x001e, XorMappedAddress: 0x0020, ReservationToken: 0x0022, Priority: 0x0024,
  Padding: 0x0026, ResponsePort: 0x0027, ConnectionId: 0x002a,
  AdditionalAddressFamily: 0x8000, AddressErrorCode: 0x8001, PasswordAlgorithms: 0x8002, AlternateDomain: 0x8003,
  Icmp: 0x8004, Software: 0x8022, AlternateServer: 0x8023, Fingerprint: 0x8028, ResponseOrigin: 0x802b,
  OtherAddress: 0x802c, ThirdPartyAuthorization: 0x802e, MobilityTicket: 0x8030,
};
const nameOf = new Map(Object.entries(types).map(([name, type]) => [type, name]));
export const typeName = (type) => nameOf.get(type) ?? `0x${type.toString(16).padStart(4, '0')}`;

export const kMd5 = 1, kSha256 = 2; // RFC 8489 §18.5, password algorithms

function padded(value) {
  return Buffer.concat([value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

/** One attribute. `length` says another length than the value has. */
export function attribute(type, value, length = value.length) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, padded(value)]);
}

const written = (attributes, id) => attributes.map((one) => (typeof one === 'function' ? one(id) : one));

/** A message without integrity or fingerprint. */
export function encode(kind, method, id, attributes = []) {
  const code = methods[method] ?? method;
  const bits = kinds.indexOf(kind);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(((code & 0xf80) << 2) | ((code & 0x70) << 1) | (code & 0xf) | ((bits & 2) << 7) | ((bits & 1) << 4), 0);
  const body = Buffer.concat(written(attributes, id));
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

/** `message` and what comes behind, with a length that fits. */
export function appended(message, ...attributes) {
  const behind = Buffer.concat(written(attributes, message.subarray(8, 20)));
  return Buffer.concat([withLength(message, message.length - 20 + behind.length), behind]);
}

/** Appends MESSAGE-INTEGRITY under `key`. */
export function signed(message, key) {
  const covered = withLength(message, message.length - 20 + 24);
  return Buffer.concat([covered, attribute(types.MessageIntegrity, createHmac('sha1', key).update(covered).digest())]);
}

/** Appends MESSAGE-INTEGRITY-SHA256 under `key`, cut to `size` bytes. */
export function signedSha256(message, key, size = 32) {
  const covered = withLength(message, message.length - 20 + 4 + size + ((4 - (size % 4)) % 4));
  const value = createHmac('sha256', key).update(covered).digest();
  return Buffer.concat([covered, attribute(types.MessageIntegritySha256, Buffer.concat([value, Buffer.alloc(32)]).subarray(0, size))]);
}

/** Appends FINGERPRINT. */
export function fingerprinted(message) {
  const covered = withLength(message, message.length - 20 + 8);
  const value = Buffer.alloc(4);
  value.writeUInt32BE((crc32(covered) ^ 0x5354554e) >>> 0);
  return Buffer.concat([covered, attribute(types.Fingerprint, value)]);
}

// zlib.crc32 is younger than Node 18.
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});
function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = (value >>> 8) ^ crcTable[(value ^ byte) & 0xff];
  return (value ^ 0xffffffff) >>> 0;
}

/** The key of the long-term mechanism, by MD5 or by SHA-256 (RFC 8489 §9.2.2, §18.5.1). */
export function longTermKey(username, realm, password, algorithm = kMd5) {
  return createHash(algorithm === kSha256 ? 'sha256' : 'md5').update(`${username}:${realm}:${password}`).digest();
}

/** RFC 8489 §14.4. */
export const userhash = (username, realm) => createHash('sha256').update(`${username}:${realm}`).digest();

/** The password of a TURN REST username. */
export const restPassword = (secret, username, algorithm = 'sha1') => createHmac(algorithm, secret).update(username).digest('base64');

/** A TURN REST credential for `rest` (subject and limits), expiring in `ttl` seconds. */
export function restCredential(secret, rest, ttl = 600) {
  const username = `${Math.floor(Date.now() / 1000) + ttl}:${rest}`;
  return { username, password: restPassword(secret, username) };
}

export function u32(type, value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return attribute(type, bytes);
}
export const text = (type, value) => attribute(type, Buffer.from(value));
export const empty = (type) => attribute(type, Buffer.alloc(0));
export const lifetime = (seconds) => u32(types.Lifetime, seconds);
export const requestedTransport = (protocol = 17) => u32(types.RequestedTransport, protocol * 2 ** 24);
export const requestedFamily = (family) => u32(types.RequestedAddressFamily, family * 2 ** 24);
export const additionalFamily = (family) => u32(types.AdditionalAddressFamily, family * 2 ** 24);
export const evenPort = (reserve) => attribute(types.EvenPort, Buffer.from([reserve ? 0x80 : 0]));
export const reservationToken = (token) => attribute(types.ReservationToken, token);
export const dontFragment = () => empty(types.DontFragment);
export const channelNumber = (number) => u32(types.ChannelNumber, number * 2 ** 16);
export const connectionId = (id) => u32(types.ConnectionId, id);
export const data = (payload) => attribute(types.Data, Buffer.from(payload));
export const mobilityTicket = (ticket = Buffer.alloc(0)) => attribute(types.MobilityTicket, ticket);
/** RFC 5780 §7.2 */
export const changeRequest = ({ ip = false, port = false }) => u32(types.ChangeRequest, (ip ? 4 : 0) | (port ? 2 : 0));
export const passwordAlgorithm = (algorithm, parameters = Buffer.alloc(0)) =>
  attribute(types.PasswordAlgorithm, algorithmBytes(algorithm, parameters));
export const passwordAlgorithms = (...algorithms) =>
  attribute(types.PasswordAlgorithms, Buffer.concat(algorithms.map((one) => padded(algorithmBytes(one, Buffer.alloc(0))))));
function algorithmBytes(algorithm, parameters) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(algorithm, 0);
  head.writeUInt16BE(parameters.length, 2);
  return Buffer.concat([head, parameters]);
}

export function addressBytes(host) {
  if (net.isIPv4(host)) return Buffer.from(host.split('.').map(Number));
  const [head, tail = undefined] = host.split('::');
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

/** {host, port} of "127.0.0.1:4000" or "[::1]:4000". */
export function splitEndpoint(endpoint) {
  const colon = endpoint.lastIndexOf(':');
  return { host: endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(endpoint.slice(colon + 1)) };
}
export const joinEndpoint = (host, port) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

const maskOf = (id) => Buffer.concat([Buffer.from([0x21, 0x12, 0xa4, 0x42]), id]);

/** An XOR address attribute for "127.0.0.1:4000" or "[::1]:4000"; bound to a transaction when it is written. */
export const xorAddress = (type, endpoint) => (id) => {
  const { host, port } = splitEndpoint(endpoint);
  const address = addressBytes(host);
  const mask = maskOf(id);
  const value = Buffer.alloc(4 + address.length);
  value[1] = address.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (kCookie >>> 16), 2);
  address.forEach((byte, i) => (value[4 + i] = byte ^ mask[i]));
  return attribute(type, value);
};
export const peerAddress = (endpoint) => xorAddress(types.XorPeerAddress, endpoint);

function endpointOf(family, address, port) {
  if (family === 1 && address.length === 4) return `${[...address].join('.')}:${port}`;
  if (family !== 2 || address.length !== 16) return undefined;
  const words = [];
  for (let i = 0; i < 16; i += 2) words.push(address.readUInt16BE(i).toString(16));
  const longest = words.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
  return `[${longest}]:${port}`;
}
function decodeXorAddress(value, id) {
  if (value.length < 8) return undefined;
  const mask = maskOf(id);
  return endpointOf(value[1], Buffer.from(value.subarray(4).map((byte, i) => byte ^ mask[i])), value.readUInt16BE(2) ^ (kCookie >>> 16));
}
const decodeAddress = (value) => (value.length < 8 ? undefined : endpointOf(value[1], value.subarray(4), value.readUInt16BE(2)));
const plainAddresses = new Set([types.MappedAddress, types.AlternateServer, types.ResponseOrigin, types.OtherAddress]);

/** What a STUN message says; null when the bytes are none. */
export function decode(bytes) {
  if (bytes.length < 20 || bytes[0] > 0x3f || bytes.readUInt32BE(4) !== kCookie || bytes.readUInt16BE(2) !== bytes.length - 20) return null;
  const word = bytes.readUInt16BE(0);
  const code = ((word >> 2) & 0xf80) | ((word >> 1) & 0x70) | (word & 0xf);
  const id = Buffer.from(bytes.subarray(8, 20));
  const list = []; // {type, at, value}, all of them
  for (let at = 20; at < bytes.length; ) {
    if (bytes.length - at < 4) return null;
    const type = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    if (at + 4 + length > bytes.length) return null;
    list.push({ type, at, value: Buffer.from(bytes.subarray(at + 4, at + 4 + length)) });
    at += 4 + length + ((4 - (length % 4)) % 4);
  }
  const attributes = new Map([...list].reverse().map(({ type, value }) => [type, value])); // the first of each
  const get = (name) => attributes.get(types[name]);
  const errorCode = get('ErrorCode');
  const addressOf = (name, value) => (plainAddresses.has(types[name]) ? decodeAddress(value) : decodeXorAddress(value, id));
  const first = (type) => list.find((one) => one.type === type);
  const proven = (type, algorithm, key) => {
    const found = first(type);
    if (!found || found.value.length < 16) return false;
    const covered = withLength(bytes.subarray(0, found.at), found.at - 20 + 4 + found.value.length);
    return createHmac(algorithm, key).update(covered).digest().subarray(0, found.value.length).equals(found.value);
  };
  return {
    kind: kinds[((word >> 7) & 2) | ((word >> 4) & 1)],
    method: Object.keys(methods).find((name) => methods[name] === code) ?? code,
    id,
    bytes,
    list,
    attributes,
    get,
    has: (name) => attributes.has(types[name]),
    text: (name) => get(name)?.toString(),
    number: (name) => get(name)?.readUInt32BE(0),
    address: (name) => (get(name) ? addressOf(name, get(name)) : undefined),
    addresses: (name) => list.filter((one) => one.type === types[name]).map((one) => addressOf(name, one.value)),
    error: errorCode ? (errorCode[2] & 7) * 100 + errorCode[3] : undefined,
    /** Types in UNKNOWN-ATTRIBUTES. */
    unknown: () => {
      const value = get('UnknownAttributes') ?? Buffer.alloc(0);
      return Array.from({ length: Math.floor(value.length / 2) }, (_, i) => value.readUInt16BE(i * 2));
    },
    /** Whether MESSAGE-INTEGRITY is there and made with this key. */
    provenBy: (key) => proven(types.MessageIntegrity, 'sha1', key),
    /** The same of MESSAGE-INTEGRITY-SHA256. */
    provenBySha256: (key) => proven(types.MessageIntegritySha256, 'sha256', key),
    /** Whether FINGERPRINT is there, is the last attribute and is right. */
    get fingerprinted() {
      const found = first(types.Fingerprint);
      if (!found || found.at !== bytes.length - 8 || found.value.length !== 4) return false;
      return found.value.readUInt32BE(0) === ((crc32(bytes.subarray(0, found.at)) ^ 0x5354554e) >>> 0);
    },
  };
}

/** A ChannelData message. `length` says another length than the payload has. */
export function channelData(number, payload, length = payload.length) {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(number, 0);
  head.writeUInt16BE(length, 2);
  return Buffer.concat([head, Buffer.from(payload)]);
}
export const isChannelData = (bytes) => Buffer.isBuffer(bytes) && bytes.length >= 4 && bytes[0] >= 0x40 && bytes[0] <= 0x7f;
export const channelOf = (bytes) => bytes.readUInt16BE(0);
export const channelPayload = (bytes) => bytes.subarray(4, 4 + bytes.readUInt16BE(2));
/** ChannelData as it goes over a stream (RFC 8656 §12.5). */
export const paddedChannelData = (number, payload) => padded(channelData(number, payload));

const kNonceCookie = 'obMatJos2';
/** What a nonce's cookie says (RFC 8489 §9.2): undefined without one. The features' bits are numbered from the most
 * significant one (§18.1); the vector of appendix B.1 numbers them from the other end, and either is understood. */
export function nonceFeatures(nonce) {
  const said = nonce?.toString('latin1') ?? '';
  if (!said.startsWith(kNonceCookie) || said.length < 13) return undefined;
  const bits = Buffer.from(said.slice(9, 13), 'base64');
  if (bits.length !== 3) return undefined;
  const value = bits.readUIntBE(0, 3);
  return { value, passwordAlgorithms: (value & 0x800001) !== 0, usernameAnonymity: (value & 0x400002) !== 0 };
}

export const transactionId = () => randomBytes(12);
