import { webcrypto } from 'node:crypto';

// Node 18 has no global crypto; every browser has.
globalThis.crypto ??= webcrypto;
