// turnpike-bench's longer modes against the real relay: calls that come and go, hours in small, and what is made of results.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bench, towards } from '../support/bench.mjs';
import { binaries, startStack } from '../support/stack.mjs';

let stack;
let folder;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'turnpike-bench-'));
  stack = await startStack({ signaling: false, relay: { log: { level: 'warning' } } });
});
after(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const write = async (name, text) => {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
};

/** Runs it without --json: {code, stdout, stderr}. */
async function run(...args) {
  const child = spawn(path.join(binaries, 'turnpike-bench'), args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => (stdout += part));
  child.stderr.on('data', (part) => (stderr += part));
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

test('mixed: calls come and go, and nothing of them is lost', async () => {
  const scenario = await write('calls.toml', '[calls]\nper_second = 10\nparticipants = 2\nlive_max = 4\nlength = "500ms"\n[audio]\npackets_per_second = 20\n[video]\nshare = 0.5\nframes_per_second = 10\npackets_per_frame = 3\n');
  for (const mode of ['channels', 'send']) {
    const { code, result, stderr } = await bench(['mixed', scenario, ...towards(stack), '--mode', mode, '-t', 2]);
    assert.ok([0, 9].includes(code), `${stderr}${JSON.stringify(result?.reasons)}`);
    assert.deepEqual([result.failed, result.damaged, result.duplicated, result.lost], [0, 0, 0, 0]);
    // Ten calls a second, each for half a second and another half until it has ended: some find no room.
    assert.ok(result.calls >= 4 && result.turned_away > 0, JSON.stringify({ calls: result.calls, away: result.turned_away }));
    assert.ok(result.join.count >= 8 && result.join.p50_us > 0);
    assert.ok(result.sent > 50);
  }
  const { json } = await stack.relay.admin('GET', '/v1/allocations');
  assert.deepEqual(json.items, []);
});

test('mixed: a scenario is refused with the place of every mistake', async () => {
  const scenario = await write('wrong.toml', '[calls]\nper_secnd = 1\n[audio]\nsize = 5\n');
  const { code, stderr } = await bench(['mixed', scenario, ...towards(stack)]);
  assert.equal(code, 2);
  assert.match(stderr, /wrong\.toml:2:1: unknown key "per_secnd" in \[calls\]; did you mean "per_second"/);
  assert.match(stderr, /wrong\.toml:4:\d+: audio\.size is 5/);
  assert.equal((await bench(['mixed', path.join(folder, 'none.toml'), ...towards(stack)])).code, 2);
});

test('soak: every stretch by itself, and what the server grew by', async () => {
  const { code, result, stderr } = await bench(['soak', ...towards(stack), '--allocations', 10, '--rate', 20, '-t', 1, '--segment', 0.3, '--server-pid', stack.relay.pid]);
  assert.equal(code, 0, stderr);
  assert.ok(result.intervals.length >= 3);
  assert.ok(result.intervals.every((one) => one.lost === 0 && one.server_resident_bytes > 0 && one.server_descriptors > 0));
  assert.equal(result.lost, 0);
  assert.ok(Number.isFinite(result.server_growth_bytes));
});

test('--json-stream: a line an interval, the result at last', async () => {
  const { stdout } = await run('relay', ...towards(stack), '--allocations', 10, '--pps', 500, '-t', 1, '-i', 0.25, '--json-stream');
  const lines = stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.at(-1).type, 'result');
  assert.ok(lines.length >= 4);
  assert.ok(lines.slice(0, -1).every((line) => line.type === 'interval' && line.received > 0));
  const text = await run('relay', ...towards(stack), '--allocations', 10, '--pps', 500, '-t', 1, '-i', 0.25);
  assert.match(text.stderr, /\[ +0\.0-0\.2s\] 10 clients +\d+ pps .* loss 0\.000% +one-way p50 .* gen-cpu \d+%/);
  assert.match(text.stdout, /verdict/);
});

/** Five results of a made-up server, each a little apart; the generator was healthy unless said. */
const results = (rate, verdict = 'clean') =>
  [0, 1, 2, 3, 4].map((i) => JSON.stringify({ mode: 'relay', verdict, size_bytes: 120, packets_per_second: rate + i, loss: 0, p50_us: 80 + i })).join('\n');

test('compare: the ratio of medians, and whether it is chance', async () => {
  const a = await write('a.json', results(1000));
  const b = await write('b.json', results(1500));
  const { code, result } = await bench(['compare', a, b]);
  assert.equal(code, 0);
  const rate = result.metrics.packets_per_second;
  assert.deepEqual([rate.a.median, rate.b.median], [1002, 1502]);
  assert.ok(Math.abs(rate.ratio - 1502 / 1002) < 1e-9);
  assert.ok(Math.abs(rate.p - 2 / 252) < 1e-9);
  assert.ok(result.metrics.p50_us.p > 0.9);
});

test('compare: what the generator explains is left out, and other tests are named', async () => {
  const a = await write('good.json', results(1000));
  const invalid = await write('invalid.json', results(10, 'generator saturated'));
  const refused = await bench(['compare', a, invalid]);
  assert.equal(refused.code, 9);
  const mixed = await write('mixed.json', `${results(1000)}\n${results(10, 'generator saturated')}`);
  const { code, result } = await bench(['compare', a, mixed]);
  assert.equal(code, 0);
  assert.equal(result.metrics.packets_per_second.b.count, 5);
  const other = await write('other.json', results(1000).replaceAll('120', '60'));
  assert.match((await run('compare', a, other)).stdout, /not the same test: size_bytes is 120 and 60/);
  assert.equal((await bench(['compare', a, path.join(folder, 'none.json')])).code, 2);
});

test('report: a page, a picture and a table of a real run', async () => {
  const { stdout } = await bench(['relay', ...towards(stack), '--allocations', 10, '--pps', 500, '-t', 1, '-i', 0.25]);
  const file = await write('run.json', stdout);
  const page = path.join(folder, 'run.html');
  assert.equal((await run('report', file, '-o', page)).code, 0);
  const html = await readFile(page, 'utf8');
  for (const title of ['Rate over time', 'Median latency over time', 'Latency by percentile']) assert.ok(html.includes(title), title);
  assert.doesNotMatch(html, /https?:\/\/|<script|nan\b|\binf\b/);
  assert.match((await run('report', file, '--svg')).stdout, /^<svg xmlns=[^]*<\/svg>\n$/);
  assert.match((await run('report', file, '--md')).stdout, /\| verdict \| /);
  const nothing = await write('nothing.json', '{}');
  assert.equal((await run('report', nothing)).code, 2);
  assert.equal((await run('report', file, '-o', path.join(folder, 'no', 'such', 'place'))).code, 1);
});
