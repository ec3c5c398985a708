// turnpike-bench in tests: one measured run, or a call that goes on beside what a test does.
//
//   const report = await relayPackets(stack, { transport: 'tls', packets: 1000 });
//   await withCall(stack, async () => { ... });      fails when the call loses a packet meanwhile

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { binaries } from './stack.mjs';

function start(stack, options) {
  const { transport = 'udp', mode = 'channels', packets = 1000, rate = 1000, size = 160, duration = 0, interval = 0, port } = options;
  const server = `127.0.0.1:${port ?? stack.ports[transport]}`;
  const credential = options.user ? ['--user', options.user, '--password', options.password ?? ''] : ['--secret-file', stack.secretFile];
  const args = ['relay', '--json', '--server', server, '--transport', transport, '--mode', mode, '--packets', packets, '--rate', rate,
    '--size', size, '--duration', duration, '--interval', interval, '--drain', 5, '--insecure', ...credential];
  const child = spawn(path.join(binaries, 'turnpike-bench'), args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stderr: err, report: out ? JSON.parse(out) : undefined }));
  });
  return { child, ended, said: () => err };
}

/** A run to its end: {code, stderr, report}. */
export function runBench(stack, options) {
  return start(stack, options).ended;
}

/** A run that must be clean. Returns its report. */
export async function relayPackets(stack, options) {
  const { code, stderr, report } = await runBench(stack, options);
  assert.equal(code, 0, `turnpike-bench: ${stderr}${JSON.stringify(report)}`);
  assert.equal(report.lost, 0);
  assert.equal(report.damaged, 0);
  assert.equal(report.duplicated, 0);
  return report;
}

/** A call that relays until stop(), which returns its report. */
export async function startCall(stack, options = {}) {
  const run = start(stack, { rate: 200, ...options, packets: 0, interval: 0.2 });
  const deadline = setTimeout(() => run.child.kill('SIGKILL'), 20_000);
  let over = false;
  void run.ended.then(() => (over = true));
  // Its first line says that both allocations and both channels are there.
  await new Promise((resolve) => {
    const look = () => (run.said().includes('relaying') ? resolve() : undefined);
    run.child.stderr.on('data', look);
    void run.ended.then(resolve);
    look();
  });
  clearTimeout(deadline);
  if (over) throw new Error(`the call did not start: ${run.said()}`);
  return {
    pid: run.child.pid,
    async stop() {
      run.child.kill('SIGTERM');
      const timer = setTimeout(() => run.child.kill('SIGKILL'), 20_000);
      const { code, stderr, report } = await run.ended;
      clearTimeout(timer);
      if (!report) throw new Error(`the call ended early (${code}): ${stderr}`);
      return report;
    },
  };
}

/** Runs `use` beside a call that must not lose a packet. */
export async function withCall(stack, use, options = {}) {
  const call = await startCall(stack, options);
  let value;
  try {
    value = await use(call);
  } catch (error) {
    await call.stop().catch(() => {});
    throw error;
  }
  const report = await call.stop();
  assert.ok(report.sent > 0, 'the call went on');
  assert.deepEqual(
    { lost: report.lost, damaged: report.damaged, duplicated: report.duplicated },
    { lost: 0, damaged: 0, duplicated: 0 },
    `the call beside it: ${JSON.stringify(report)}`,
  );
  return value;
}
