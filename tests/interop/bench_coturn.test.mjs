// turnpike-bench against a server that shares no line with it: Debian's coturn.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bench } from '../support/bench.mjs';
import { missing, toolsFolder } from '../support/coturn.mjs';
import { endWithUs, freePort, until } from '../support/stack.mjs';

let directory;
let server;
let flags;
before(async () => {
  if (missing) return;
  directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-coturn-'));
  const port = await freePort();
  server = spawn(
    path.join(toolsFolder, 'turnserver'),
    [
      '-n', '-c', '/dev/null', '--no-cli', '--no-tls', '--no-dtls', '--simple-log', '--log-file=/dev/null', '--no-stdout-log', `--pidfile=${directory}/pid`,
      `--userdb=${directory}/db`, '--allow-loopback-peers', '-a', '-u', 'bench:load', '-r', 'coturn.test', '--min-port=61000', '--max-port=65535',
      '-L', '127.0.0.1', '-E', '127.0.0.1', '-p', String(port),
    ],
    { stdio: 'ignore', cwd: directory },
  );
  endWithUs(server);
  flags = ['--server', `127.0.0.1:${port}`, '--user', 'bench', '--password', 'load'];
  await until('coturn answers', async () => {
    const { result } = await bench(['stun', '--server', `127.0.0.1:${port}`, '--clients', 1, '--rate', 10, '-t', 0.2, '--drain', 0.2]);
    return result?.received > 0;
  });
});
after(async () => {
  if (missing) return;
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  await rm(directory, { recursive: true, force: true });
});

for (const [name, ...more] of [
  ['channels, there and back', '--peer', 'echo'],
  ['Send indications, there and back', '--mode', 'send', '--peer', 'echo'],
  ['relay to relay', '--relay-to-relay'],
  ['TCP, both directions', '--transport', 'tcp', '--direction', 'both'],
]) {
  test(name, { skip: missing }, async () => {
    const { code, stderr, result } = await bench(['relay', ...flags, '--allocations', 20, '--packets', 20, '--rate', 50, ...more]);
    assert.equal(code, 0, stderr);
    assert.equal(result.received, result.sent);
    assert.equal(result.sent, more.includes('both') ? 800 : 400);
    assert.equal(result.damaged, 0);
  });
}

test('set-ups and their memory', { skip: missing }, async () => {
  const { code, stderr, result } = await bench(['alloc', ...flags, '--allocations', 300, '--server-pid', server.pid]);
  assert.equal(code, 0, stderr);
  assert.equal(result.made, 300);
  assert.ok(result.memory.descriptors_per_allocation > 0.5, 'a socket for each');
});
