// One port 443 for everything: turns:, the page over HTTPS and its WebSocket, with turnpike-signaling as the
// relay's upstream.
import assert from 'node:assert/strict';
import https from 'node:https';
import { after, before, test } from 'node:test';
import { Rpc } from '../support/rpc.mjs';
import { startStack, until } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

let stack;
before(async () => {
  stack = await startStack({
    ports: ['one'],
    relay: ({ listen, ports, certificate, key }) => ({
      listen: [...listen, { transport: 'tls', address: `127.0.0.1:${ports.one}`, certificate, key, upstream: `127.0.0.1:${ports.http}` }],
    }),
  });
});
after(() => stack?.stop());

function get(path) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: stack.ports.one, path, rejectUnauthorized: false, agent: false, timeout: 5_000 };
    https
      .get(options, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part)).on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(parts).toString() }));
      })
      .once('error', reject);
  });
}

const turn = (tls = {}) => TurnClient.open(stack.ports.one, restCredential(stack.secret, 'shared'), { transport: 'tls', tls });

test('TURN, the page and the WebSocket at once', async () => {
  const client = await turn();
  const named = await turn({ ALPNProtocols: ['stun.turn'] });
  assert.equal((await client.allocate()).kind, 'success');
  assert.equal((await named.allocate()).kind, 'success');

  const page = await get('/');
  assert.equal(page.status, 200);
  assert.match(page.text, /<!doctype html>/i);
  assert.equal((await get('/healthz')).status, 200);

  const rpc = await Rpc.open({ wsUrl: `wss://127.0.0.1:${stack.ports.one}/ws` }, { tls: { rejectUnauthorized: false } });
  assert.ok(rpc.session, 'hello was answered');
  assert.equal((await client.refresh(600)).kind, 'success');
  const metrics = (await stack.relay.admin('GET', '/metrics')).text;
  assert.match(metrics, /turnpike_relay_upstream_connections 1\b/);
  rpc.socket.close();
  await rpc.closed;
  client.close();
  named.close();
});

test('while signaling is down TURN goes on, the web is closed, and the log names the upstream', async () => {
  await stack.signaling.stop();
  await assert.rejects(get('/'));
  const client = await turn();
  assert.equal((await client.allocate()).kind, 'success');
  client.close();
  await until('the log has it', async () => new RegExp(`upstream\\.failed.*127\\.0\\.0\\.1:${stack.ports.http}`).test(await stack.relay.log()));
  await stack.signaling.start();
  assert.equal((await get('/')).status, 200);
});
