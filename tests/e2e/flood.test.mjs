// T31: strangers with false addresses leave nothing behind. Packets of every kind that needs no credential, each from
// another source, in a network of its own: the relay's memory stays, it opens nothing, and what it answers stays small.
// TURNPIKE_FLOOD=1000000 sends so many of each kind instead of 100,000.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { Network, noNamespaces, thisHost } from '../support/namespaces.mjs';
import { root, startStack, until } from '../support/stack.mjs';
import { attribute, channelData, channelNumber, encode, lifetime, peerAddress, requestedTransport, signed, text, transactionId, types } from '../support/stun.mjs';

const run = promisify(execFile);
const kRelay = '45.83.0.1';
const kPort = 3478;
const kEach = Number(process.env.TURNPIKE_FLOOD ?? 100_000);
const kPerSecond = 150_000;
const kMemoryMax = 1 << 20;

const key = Buffer.alloc(16, 7);
function message(kind, method, ...attributes) {
  const id = transactionId();
  return encode(kind, method, id, attributes.map((one) => (typeof one === 'function' ? one(id) : one)));
}
const bare = (method, ...attributes) => message('request', method, ...attributes);
const forged = (method, ...attributes) =>
  signed(bare(method, ...attributes, text(types.Username, '1999999999:mallory'), text(types.Realm, 'turnpike.test'), text(types.Nonce, 'AAAAAAAAAAAAAAA')), key);
const kClientHello = Buffer.concat([
  Buffer.from('16feff0000000000000000003d010000310000000000000031fefd', 'hex'),
  Buffer.alloc(32, 5),
  Buffer.from('000000040035002f0100', 'hex'),
]);

/** What a stranger can send, and how many times as large the answer may be (UDP payload). */
const kinds = {
  'Binding': [bare('Binding'), 1.6],
  'Allocate without anything': [bare('Allocate'), 3],
  'Allocate': [bare('Allocate', requestedTransport()), 3],
  'Allocate, forged': [forged('Allocate', requestedTransport()), 3],
  'Refresh': [bare('Refresh', lifetime(600)), 3],
  'Refresh, forged': [forged('Refresh', lifetime(600)), 3],
  'CreatePermission': [bare('CreatePermission', peerAddress('93.184.216.34:1')), 3],
  'ChannelBind': [bare('ChannelBind', channelNumber(0x4000), peerAddress('93.184.216.34:1')), 3],
  'Connect, ConnectionBind': [bare(0x00b, attribute(0x002a, Buffer.alloc(4, 1))), 3],
  'Send indication': [message('indication', 'Send', peerAddress('93.184.216.34:1'), text(types.Data, 'x')), 0],
  'Binding answer': [message('success', 'Binding'), 0],
  'ChannelData': [channelData(0x4000, Buffer.alloc(100, 3)), 0],
  'unknown method': [bare(0x0ff), 3],
  'DTLS ClientHello': [kClientHello, 3],
  'noise': [Buffer.alloc(200, 0xff), 0],
};

async function memoryOf(pid) {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return 1024 * Number(/^Private_Dirty:\s+(\d+) kB/m.exec(rollup)[1]);
}
const descriptorsOf = async (pid) => (await readdir(`/proc/${pid}/fd`)).length;

/** Datagrams that sockets of this host have read, and those that found one full. */
async function datagrams() {
  const lines = (await readFile('/proc/self/net/snmp', 'utf8')).split('\n').filter((line) => line.startsWith('Udp:'));
  const [names, values] = lines.map((line) => line.split(' '));
  const of = (name) => Number(values[names.indexOf(name)]);
  return { read: of('InDatagrams'), full: of('RcvbufErrors') };
}

/** nft's counter of answers. */
async function answered() {
  const { stdout } = await run('nft', ['-j', 'list', 'counter', 'inet', 'test', 'answers']);
  const { packets, bytes } = JSON.parse(stdout).nftables.find((one) => one.counter).counter;
  return { packets, payload: bytes - packets * 28 };
}

