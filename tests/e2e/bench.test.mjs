// turnpike-bench against the real relay: every mode, transport and direction; what it refuses, and how it says why
// a server cannot be used.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bench, towards } from '../support/bench.mjs';
import { Network, noNamespaces } from '../support/namespaces.mjs';
import { freePort, startStack } from '../support/stack.mjs';

let stack;
before(async () => {
  stack = await startStack({
    signaling: false,
    ipv6: true,
    ports: ['dtls'],
    relay: ({ listen, ports, certificate, key }) => ({
      listen: [...listen, { transport: 'dtls', address: `127.0.0.1:${ports.dtls}`, certificate, key }],
      // The last one may only reach what is no peer here.
      auth: { users: [{ name: 'alice', password: { value: 'wonderland' } }] },
      quota: { per_user: 3 },
      log: { level: 'warning' },
    }),
  });
});
after(() => stack?.stop());

/** Everything sent came, once and intact. Delivery is judged, not speed: the machine may be busy. */
function assertDelivered({ code, stderr, result }, packets) {
  assert.equal(code, 0, `${stderr}${JSON.stringify({ ...result, intervals: undefined })}`);
  assert.equal(result.verdict, 'clean');
  assert.equal(result.sent, packets);
  assert.equal(result.received, packets);
  assert.deepEqual([result.lost, result.duplicated, result.damaged, result.failed], [0, 0, 0, 0]);
  assert.equal(result.latency.count, packets);
  assert.ok(result.p50_us > 0 && result.p99_us >= result.p50_us && result.max_us >= result.p99_us);
}

for (const [name, ...flags] of [
  ['to the peer', '--direction', 'to-peer'],
  ['to the client', '--direction', 'to-client'],
  ['an echo', '--peer', 'echo'],
  ['relay to relay', '--relay-to-relay'],
  ['Send indications', '--mode', 'send', '--peer', 'echo'],
  ['bursts', '--burst', 8, '--size', 1200],
  ['bursts as one segmented send', '--burst', 8, '--size', 1200, '--gso', '--peer', 'echo'],
  ['odd sizes', '--size', 161, '--mode', 'send'],
]) {
  test(`relay: ${name}`, async () => {
    assertDelivered(await bench(['relay', ...towards(stack), '--allocations', 20, '--packets', 40, '--rate', 100, ...flags]), 800);
  });
}

test('relay: both directions count each of their packets', async () => {
  const run = await bench(['relay', ...towards(stack), '--allocations', 20, '--packets', 40, '--rate', 50, '--direction', 'both']);
  assertDelivered(run, 1600);
  assert.equal(run.result.flows, 40);
});

test('relay: an echo is relayed twice', async () => {
  const { result } = await bench(['relay', ...towards(stack), '--allocations', 4, '--packets', 100, '--rate', 100, '--peer', 'echo', '--server-pid', stack.relay.pid]);
  // What came before the last packet left: nearly all of it.
  assert.ok(result.relayed > 600 && result.relayed <= 800, `${result.relayed}`);
  assert.ok(result.server_cpu.process_seconds > 0);
  assert.ok(result.server_cpu.packets_per_cpu_second > 0);
});

for (const transport of ['tcp', 'tls', 'dtls']) {
  test(`relay over ${transport}`, async () => {
    assertDelivered(await bench(['relay', ...towards(stack, transport), '--allocations', 6, '--packets', 100, '--rate', 100, '--peer', 'echo']), 600);
    assertDelivered(await bench(['relay', ...towards(stack, transport), '--allocations', 6, '--packets', 50, '--rate', 100, '--relay-to-relay']), 300);
  });
}

test('relay over IPv6, a socket for each client', async () => {
  const server = ['--server', `[::1]:${stack.ports.udp6}`, '--secret-file', stack.secretFile, '--allocations', 10, '--packets', 50, '--rate', 100];
  assertDelivered(await bench(['relay', ...server, '--relay-to-relay']), 500);
  assertDelivered(await bench(['relay', ...server, '--relay-family', 4, '--peer', 'echo']), 500);
});

test('2,000 allocations on one socket, all ended afterwards', async () => {
  assertDelivered(await bench(['relay', ...towards(stack), '--allocations', 2000, '--packets', 2, '--pps', 4000]), 4000);
  const { json } = await stack.relay.admin('GET', '/v1/allocations');
  assert.deepEqual(json.items, []);
});

