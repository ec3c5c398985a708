// ClientHellos by hand: of versions and shapes that no TLS library writes any more.

import { randomBytes } from 'node:crypto';

export const kSsl3 = 0x0300, kTls10 = 0x0301, kTls11 = 0x0302, kTls12 = 0x0303, kDtls12 = 0xfefd;

const u16 = (value) => Buffer.from([value >> 8, value & 0xff]);
const u24 = (value) => Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
const vector16 = (bytes) => Buffer.concat([u16(bytes.length), bytes]);

function extensions({ alpn }) {
  const list = [
    [10, vector16(Buffer.concat([u16(0x001d), u16(0x0017)]))], // supported_groups: X25519, P-256
    [11, Buffer.from([1, 0])], // ec_point_formats: uncompressed
    [13, vector16(Buffer.concat([u16(0x0403), u16(0x0804), u16(0x0401)]))], // signature_algorithms
  ];
  if (alpn) list.push([16, vector16(Buffer.concat(alpn.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]))))]);
  return vector16(Buffer.concat(list.map(([type, value]) => Buffer.concat([u16(type), vector16(value)]))));
}

/**
 * A whole record with a ClientHello of at most `version` (RFC 5246 §7.4.1.2; DTLS: RFC 6347 §4.2.1, without a cookie).
 * @param claim  DTLS: the length that the message claims, of which this is the first fragment
 */
export function clientHello({ version, alpn, claim }) {
  const dtls = version >= 0xfe00;
  const suites = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c, 0x002f, 0x0035];
  const body = Buffer.concat([
    u16(version), randomBytes(32), Buffer.from([0]), ...(dtls ? [Buffer.from([0])] : []), vector16(Buffer.concat(suites.map(u16))),
    Buffer.from([1, 0]), ...(version === kSsl3 ? [] : [extensions({ alpn })]),
  ]);
  const message = dtls
    ? Buffer.concat([Buffer.from([1]), u24(claim ?? body.length), u16(0), u24(0), u24(body.length), body])
    : Buffer.concat([Buffer.from([1]), u24(body.length), body]);
  const head = dtls ? Buffer.concat([Buffer.from([22]), u16(0xfeff), Buffer.alloc(8)]) : Buffer.concat([Buffer.from([22]), u16(Math.min(version, kTls10))]);
  return Buffer.concat([head, vector16(message)]);
}
