// turnpike-bench in tests: one measured run, or a call that goes on beside what a test does.
//
//   const report = await relayPackets(stack, { transport: 'tls', packets: 1000 });
//   await withCall(stack, async () => { ... });      fails when the call loses a packet meanwhile

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { binaries } from './stack.mjs';

function start(stack, options) {
  const { transport = 'udp', mode = 'channels', packets = 1000, rate = 1000, size = 160, duration = 0, interval = 1, port } = options;
  const server = `127.0.0.1:${port ?? stack.ports[transport]}`;
  const credential = options.user ? ['--user', options.user, '--password', options.password ?? ''] : ['--secret-file', stack.secretFile];
  const args = ['relay', '--json-stream', '--allocations', 2, '--relay-to-relay', '--server', server, '--transport', transport, '--mode', mode, '--packets', packets, '--rate', rate,
    '--size', size, '--duration', duration, '--interval', interval, '--drain', 5, '--insecure', ...credential];
  const child = spawn(path.join(binaries, 'turnpike-bench'), args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stderr: err, report: lines().find((line) => line.type === 'result') }));
  });
  // Whole lines only: the last one may be still under way.
  const lines = () => out.slice(0, out.lastIndexOf('\n') + 1).split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const received = () => lines().reduce((sum, line) => sum + (line.type === 'interval' ? line.received : 0), 0);
  return { child, ended, received, said: () => `${err}${out}` };
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

/** A call that relays until stop(), which returns its report. It is under way when this returns. */
export async function startCall(stack, options = {}) {
  const run = start(stack, { rate: 200, ...options, packets: 0, interval: 0.1 });
  let over = false;
  void run.ended.then(() => (over = true));
  const { received } = run;
  // Its interval lines say how many packets have arrived.
  const more = (than) =>
    new Promise((resolve, reject) => {
      const done = (how, value) => {
        clearTimeout(timer);
        run.child.stdout.off('data', look);
        how(value);
      };
      const look = () => received() > than && done(resolve);
      const timer = setTimeout(() => done(reject, new Error(`the call stands still: ${run.said()}`)), 20_000);
      run.child.stdout.on('data', look);
      void run.ended.then(() => done(reject, new Error(`the call is over: ${run.said()}`)));
      look();
    });
  try {
    await more(0);
  } catch (error) {
    if (!over) run.child.kill('SIGKILL');
    throw error;
  }
  return {
    pid: run.child.pid,
    /** Resolves when more packets have arrived than now. */
    goesOn: () => more(received()),
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
    await call.goesOn();
  } catch (error) {
    await call.stop().catch(() => {});
    throw error;
  }
  const report = await call.stop();
  assert.deepEqual(
    { lost: report.lost, damaged: report.damaged, duplicated: report.duplicated },
    { lost: 0, damaged: 0, duplicated: 0 },
    `the call beside it: ${JSON.stringify(report)}`,
  );
  return value;
}
