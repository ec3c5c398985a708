// The API for credentials: who gets them, and who is told what instead.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request, startStack, withStack } from '../support/stack.mjs';
import { withCall } from '../support/call.mjs';
import { TurnClient } from '../support/turn_client.mjs';

let stack;
before(async () => (stack = await startStack()));
after(() => stack?.stop());

const http = (method, target, body, headers) => request({ host: '127.0.0.1', port: stack.ports.http }, method, target, body, headers);
const bearer = (key) => ({ authorization: `Bearer ${key}` });

async function assertAllocates(username, password) {
  const client = await TurnClient.open(stack.ports.udp, { username, password });
  try {
    assert.equal((await client.allocate()).kind, 'success');
    assert.equal((await client.refresh(0)).kind, 'success');
  } finally {
    client.close();
  }
}

test('with the key: credentials that work', async () => {
  await withCall(stack, async () => {
    const answer = await http('POST', '/v1/ice-servers', { user: 'web', ttl: 120 }, bearer(stack.apiKey));
    assert.equal(answer.status, 201, answer.text);
    const [server] = answer.json.iceServers;
    assert.match(server.username, /^\d+:web/);
    assert.ok([].concat(server.urls).some((url) => url.startsWith('turn:')));
    await assertAllocates(server.username, server.credential);

    const rest = await http('GET', `/turn?service=turn&username=web&key=${stack.apiKey}`);
    assert.equal(rest.status, 200, rest.text);
    assert.ok(rest.json.uris.length > 0);
    await assertAllocates(rest.json.username, rest.json.password);
  });
});

test('without a key or with a wrong one: 401 and nothing else', async () => {
  await withCall(stack, async () => {
    for (const headers of [{}, bearer('wrong'), bearer(''), bearer(`${stack.apiKey}0`), { authorization: `Basic ${stack.apiKey}` }]) {
      const answer = await http('POST', '/v1/ice-servers', { user: 'web' }, headers);
      assert.equal(answer.status, 401, JSON.stringify(headers));
      assert.doesNotMatch(answer.text, /credential"\s*:/);
    }
    assert.equal((await http('GET', '/turn?service=turn&username=web')).status, 401);
    assert.equal((await http('GET', '/turn?service=turn&username=web&key=wrong')).status, 401);
  });
});

test('bad bodies, users and methods', async () => {
  await withCall(stack, async () => {
    for (const body of [{ user: 'a;a=1000' }, { user: 'a:b' }, { user: 'a b' }, { user: 17 }, { ttl: -1 }, { ttl: 'soon' }, { user: 'x'.repeat(1000) }, []]) {
      const answer = await http('POST', '/v1/ice-servers', body, bearer(stack.apiKey));
      assert.equal(answer.status, 400, `${JSON.stringify(body).slice(0, 60)}: ${answer.status} ${answer.text}`);
    }
    assert.equal((await http('GET', '/v1/ice-servers', undefined, bearer(stack.apiKey))).status, 405);
    assert.equal((await http('GET', '/v1/nothing')).status, 404);
  });
});

test('without configured keys there is no such address', async () => {
  await withStack({ signaling: { auth: { api_keys: [] } } }, async (keyless) => {
    const where = { host: '127.0.0.1', port: keyless.ports.http };
    assert.equal((await request(where, 'POST', '/v1/ice-servers', {}, bearer(keyless.apiKey))).status, 404);
    assert.equal((await request(where, 'GET', `/turn?service=turn&key=${keyless.apiKey}`)).status, 404);
  });
});
