// Which engine the daemon runs, where it may have the range engine and where something is refused to it; that it says
// so; and that it relays all the same.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { relayPackets } from '../support/call.mjs';
import { root, startStack, withStack } from '../support/stack.mjs';

const run = promisify(execFile);
const asRoot = process.getuid?.() === 0 ? false : 'needs root: rights are taken away from the daemon';
const without = (...capabilities) => ['setpriv', `--bounding-set=${capabilities.map((one) => `-${one}`).join(',')}`];

let directory;
before(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-engines-'));
  await run('g++', ['-std=c++20', '-O1', '-o', path.join(directory, 'forbid'), path.join(root, 'tests/support/forbid.cpp')]);
});
after(() => rm(directory, { recursive: true, force: true }));
const forbidding = (what) => [path.join(directory, 'forbid'), what];

const kFromWhat = [
  ['CAP_NET_RAW', () => without('net_raw'), /raw socket.*: Operation not permitted/],
  ['CAP_BPF and CAP_SYS_ADMIN', () => without('bpf', 'sys_admin'), /bpf .*: Operation not permitted/],
  ['CAP_NET_ADMIN', () => without('net_admin', 'sys_admin'), /bpf .*: Operation not permitted/],
  ['all capabilities', () => without('all'), /Operation not permitted/],
  ['bpf(2), by seccomp', () => forbidding('bpf'), /bpf map: Operation not permitted/],
  ['raw sockets, by seccomp', () => forbidding('raw'), /raw socket.*: Operation not permitted/],
];

for (const [what, within, why] of kFromWhat) {
  test(`without ${what} the relay runs on sockets, says why, and relays`, { skip: asRoot }, async () => {
    await withStack({ signaling: false, within: within(), relay: { io: { engine: 'auto' } } }, async (stack) => {
      const node = await stack.relay.get('/v1/node');
      assert.equal(node.io_engine.name, 'sockets');
      assert.match(node.io_engine.why, /^range cannot be had: /);
      assert.match(node.io_engine.why, why);
      assert.match(node.io_engine.why, /CAP_BPF, CAP_NET_ADMIN and CAP_NET_RAW, which the systemd drop-in fast\.conf grants/);
      const lines = (await stack.relay.log()).split('\n').filter((line) => line.includes('io.engine'));
      assert.equal(lines.length, 1, 'one line says it');
      assert.match(lines[0], /sockets/);
      assert.match(lines[0], why);
      const report = await relayPackets(stack, { packets: 200 });
      assert.equal(report.lost, 0);
    });
  });
}

test('range that cannot be had is an error at the start', { skip: asRoot }, async () => {
  await assert.rejects(startStack({ signaling: false, within: without('net_raw'), relay: { io: { engine: 'range' } } }), (error) => {
    assert.match(error.message, /"code":1/);
    assert.match(error.message, /cannot run \[io\] engine = "range": raw socket.*: Operation not permitted; it needs .* \(or set engine = "auto"\)/);
    return true;
  });
});

test('with every right auto is range, and everybody who asks is told', { skip: asRoot }, async () => {
  await withStack({ signaling: false, relay: { io: { engine: 'auto' } } }, async (stack) => {
    const node = await stack.relay.get('/v1/node');
    assert.equal(node.io_engine.name, 'range');
    assert.match((await stack.cli('nodes', 'show', 'relay')).stdout, /range/);
    assert.match((await stack.cli('nodes', 'list')).stdout, /range/);
    assert.match((await stack.relay.admin('GET', '/metrics')).text, /^turnpike_relay_io_engine\{engine="range"\} 1/m);
    const report = await relayPackets(stack, { packets: 200 });
    assert.equal(report.lost, 0);
  });
});

// Of each of the process' threads by name: its policy (2: SCHED_RR) and priority, as proc(5) numbers its fields.
async function scheduling(pid) {
  const found = {};
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const name = (await readFile(`/proc/${pid}/task/${task}/comm`, 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/task/${task}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    found[name] = { priority: Number(fields[40 - 3]), policy: Number(fields[41 - 3]) };
  }
  return found;
}

test('with a real-time priority the workers have it, nobody else, and they relay', { skip: asRoot }, async () => {
  await withStack({ signaling: false, relay: { node: { workers: 2 }, io: { realtime_priority: 7 } } }, async (stack) => {
    for (const [name, { policy, priority }] of Object.entries(await scheduling(stack.relay.pid))) {
      const worker = name.startsWith('worker ');
      assert.deepEqual({ name, policy, priority }, { name, policy: worker ? 2 : 0, priority: worker ? 7 : 0 });
    }
    assert.equal((await relayPackets(stack, { packets: 200 })).lost, 0);
  });
});

test('a real-time priority that cannot be had is an error at the start', { skip: asRoot }, async () => {
  const within = [...without('sys_nice'), 'prlimit', '--rtprio=0'];
  await assert.rejects(startStack({ signaling: false, within, relay: { io: { realtime_priority: 7 } } }), (error) => {
    assert.match(error.message, /"code":1/);
    assert.match(error.message, /realtime_priority = 7: Operation not permitted; it needs CAP_SYS_NICE or LimitRTPRIO=, which .*fast\.conf grants/);
    return true;
  });
  await assert.rejects(startStack({ signaling: false, relay: { io: { realtime_priority: 100 } } }), /realtime_priority/);
});

test('an engine that does not exist is a configuration error', async () => {
  await assert.rejects(startStack({ signaling: false, relay: { io: { engine: 'fast' } } }), (error) => {
    assert.match(error.message, /"code":78/);
    assert.match(error.message, /engine.*"fast"/);
    return true;
  });
});
