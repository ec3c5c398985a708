// turnutils_stunclient sees the addresses that we see.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack } from '../support/stack.mjs';
import { missing, tool } from '../support/coturn.mjs';

let stack;
before(async () => {
  if (!missing) stack = await startStack({ signaling: false, ipv6: true });
});
after(() => stack?.stop());

test('a Binding over IPv4 and IPv6 gives the reflexive address', { skip: missing }, async () => {
  const v4 = await tool('turnutils_stunclient', ['-p', stack.ports.udp, '127.0.0.1'], 15_000);
  assert.equal(v4.code, 0, v4.text);
  assert.match(v4.text, /IPv4\. UDP reflexive addr: 127\.0\.0\.1:\d+/);
  const v6 = await tool('turnutils_stunclient', ['-p', stack.ports.udp6, '::1'], 15_000);
  assert.equal(v6.code, 0, v6.text);
  assert.match(v6.text, /IPv6\. UDP reflexive addr: \[?::1\]?:\d+/);
});
