// turnpike-bench says what is wrong, and with whom: a server that loses, one that is slow, one that cannot do more,
// and the generator itself when others have its core.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { bench } from '../support/bench.mjs';
import { endWithUs, startStack } from '../support/stack.mjs';
import { startProxy } from '../support/udp_proxy.mjs';

const kTries = 5;

let stack;
before(async () => {
  stack = await startStack({ signaling: false, workers: 1, relay: { log: { level: 'warning' } } });
});
after(() => stack?.stop());

/** Runs through a proxy until the machine left the generator alone; its last word otherwise. */
async function through(options, flags, mode = 'relay') {
  let last;
  for (let i = 0; i < kTries; i += 1) {
    const proxy = await startProxy(stack.ports.udp, options);
    try {
      last = await bench([mode, '--server', `127.0.0.1:${proxy.port}`, '--secret-file', stack.secretFile, '--allocations', 5, ...flags]);
    } finally {
      await proxy.close();
    }
    last.proxy = proxy;
    if (last.code !== 9) break;
  }
  return last;
}

test('a lossy server is imperfect: exactly what it lost is missing', async () => {
  const { code, result, stderr, proxy } = await through({ drop: (number) => number % 5 === 0 }, ['--packets', 100, '--rate', 40]);
  assert.equal(code, 1, stderr);
  assert.equal(result.verdict, 'imperfect');
  assert.equal(result.sent, 500);
  assert.equal(result.lost, proxy.dropped);
  assert.ok(proxy.dropped >= 100);
  assert.equal(result.generator.drops, 0);
  assert.match(result.reasons.join('\n'), /100 of 500 packets were lost \(20\.000 %\)/);
});

test('a slow server shows in the latency, and the generator is not to blame', async () => {
  const { code, result, stderr } = await through({ delayMs: 100 }, ['-t', 1, '--rate', 20, '--direction', 'both']);
  assert.equal(code, 0, `${stderr}${JSON.stringify(result?.reasons)}`);
  assert.equal(result.verdict, 'clean');
  assert.ok(result.p50_us >= 99_000, `${result.p50_us}`);
  assert.equal(result.lost, 0);
});

test('a server that is overrun loses, and its capacity is found', async () => {
  // A second's worth may wait, so that only a longer stall of the proxy itself would lose more. In a run of a second
  // twice the rate passes at most.
  const limit = { perSecond: 300, queue: 300 };
  const overrun = await through(limit, ['-t', 1, '--rate', 400]);
  assert.equal(overrun.code, 1, overrun.stderr);
  assert.ok(overrun.result.loss > 0.4, `${overrun.result.loss}`);
  assert.equal(overrun.result.generator.drops, 0);
  const found = await through(limit, ['-t', 1, '--from', 100, '--step', 2, '--resolution', 50, '--slo', 'loss<10%'], 'find-capacity');
  assert.ok([0, 9].includes(found.code), found.stderr);
  assert.ok(found.result.capacity_packets_per_second >= 100 && found.result.capacity_packets_per_second < 800, JSON.stringify(found.result));
});

test('a generator that others keep from its core says so, and gives no result', async () => {
  // The busy loop ends by itself if nobody ends it.
  const loop = spawn('taskset', ['-c', '0', process.execPath, '-e', 'const end = Date.now() + 60000; while (Date.now() < end);'], { stdio: 'ignore' });
  endWithUs(loop);
  try {
    const starved = await bench(
      ['relay', '--server', `127.0.0.1:${stack.ports.udp}`, '--secret-file', stack.secretFile, '--allocations', 50, '--pps', 20000, '--spin', '-t', 1.5],
      { within: ['taskset', '-c', '0', 'nice', '-n', '10'] },
    );
    assert.equal(starved.code, 9, starved.stderr);
    assert.equal(starved.result.verdict, 'generator saturated');
    assert.match(starved.result.reasons.join('\n'), /sent more than 1 ms late|of the schedule was sent/);
    assert.match(starved.result.reasons.join('\n'), /waited \d+ % of the time for its core, which others used/);
    assert.ok(starved.result.generator.waiting_seconds > 0.3);
  } finally {
    loop.kill('SIGKILL');
  }
});
