// Debian's turnutils_natdiscovery learns from us, on two loopback addresses, that there is no NAT.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { freePort, startStack } from '../support/stack.mjs';
import { missing, tool } from '../support/coturn.mjs';

const addresses = ['127.0.0.1', '127.0.0.2'];

let stack;
let ports;
before(async () => {
  if (missing) return;
  ports = [await freePort(), await freePort()];
  stack = await startStack({ signaling: false, relay: { behaviour_discovery: { addresses, ports } } });
});
after(() => stack?.stop());

async function discover(...flags) {
  const { code, text } = await tool('turnutils_natdiscovery', [...flags, '-p', ports[0], '-L', '127.0.0.1', addresses[0]], 30_000);
  assert.equal(code, 0, text);
  return text;
}

for (const padding of [[], ['-P']]) {
  const how = padding.length > 0 ? ', with padding' : '';
  test(`mapping is direct${how}`, { skip: missing }, async () => {
    const text = await discover('-m', ...padding);
    assert.match(text, new RegExp(`Response origin: : 127\\.0\\.0\\.1:${ports[0]}`), text);
    assert.match(text, new RegExp(`Other addr: : 127\\.0\\.0\\.2:${ports[1]}`), text);
    assert.match(text, /No NAT! \(Endpoint Independent Mapping\)/, text);
  });

  // Each answer left from the socket that CHANGE-REQUEST named, or the tool would call it filtering.
  test(`filtering is endpoint independent${how}`, { skip: missing }, async () => {
    const text = await discover('-f', ...padding);
    assert.match(text, /Endpoint Independent Filtering/, text);
  });
}

test('a mapping lives on, as RESPONSE-PORT shows', { skip: missing }, async () => {
  const text = await discover('-t', '-T', '1');
  assert.match(text, /Mapping Lifetime/i, text);
});
