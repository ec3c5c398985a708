// The CLI against the real daemons: what an administrator types, and what comes back.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { root, startStack, until } from '../support/stack.mjs';
import { startCall, withCall } from '../support/call.mjs';
import { Rpc } from '../support/rpc.mjs';
import { channelData, restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const run = promisify(execFile);
const tools = process.env.TURNPIKE_TOOLS ?? path.join(root, 'build/tools/bin');

let stack;
before(async () => (stack = await startStack({ relay: { relay: { channel_range: 'rfc5766' } } })));
after(() => stack?.stop());

async function cli(...args) {
  const done = await stack.cli(...args);
  assert.equal(done.code, 0, `turnpike ${args.join(' ')}: ${done.code} ${done.stderr}`);
  return done.stdout;
}
async function items(kind, ...args) {
  const json = JSON.parse(await cli(...args, '-o', 'json'));
  assert.equal(json.apiVersion, 'turnpike/v1');
  assert.equal(json.kind, kind);
  return json.items;
}

test('status and nodes list know both daemons and the call', async () => {
  await withCall(stack, async () => {
    await until('the call is counted', async () => (await items('NodeList', 'nodes', 'list')).some((node) => node.allocations?.active === 2));
    const nodes = await items('NodeList', 'nodes', 'list');
    assert.deepEqual(nodes.map((node) => node.role), ['relay', 'signaling']);
    assert.ok(nodes[0].traffic.packets_to_peer > 0);
    assert.match(await cli('status', '-o', 'table'), /1 relay, 1 signaling · 2 allocations/);
    assert.match(await cli('status'), /^role\tid\tstate/);
    assert.match(await cli('nodes', 'list', '--no-headers'), /^relay-test\trelay\tactive\t/);
  });
});

test('allocations: list, show, kill one and leave the call alone', async () => {
  await withCall(stack, async () => {
    const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'victim'));
    try {
      assert.equal((await client.allocate()).kind, 'success');
      const mine = await items('AllocationList', 'allocations', 'list', '--subject', 'victim');
      assert.equal(mine.length, 1);
      assert.equal(mine[0].client, client.address);
      assert.equal((await items('Allocation', 'allocations', 'show', mine[0].id))[0].subject, 'victim');

      const refused = await stack.cli('allocations', 'kill', mine[0].id);
      assert.equal(refused.code, 5);
      assert.match(refused.stderr, /--yes/);
      assert.equal((await client.refresh(600)).kind, 'success', 'not killed');

      assert.match(await cli('allocations', 'kill', '--yes', mine[0].id), /killed/);
      assert.equal((await client.refresh(600)).error, 437, 'killed');
      assert.equal((await stack.cli('allocations', 'kill', '--yes', mine[0].id)).code, 3);
      assert.equal((await stack.cli('allocations', 'show', 'nonsense')).code, 3);
    } finally {
      client.close();
    }
  });
});

test('kill ends the call that it names', async () => {
  const call = await startCall(stack);
  const names = (await cli('allocations', 'list', '-o', 'name')).trim().split('\n');
  assert.equal(names.length, 2);
  const dropped = async () => {
    const metrics = (await stack.relay.admin('GET', '/metrics')).text;
    return Number(/^turnpike_relay_dropped_packets_total\{reason="no_allocation"\} (\S+)$/m.exec(metrics)[1]);
  };
  const before = await dropped();
  await cli('allocations', 'kill', '--yes', ...names);
  // The call does not know yet: what it still sends finds no allocation.
  await until('packets without an allocation', async () => (await dropped()) > before);
  const report = await call.stop();
  assert.ok(report.lost > 0);
  assert.deepEqual(await items('AllocationList', 'allocations', 'list'), []);
});

/** A peer behind the client's relay that hears a packet each 10 ms: how many, and when the last one was. */
async function relayedTo(client) {
  const peer = dgram.createSocket('udp4').bind(0, '127.0.0.9'); // on 127.0.0.1 the relay knows relayed addresses only
  await once(peer, 'listening');
  const at = `127.0.0.9:${peer.address().port}`;
  assert.equal((await client.bind(0x4000, at)).kind, 'success');
  const heard = { packets: 0, last: 0 };
  peer.on('message', () => Object.assign(heard, { packets: heard.packets + 1, last: performance.now() }));
  const timer = setInterval(() => client.send(channelData(0x4000, Buffer.from('still here'))), 10);
  return {
    heard,
    stop() {
      clearInterval(timer);
      peer.close();
    },
  };
}