test('the JSON has the intervals, the spectrum, the generator and its machine', async () => {
  const { result } = await bench(['relay', ...towards(stack), '--allocations', 10, '-t', 1, '--warm-up', 0.2, '--pps', 500, '--interval', 0.25]);
  assert.ok(result.intervals.length >= 3, JSON.stringify(result.intervals));
  assert.ok(result.intervals[0].from_s === 0 && result.intervals[0].sent > 0);
  assert.ok(Math.abs(result.generator.planned - 500) <= 1, `warm-up is not planned: ${result.generator.planned}`);
  assert.ok(result.latency.spectrum_us.length > 3);
  assert.ok(result.environment.kernel && result.environment.processors);
  assert.ok(result.generator.cpu_seconds > 0 && result.generator.late_share <= 1);
});

test('stun: Binding requests', async () => {
  for (const transport of ['udp', 'tcp']) {
    const { result } = await bench(['stun', '--server', `127.0.0.1:${stack.ports[transport]}`, '--transport', transport, '--clients', 10, '--rate', 500, '-t', 1]);
    assert.equal(result.sent, result.generator.planned);
    assert.equal(result.received, result.sent);
    assert.equal(result.damaged, 0);
  }
});

test('alloc: every set-up is counted and timed', async () => {
  const { code, result } = await bench(['alloc', ...towards(stack), '--allocations', 200, '--window', 16, '--server-pid', stack.relay.pid]);
  assert.equal(code, 0);
  assert.deepEqual([result.made, result.received, result.latency.count], [200, 200, 200]);
  assert.ok(result.memory.descriptors_per_allocation >= 0);
});

test('churn: as many end as come, and so many live', async () => {
  const { result } = await bench(['churn', ...towards(stack), '--allocations', 30, '--rate', 100, '-t', 1.5]);
  assert.equal(result.failed, 0);
  assert.equal(result.received, result.sent);
  assert.ok(result.sent > 100 && result.ended > 50 && result.live >= 30, JSON.stringify({ ...result, intervals: undefined }));
});

test('find-capacity: climbs to the bound that it is given', async () => {
  const { code, result, stderr } = await bench([
    'find-capacity', ...towards(stack), '--allocations', 10, '--from', 200, '--up-to', 400, '--step', 2, '-t', 0.5, '--slo', 'loss<50%', '--slo', 'p50<5s',
  ]);
  // On a machine that is busy elsewhere a rate may not be reached, which is said.
  assert.ok(code === 0 || code === 9, stderr);
  assert.ok(result.steps.length >= 2);
  if (code === 0) assert.equal(result.capacity_packets_per_second, 400);
  else assert.equal(result.verdict, 'generator saturated');
});

test('a flood of refusals is told by its code and its setting', async () => {
  const users = ['--user', 'alice', '--password', 'wonderland'];
  const server = ['--server', `127.0.0.1:${stack.ports.udp}`];
  const quota = await bench(['relay', ...server, ...users, '--allocations', 20]);
  assert.equal(quota.code, 6);
  assert.match(quota.stderr, /17 × Allocate: 486 /);
  assert.match(quota.stderr, /quota\.per_user/);
  const wrong = await bench(['relay', ...server, '--user', 'alice', '--password', 'mad-hatter', '--allocations', 5]);
  assert.equal(wrong.code, 6);
  assert.match(wrong.stderr, /5 × Allocate: 401/);
  // The relay's own address is a peer towards live relay ports only.
  const own = await bench(['relay', ...towards(stack), '--allocations', 5, '--peer-addresses', '127.0.0.1/32']);
  assert.equal(own.code, 6);
  assert.match(own.stderr, /5 × ChannelBind: 403/);
  assert.match(own.stderr, /peers\.allow/);
});

test('nobody there is said at once', async () => {
  const port = await freePort();
  for (const transport of ['udp', 'tcp']) {
    const { code, stderr } = await bench(['relay', '--server', `127.0.0.1:${port}`, '--transport', transport, '--user', 'a', '--password', 'b'], { deadlineMs: 20_000 });
    assert.equal(code, 6, stderr);
    assert.match(stderr, /Connection refused/);
  }
});

