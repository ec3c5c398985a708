// The journal of a running relay: its files, what a kill leaves of them, and a relay that cannot have one.
import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { startStack, until } from '../support/stack.mjs';
import { peerAddress, restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const stacks = [];
after(async () => {
  for (const stack of stacks) await stack.stop();
});

async function relay(options) {
  const stack = await startStack({ signaling: false, ...options });
  stacks.push(stack);
  stack.run = path.dirname(stack.relay.socket);
  stack.journals = async () => (await readdir(stack.run)).filter((name) => name.startsWith('journal.')).sort();
  stack.metric = async (name) => Number((await stack.relay.admin('GET', '/metrics')).text.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
  stack.client = () => TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'kept-subject'));
  return stack;
}

test('each worker has a file that nobody else may read; it goes when the relay ends in peace', async () => {
  const stack = await relay({ workers: 2 });
  assert.deepEqual(await stack.journals(), ['journal.0', 'journal.1']);
  for (const name of await stack.journals()) assert.equal((await stat(path.join(stack.run, name))).mode & 0o7777, 0o600);
  assert.equal((await stat(stack.run)).mode & 0o077, 0);

  const client = await stack.client();
  assert.equal((await client.allocate()).kind, 'success');
  assert.equal((await client.request('CreatePermission', [peerAddress('127.0.0.1:4000')])).kind, 'success');
  assert.equal(await stack.metric('turnpike_relay_journals'), 2);
  assert.equal(await stack.metric('turnpike_relay_journal_records'), 1);
  assert.equal((await client.refresh(0)).kind, 'success');
  assert.equal(await stack.metric('turnpike_relay_journal_records'), 0);
  assert.equal((await client.allocate()).kind, 'success');
  client.close();
  await stack.relay.stop();
  assert.deepEqual(await stack.journals(), []);
});

test('a kill leaves the records; the next process has files of its own', async () => {
  const stack = await relay({ workers: 2 });
  const client = await stack.client();
  assert.equal((await client.allocate()).kind, 'success');
  client.close();
  await stack.relay.stop('SIGKILL');
  assert.deepEqual(await stack.journals(), ['journal.0', 'journal.1']);
  const left = Buffer.concat(await Promise.all((await stack.journals()).map((name) => readFile(path.join(stack.run, name)))));
  assert.ok(left.includes('kept-subject'));

  await stack.relay.start();
  const fresh = Buffer.concat(await Promise.all((await stack.journals()).map((name) => readFile(path.join(stack.run, name)))));
  assert.ok(!fresh.includes('kept-subject'));
  assert.equal(await stack.metric('turnpike_relay_journal_records'), 0);
});

test('node.journal = false: no file', async () => {
  const stack = await relay({ relay: { node: { journal: false } } });
  assert.deepEqual(await stack.journals(), []);
  assert.equal(await stack.metric('turnpike_relay_journals'), 0);
  const client = await stack.client();
  assert.equal((await client.allocate()).kind, 'success');
  client.close();
});

test('without room for a journal the relay says so and relays', async () => {
  // No file of this process may have more than 64 KiB.
  const stack = await relay({ within: ['bash', '-c', 'ulimit -f 64; exec "$@"', 'limited'] });
  await until('the log has it', async () => /journal\.off.*cannot enlarge.*journal\.0/.test(await stack.relay.log()));
  assert.deepEqual(await stack.journals(), []);
  const client = await stack.client();
  assert.equal((await client.allocate()).kind, 'success');
  client.close();
  assert.equal(await stack.metric('turnpike_relay_journals'), 0);
});
