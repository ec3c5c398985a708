// RFC 7635 §6.2: a self-contained access token, as an authorization server makes it.

import { createCipheriv, randomBytes } from 'node:crypto';

export const kThirdParty = {
  serverName: 'https://authorization.example.org',
  id: 'key-1',
  key: Buffer.from('0123456789abcdef0123456789abcdef'), // AEAD_AES_256_GCM
};

/**
 * nonce length and nonce, then key length, MAC key, timestamp and lifetime encrypted; the STUN server's name is the
 * additional data.
 * @param ageS how long ago it was made
 */
export function accessToken({ key, serverName, macKey, lifetimeS = 600, ageS = 0 }) {
  const nonce = randomBytes(12);
  const plain = Buffer.alloc(2 + macKey.length + 8 + 4);
  plain.writeUInt16BE(macKey.length, 0);
  macKey.copy(plain, 2);
  // 48 bits of seconds, 16 bits of their 64000ths.
  plain.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000) - ageS) << 16n, 2 + macKey.length);
  plain.writeUInt32BE(lifetimeS, 2 + macKey.length + 8);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(serverName));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(nonce.length, 0);
  return Buffer.concat([head, nonce, sealed]);
}
