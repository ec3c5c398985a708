// What ./dev bench measures with: the wires between namespaces, the servers on them and turnpike-bench's frames.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { load } from '../../benchmarks/suite/load.mjs';
import { bareForwarders, engines, password, portForServer, Server, user } from '../../benchmarks/suite/servers.mjs';
import { ratio, spread } from '../../benchmarks/suite/statistics.mjs';
import { openWire } from '../../benchmarks/suite/wire.mjs';
import { noNamespaces } from '../support/namespaces.mjs';
import { binaries } from '../support/stack.mjs';

const run = promisify(execFile);

test('frames cross the relay and the bare forwarders in both directions, and are counted', { skip: noNamespaces, timeout: 120_000 }, async () => {
  const setup = await openWire();
  try {
    for (const kind of [...Object.values(engines), ...Object.values(bareForwarders)]) {
      const port = await portForServer();
      const server = await Server.start({ ...kind, allocations: 50 }, setup.place, port);
      const bare = kind.bare ? ['--bare', kind.bare, '--relayed', setup.place.relayed] : [];
      try {
        for (const direction of ['to-peer', 'to-client']) {
          const result = await load(setup, server, port, 'frames', [
            ...setup.frameFlags, ...bare, '--allocations', 50, '--direction', direction, '--size', 120, '--pps', 2_000, '--batch', 8, '--duration', 1, '--warm-up', 0.2,
          ]);
          // A busy machine may hold up the sender, and a wire has 256 places only.
          assert.ok(result.sent > 500, `${kind.name} ${direction}: ${result.sent} sent`);
          assert.ok(result.arrived > 0.8 * result.sent, `${kind.name} ${direction}: ${result.arrived} of ${result.sent} arrived`);
          // Nothing is counted twice; of the warm-up some may arrive later.
          assert.ok(result.arrived <= result.sent + 2_000 * 0.2 + 100, `${kind.name} ${direction}: ${result.arrived} of ${result.sent} arrived`);
          assert.ok(result.server_cpu_seconds > 0);
          assert.ok(Math.abs(result.packets_per_cpu_second - result.arrived / result.server_cpu_seconds) < 1);
        }
      } finally {
        await server.stop();
      }
    }
  } finally {
    await setup.close();
  }
});

test('frames says which wire is wrong', { skip: noNamespaces, timeout: 60_000 }, async () => {
  const setup = await openWire();
  try {
    const port = await portForServer();
    const server = await Server.start(engines.sockets, setup.place, port);
    try {
      const attempt = async (...wires) => {
        const [file, ...within] = setup.bench;
        return run(file, [...within, path.join(binaries, 'turnpike-bench'), 'frames', '--json', '--server', `${setup.place.listen}:${port}`, '--user', user, '--password', password, '--allocations', '5', ...setup.loadFlags, ...wires]).catch((error) => error);
      };
      const [, client, , peer] = setup.frameFlags;
      const noMac = await attempt('--client-wire', client.split('=')[0], '--peer-wire', peer);
      assert.equal(noMac.code, 2);
      assert.match(noMac.stderr, /is no NAMESPACE\/INTERFACE=MAC/);
      const noInterface = await attempt('--client-wire', client, '--peer-wire', peer.replace('to-relay', 'to-nobody'));
      assert.equal(noInterface.code, 2);
      assert.match(noInterface.stderr, /interface '.*to-nobody'/);
      // A frame that is for another card goes nowhere, and is no success.
      const foreign = await attempt('--client-wire', client.replace(/=.*/, '=02:00:00:00:00:99'), '--peer-wire', peer, '--pps', '1000', '--duration', '0.5', '--warm-up', '0.1');
      assert.ok([1, 9].includes(foreign.code), `exit ${foreign.code}: not clean, or saturated on a busy machine`);
      assert.equal(JSON.parse(foreign.stdout).arrived, 0);
    } finally {
      await server.stop();
    }
  } finally {
    await setup.close();
  }
});

test('the forwarder says what it cannot do', async () => {
  const attempt = (...flags) => run(path.join(binaries, 'turnpike-bench'), ['forward', ...flags]).then(() => ({ code: 0 }), (error) => error);
  const fleet = ['--client-addresses', '127.1.0.0/16', '--peer-addresses', '127.2.0.0/16', '--relayed', '127.0.0.1'];
  const without = await attempt('--listen', '127.0.0.1:0');
  assert.equal(without.code, 2);
  assert.match(without.stderr, /--relayed is required/);
  const few = await attempt('--listen', '127.0.0.1:3478', ...[fleet[0], '127.1.0.0/30', ...fleet.slice(2)], '--allocations', '50');
  assert.equal(few.code, 2);
  assert.match(few.stderr, /need an address for each of --allocations/);
  const foreign = await attempt('--listen', '127.0.0.1:3478', ...[fleet[0], '192.0.2.0/24', ...fleet.slice(2)], '--allocations', '50');
  assert.equal(foreign.code, 2);
  assert.match(foreign.stderr, /neither on this machine nor behind a veth/);
  const taken = await attempt('--listen', '192.0.2.1:3478', ...fleet);
  assert.equal(taken.code, 6);
  assert.match(taken.stderr, /192\.0\.2\.1:3478: /);
});

test('ratios are of the same round', () => {
  assert.deepEqual(spread([3, 1, 2]), { median: 2, low: 1.5, high: 2.5, count: 3 });
  // The second round was slow for both, the third has no base, the fourth no value.
  const of = ratio([200, 20, 300, undefined], [100, 10, undefined, 50]);
  assert.deepEqual(of, { median: 2, low: 2, high: 2, count: 2 });
  assert.equal(ratio([1], []), undefined);
});
