// ./dev run as the README has it, without the build: its proof, its summary, and what it says when it cannot.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { root, until } from '../support/stack.mjs';

/** N such that N to N+4 are free now. */
async function freeBase() {
  for (;;) {
    const base = 1024 + Math.floor(Math.random() * 30_000);
    const servers = [];
    try {
      for (let port = base; port < base + 5; port += 1) {
        const server = net.createServer();
        servers.push(server);
        await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
      }
      return base;
    } catch {
      // taken; another one
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

function dev(folder, ...args) {
  const child = spawn(path.join(root, 'dev'), args, { cwd: root, env: { ...process.env, TURNPIKE_RUN: folder, CI: 'true' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said.text += part));
  return { child, said, ended: once(child, 'close').then(([code]) => code) };
}

async function withFolder(use) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'turnpike-dev-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('run --check proves relayed packets over UDP, TCP and TLS and exits 0', { timeout: 120_000 }, () =>
  withFolder(async (folder) => {
    const run = dev(folder, 'run', '--check', '--no-build', '--port-base', String(await freeBase()));
    assert.equal(await run.ended, 0, run.said.text);
    assert.match(run.said.text, /UDP, channels +4000 of 4000 +packets, each intact and once/);
    assert.match(run.said.text, /UDP, Send indications +800 of 800/);
    assert.match(run.said.text, /TCP +600 of 600/);
    assert.match(run.said.text, /TLS +600 of 600/);
    assert.doesNotMatch(run.said.text, /\x1b\[/, 'no colours in a pipe');
  }));

test('run prints commands that work as printed, and a signal ends all of it', { timeout: 120_000 }, () =>
  withFolder(async (folder) => {
    const base = await freeBase();
    const run = dev(folder, 'run', '--no-build', '--port-base', String(base));
    let over = false;
    void run.ended.then(() => (over = true));
    await until('the summary', () => over || run.said.text.includes('Ctrl-C stops'), 90_000);
    assert.equal(over, false, run.said.text);
    const printed = run.said.text.match(/^(?:API|CLI| ) +(curl .*|.*turnpike --runtime-dir .*)$/gm).map((line) => line.replace(/^(API|CLI)? +/, ''));
    assert.equal(printed.length, 4, run.said.text);
    for (const command of printed) {
      const child = spawn('bash', ['-c', command], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
      let out = '';
      child.stdout.on('data', (part) => (out += part));
      const [code] = await once(child, 'close');
      assert.equal(code, 0, command);
      assert.ok(out.length > 0, command);
    }

    // The same ports again: told which, and not started.
    const second = dev(folder, 'run', '--check', '--no-build', '--port-base', String(base));
    assert.equal(await second.ended, 1);
    assert.match(second.said.text, new RegExp(`port ${base} .*taken`));
    assert.match(second.said.text, /--port-base/);

    run.child.kill('SIGTERM');
    await run.ended;
    for (const port of [base, base + 1, base + 2]) {
      const socket = net.connect(port, '127.0.0.1');
      const [error] = await once(socket, 'error');
      assert.equal(error.code, 'ECONNREFUSED', `port ${port} is free again`);
    }
  }));

test('a wrong word is told what there is', () =>
  withFolder(async (folder) => {
    const wrong = dev(folder, 'rnu');
    assert.equal(await wrong.ended, 2);
    assert.match(wrong.said.text, /--help/);
    assert.equal(await dev(folder, 'run', '--port-base', 'x').ended, 2);
    const help = dev(folder, '--help');
    assert.equal(await help.ended, 0);
    assert.match(help.said.text, /run.*test.*build/s);
  }));