test('a server of others is refused', async () => {
  for (const server of ['192.0.2.1:3478', '[2001:db8::1]:3478']) {
    for (const mode of ['relay', 'stun', 'alloc', 'churn', 'find-capacity']) {
      const { code, stderr } = await bench([mode, '--server', server, ...(mode === 'stun' ? [] : ['--user', 'a', '--password', 'b'])]);
      assert.equal(code, 2, `${mode} ${server}`);
      assert.match(stderr, /neither on this machine nor behind a veth.*--target-is-mine/s);
    }
  }
});

test('flags that do not fit are refused with the reason', async () => {
  for (const [pattern, ...flags] of [
    [/even number/, 'relay', ...towards(stack), '--relay-to-relay', '--allocations', 3],
    [/--gso is for --transport udp/, 'relay', ...towards(stack, 'tcp'), '--gso'],
    [/--peer echo is for/, 'relay', ...towards(stack), '--peer', 'echo', '--direction', 'both'],
    [/no block of addresses/, 'relay', ...towards(stack), '--client-addresses', '127.1.0.1/16'],
    [/no credentials/, 'relay', '--server', '127.0.0.1:1'],
    [/there is no process/, 'relay', ...towards(stack), '--server-pid', 2 ** 30],
    [/there is no core/, 'relay', ...towards(stack), '--server-core', 9999],
    [/loss<0\.1%/, 'find-capacity', ...towards(stack), '--slo', 'p99<5'],
    [/no HOST:PORT/, 'relay', '--server', 'nowhere', '--user', 'a', '--password', 'b'],
    [/--size/, 'relay', ...towards(stack), '--size', 5],
    [/--pps.*excludes|excludes/, 'relay', ...towards(stack), '--pps', 10, '--rate', 10],
  ]) {
    const { code, stderr } = await bench(flags);
    assert.equal(code, 2, `${flags.join(' ')}: ${stderr}`);
    assert.match(stderr, pattern);
  }
});

test('clients and peers in namespaces, each with a block of addresses', { skip: noNamespaces }, async (t) => {
  const network = await Network.create();
  t.after(() => network.remove());
  await network.link('client', ['10.77.0.2/24'], 'relay', ['10.77.0.1/24']);
  await network.link('relay', ['10.78.0.1/24'], 'peer', ['10.78.0.2/24']);
  for (const [host, block, gateway] of [['client', '10.90.0.0/16', '10.77.0.1'], ['peer', '10.91.0.0/16', '10.78.0.1']]) {
    await network.exec(host, 'ip', 'route', 'add', 'local', block, 'dev', 'lo');
    await network.exec(host, 'ip', 'route', 'add', 'default', 'via', gateway);
  }
  await network.exec('relay', 'ip', 'route', 'add', '10.90.0.0/16', 'via', '10.77.0.2');
  await network.exec('relay', 'ip', 'route', 'add', '10.91.0.0/16', 'via', '10.78.0.2');
  const inside = await startStack({
    signaling: false,
    within: network.within('relay'),
    relay: {
      listen: [{ transport: 'udp', address: '10.77.0.1:3478' }],
      relay: { address: ['10.78.0.1'] },
      peers: { mode: 'default', allow: ['10.91.0.0/16'] },
      limits: { exempt: ['10.90.0.0/16'] },
      log: { level: 'warning' },
    },
  });
  t.after(() => inside.stop());
  const namespace = (host) => network.within(host).at(-1);
  const where = ['--client-netns', namespace('client'), '--client-addresses', '10.90.0.0/16', '--peer-netns', namespace('peer'), '--peer-addresses', '10.91.0.0/16'];
  const server = ['--server', '10.77.0.1:3478', '--secret-file', inside.secretFile];
  assertDelivered(await bench(['relay', ...server, ...where, '--allocations', 500, '--packets', 4, '--pps', 1000, '--peer', 'echo']), 2000);
  // From here it is a stranger: no route that stays on this machine.
  const outside = await bench(['relay', ...server]);
  assert.equal(outside.code, 2);
  const nowhere = await bench(['relay', ...server, '--client-netns', 'tp-no-such-namespace']);
  assert.equal(nowhere.code, 2);
});