test('rooms and participants: list, show, kick', async (t) => {
  await withCall(stack, async () => {
    const ada = await Rpc.open(stack);
    const joined = await ada.call('room.join', { room: 'cli-room', peer: { name: 'Ada', kind: 'human' }, create: true });
    const grace = await Rpc.open(stack);
    await grace.call('room.join', { room: 'cli-room', peer: { name: 'Grace', kind: 'human' } });

    // Ada's own credential, as her browser would use it.
    const [server] = joined.ice.ice_servers;
    const client = await TurnClient.open(stack.ports.udp, { username: server.username, password: server.credential });
    let relayed;
    try {
      assert.equal((await client.allocate()).kind, 'success');
      relayed = await relayedTo(client);

      const rooms = await items('RoomList', 'rooms', 'list');
      assert.deepEqual(rooms.map((room) => [room.room, room.members]), [['cli-room', 2]]);
      assert.equal((await items('Room', 'rooms', 'show', 'cli-room'))[0].participants.length, 2);
      assert.equal((await stack.cli('rooms', 'show', 'nowhere')).code, 3);
      const people = await items('ParticipantList', 'participants', 'list', '--room', 'cli-room');
      const target = people.find((one) => one.name === 'Ada');
      assert.equal(target.id, joined.peer_id);

      assert.equal((await stack.cli('participants', 'kick', target.id)).code, 5);
      const before = relayed.heard.packets;
      await until('her packets arrive', () => relayed.heard.packets > before);
      const began = performance.now();
      const [kicked] = await items('ParticipantKickList', 'participants', 'kick', target.id, '--yes', '--reason', 'test');
      assert.equal(kicked.result, 'kicked');
      assert.equal(kicked.allocations_ended, 1);
      await until('nothing arrives any more', () => performance.now() - Math.max(began, relayed.heard.last) > 1_000);
      const took = relayed.heard.last - began;
      t.diagnostic(`the last relayed packet was ${took.toFixed(0)} ms after the command began; ${relayed.heard.packets} before`);
      assert.ok(took < 1_000, `${took} ms`);
      assert.equal((await ada.closed).code, 4004);
      const left = await grace.event((message) => message.method === 'room.event' && message.params.type === 'peer.left');
      assert.equal(left.params.reason, 'kicked');
      assert.notEqual((await client.refresh(600)).kind, 'success', 'her relaying has ended');
      assert.notEqual((await client.allocate()).kind, 'success', 'and her credential opens nothing');
      assert.equal((await stack.cli('participants', 'kick', '--yes', 'nobody')).code, 3);
    } finally {
      relayed?.stop();
      client.close();
      await grace.close();
    }
  });
});

test('credentials mint in each form, and each of them opens the relay', async () => {
  await withCall(stack, async () => {
    const allocates = async ({ username, credential }) => {
      const client = await TurnClient.open(stack.ports.udp, { username, password: credential });
      try {
        assert.equal((await client.allocate()).kind, 'success', username);
        assert.equal((await client.refresh(0)).kind, 'success');
      } finally {
        client.close();
      }
    };
    const [json] = await items('Credential', 'credentials', 'mint', '--user', 'alice', '--ttl', '2m');
    assert.equal(json.ttl_seconds, 120);
    await allocates(json);

    const ice = JSON.parse(await cli('credentials', 'mint', '--user', 'alice', '-o', 'ice-json'));
    await allocates(ice.iceServers[0]);

    const js = await cli('credentials', 'mint', '--user', 'alice', '-o', 'js');
    class RTCPeerConnection {
      constructor(configuration) {
        this.configuration = configuration;
      }
    }
    const connection = new Function('RTCPeerConnection', `${js}; return connection;`)(RTCPeerConnection);
    await allocates(connection.configuration.iceServers[0]);

    const rows = Object.fromEntries((await cli('credentials', 'mint', '--user', 'alice')).trim().split('\n').map((line) => line.split('\t')));
    await allocates(rows);
    assert.match(await cli('credentials', 'mint', '--user', 'alice', '-o', 'table'), /^credential +\S+/m);

    const [own] = await items('Credential', 'credentials', 'mint', '--user', 'bob', '--secret-file', stack.secretFile, '--kid', 'k1', '--allocations', '1');
    assert.match(own.username, /^\d+:bob;k=k1;a=1$/);
    await allocates(own);
    assert.equal((await stack.cli('credentials', 'mint')).code, 2);
  });
});

test('the uclient line works as it is printed', async () => {
  await withCall(stack, async () => {
    const line = await cli('credentials', 'mint', '--user', 'alice', '-o', 'uclient');
    assert.match(line, /^turnutils_uclient /);
    const done = await run('bash', ['-c', line], { env: { ...process.env, PATH: `${tools}:${process.env.PATH}` }, timeout: 60_000 }).catch((error) => error);
    assert.match(done.stdout, /Total lost packets 0 /, `${line}${done.stdout.slice(-3000)}`);
  });
});

test('config validate: the running configuration is good, a broken copy is told with its line', async () => {
  const good = path.join(stack.directory, 'relay.toml');
  assert.match(await cli('config', 'validate', good, '-o', 'table'), /good for turnpike-relay/);
  assert.match(await cli('config', 'validate', path.join(stack.directory, 'signaling.toml'), '-o', 'table'), /good for turnpike-signaling/);

  const broken = path.join(stack.directory, 'broken.toml');
  await writeFile(broken, `${await readFile(good, 'utf8')}\n[quota]\nper_usr = 3\n`);
  const done = await stack.cli('config', 'validate', broken, '-o', 'json');
  assert.equal(done.code, 1);
  const lines = (await readFile(broken, 'utf8')).split('\n');
  const [problem] = JSON.parse(done.stdout).items.filter((one) => one.severity === 'error');
  assert.equal(problem.line, lines.indexOf('per_usr = 3') + 1);
  assert.match(problem.message, /per_usr/);
});

test('without daemons: 6, and what to do', async () => {
  const done = await stack.cli('--runtime-dir', '/nonexistent', 'status').catch((error) => error);
  assert.ok([2, 6].includes(done.code));
  const alone = await stack.cli('--socket', '/nonexistent/admin.sock', 'status');
  assert.equal(alone.code, 6);
  assert.match(alone.stderr, /is the daemon running/);
});
