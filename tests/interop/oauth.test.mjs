// RFC 7635 with coturn's tools: turnutils_oauth plays the authorization server, whose tokens let a client in; and
// turnutils_uclient makes tokens of its own for every Allocate and Refresh, of three keys in turn, and relays.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStack } from '../support/stack.mjs';
import { attribute, requestedTransport, types } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';
import { missing, tool, uclient } from '../support/coturn.mjs';

const serverName = 'turn.example.org';
const macKey = 'twenty bytes of key!';
// The test keys that uclient has built in, without the line feed that coturn cuts off.
const keys = {
  north: { text: '01234567890123456789012345678901', algorithm: 'A256GCM' },
  union: { text: '1234567890123456', algorithm: 'A128GCM' },
  oldempire: { text: '12345678901234567890123456789012', algorithm: 'A256GCM' },
};
const base64 = (text) => Buffer.from(text).toString('base64');

let stack;
before(async () => {
  if (missing) return;
  stack = await startStack({
    signaling: false,
    relay: {
      relay: { channel_range: 'rfc5766', address: ['127.0.0.5'] },
      auth: {
        third_party: {
          server_name: serverName,
          keys: Object.entries(keys).map(([id, { text }]) => ({ id, key: { value: base64(text) }, lifetime: '1h' })),
        },
      },
    },
  });
});
after(() => stack?.stop());

/** A token of turnutils_oauth for key `id`. */
async function encoded(id, { key = keys[id].text, name = serverName, lifetime = 600, timestamp } = {}) {
  const { code, text } = await tool('turnutils_oauth', [
    '-e', '-i', name, '-j', id, '-k', base64(key), '-l', Math.floor(Date.now() / 1000), '-m', 3600,
    '-n', keys[id].algorithm, '-p', base64(macKey), '-r', lifetime, ...(timestamp === undefined ? [] : ['-q', timestamp]),
  ]);
  assert.equal(code, 0, text);
  // It also warns of things that do not matter here.
  return Buffer.from(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)).access_token, 'base64');
}

async function withToken(id, token, use, key = Buffer.from(macKey)) {
  const client = await TurnClient.open(stack.ports.udp, { username: id, password: '' });
  try {
    const challenge = await client.challenge();
    assert.equal(challenge.get('ThirdPartyAuthorization')?.toString(), serverName);
    const say = (method, attributes, extra = []) => client.exchange(client.sign(method, attributes, { key, extra }));
    await use(say, await say('Allocate', [requestedTransport()], [attribute(types.AccessToken, token)]));
  } finally {
    client.close();
  }
}

for (const id of Object.keys(keys)) {
  test(`a token that turnutils_oauth made for ${id}`, { skip: missing }, async () => {
    await withToken(id, await encoded(id), async (say, answer) => {
      assert.equal(answer.kind, 'success', `Allocate: ${answer.error}`);
      assert.ok(answer.provenBy(Buffer.from(macKey)), 'the answer is signed with the session key');
      assert.ok(answer.number('Lifetime') <= 600);
      assert.equal((await say('Refresh', [])).kind, 'success', 'the session key alone is enough from now on');
      assert.equal((await say('Refresh', [attribute(types.Lifetime, Buffer.alloc(4))])).kind, 'success');
    });
  });
}

test('no allocation outlives its token', { skip: missing }, async () => {
  await withToken('north', await encoded('north', { lifetime: 90 }), async (say, answer) => {
    assert.equal(answer.kind, 'success');
    assert.ok(answer.number('Lifetime') <= 90, `LIFETIME ${answer.number('Lifetime')}`);
    assert.equal((await say('Refresh', [attribute(types.Lifetime, Buffer.alloc(4))])).kind, 'success');
  });
});

test('tokens of another key, server or time, and other session keys are refused', { skip: missing }, async () => {
  const refused = async (token, key) =>
    withToken('north', token, async (say, answer) => {
      assert.equal(answer.error, 401);
      assert.equal(answer.get('ThirdPartyAuthorization')?.toString(), serverName);
    }, key);
  await refused(await encoded('north', { key: 'another key, of thirty-two bytes' }));
  await refused(await encoded('north', { name: 'turn.example.com' }));
  await refused(await encoded('union'));
  const hourAgo = BigInt(Math.floor(Date.now() / 1000) - 3600) << 16n;
  await refused(await encoded('north', { timestamp: hourAgo }));
  await refused(await encoded('north'), Buffer.alloc(20, 1));
  const spoilt = await encoded('north');
  spoilt[20] ^= 1;
  await refused(spoilt);
});

for (const [transport, how] of Object.entries({ udp: [], tcp: ['-t'] })) {
  test(`turnutils_uclient relays over ${transport} with tokens`, { skip: missing, timeout: 120_000 }, async (t) => {
    const result = await uclient([...how, '-J', '-y', '-c', '-m', 10, '-n', 100, '-z', 5, '-l', 160, '-p', stack.ports[transport], '127.0.0.1']);
    t.diagnostic(`sent ${result.sent}, received ${result.received}, lost ${result.lost}`);
    assert.equal(result.code, 0, result.text.slice(-2000));
    assert.deepEqual([result.sent, result.received, result.lost], [1000, 1000, 0]);
  });
}
