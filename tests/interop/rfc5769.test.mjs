// coturn's library and ours agree on RFC 5769's messages, on every damaged copy of them, and on what each of
// the two writes. Compiles the judge against libturnclient.a, which Debian's package brings.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { binaries, root } from '../support/stack.mjs';
import { missing } from '../support/coturn.mjs';

const run = promisify(execFile);

test('both libraries judge alike', { skip: missing, timeout: 180_000 }, async (t) => {
  const coturn = path.join(root, 'build/tools/root/usr');
  const ours = (room) => path.join(binaries, '..', `libtp_${room}.a`);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'turnpike-judge-'));
  try {
    const judge = path.join(folder, 'judge');
    await run('g++', [
      '-std=c++23', '-O1', '-I', root, '-isystem', path.join(coturn, 'include/turn'), path.join(root, 'tests/interop/rfc5769_judge.cpp'), '-o', judge,
      ours('turn_stun'), ours('common_crypto'), ours('common_base'), path.join(coturn, 'lib/libturnclient.a'), '-lcrypto', '-lssl',
    ]);
    const { stdout } = await run(judge).catch((error) => error);
    t.diagnostic(stdout);
    const lines = stdout.trim().split('\n');
    assert.equal(lines.filter((line) => line.startsWith('agree: ')).length, 11);
    assert.deepEqual(lines.filter((line) => !line.startsWith('agree: ')), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