async function flood(spoofer, payload, count) {
  const before = await datagrams();
  const child = spawn(spoofer, [kRelay, kPort, count, kPerSecond].map(String), { stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(`${payload.toString('hex')}\n`);
  const [code] = await new Promise((resolve) => child.once('close', (...how) => resolve(how)));
  assert.equal(code, 0, 'spoofer');
  // All have been read or dropped when the counters stand still.
  let last;
  await until('the relay has read them', async () => {
    const now = await datagrams();
    const still = last && now.read === last.read;
    last = now;
    return still;
  }, 10_000, 200);
  return last.read - before.read;
}

async function attack(spoofer) {
  const stack = await startStack({
    signaling: false,
    relay: { auth: { realm: 'turnpike' }, listen: [{ transport: 'udp', address: `${kRelay}:${kPort}` }], relay: { address: [kRelay] }, peers: { mode: 'default', allow: [] } },
  });
  try {
    const pid = stack.relay.process.pid;
    // Once through, so that what is made once is there.
    for (const [payload] of Object.values(kinds)) await flood(spoofer, payload, 2_000);
    const before = { memory: await memoryOf(pid), descriptors: await descriptorsOf(pid) };
    const rows = [];
    for (const [kind, [payload, most]] of Object.entries(kinds)) {
      const answers = await answered();
      const read = await flood(spoofer, payload, kEach);
      const now = await answered();
      const packets = now.packets - answers.packets;
      rows.push({ kind, most, request: payload.length, read, answers: packets, answer: packets > 0 ? (now.payload - answers.payload) / packets : 0, grown: (await memoryOf(pid)) - before.memory });
    }
    const { allocations, stream_sessions: sessions } = await stack.relay.get('/v1/node');
    return { rows, grown: (await memoryOf(pid)) - before.memory, opened: (await descriptorsOf(pid)) - before.descriptors, allocations, sessions };
  } finally {
    await stack.stop();
  }
}

if (thisHost) {
  console.log(JSON.stringify(await attack(process.env.TURNPIKE_SPOOFER)));
} else {
  test('packets from false sources cost no memory, open nothing and are not amplified', { skip: noNamespaces, timeout: 1_800_000 }, async (t) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'turnpike-flood-'));
    const network = await Network.create();
    try {
      const spoofer = path.join(folder, 'spoofer');
      await run('g++', ['-std=c++20', '-O2', '-o', spoofer, path.join(root, 'tests/support/spoofer.cpp')]);
      await network.link('relay', [`${kRelay}/24`], 'world', ['45.83.0.2/24']);
      await network.exec('relay', 'ip', 'route', 'add', 'default', 'via', '45.83.0.2');
      await network.nft('relay', `table inet test {
        counter answers {}
        chain out {
          type filter hook output priority 0;
          ip saddr ${kRelay} udp sport ${kPort} counter name answers
        }
      }`);
      await network.nft('world', `table inet test {
        chain in {
          type filter hook prerouting priority -300;
          meta l4proto udp drop
        }
      }`);
      const seen = await network.node('relay', import.meta.url, { env: { TURNPIKE_SPOOFER: spoofer }, deadlineMs: 1_700_000 });

      t.diagnostic('kind                         request  answer  ratio  most   read     answered');
      for (const { kind, most, request, read, answers, answer } of seen.rows) {
        const ratio = answer / request;
        t.diagnostic(`${kind.padEnd(28)} ${String(request).padStart(7)} ${answer.toFixed(0).padStart(7)} ${ratio.toFixed(2).padStart(6)} ${most.toFixed(1).padStart(5)}  ${String(read).padStart(8)} ${String(answers).padStart(8)}`);
      }
      t.diagnostic(`memory grown by ${seen.grown} bytes, descriptors by ${seen.opened}`);
      for (const { kind, most, request, read, answer, answers } of seen.rows) {
        assert.ok(read > kEach / 2, `${kind}: only ${read} of ${kEach} were read`);
        assert.ok(answer <= most * request + 0.5, `${kind}: ${answer} bytes for ${request}`);
        if (most === 0) assert.equal(answers, 0, kind);
      }
      assert.ok(seen.rows[0].answers > 0, 'Binding is answered');
      assert.ok(seen.grown <= kMemoryMax, `${seen.grown} bytes`);
      assert.equal(seen.opened, 0);
      assert.equal(seen.allocations.active, 0);
      assert.equal(seen.sessions, 0);
    } finally {
      await network.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
}
