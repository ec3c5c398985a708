// What the CLI prints of the real daemons, against the JSON Schemas that it ships.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import Ajv from 'ajv/dist/2020.js';
import { startStack } from '../support/stack.mjs';
import { Rpc } from '../support/rpc.mjs';
import { restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';

const kTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/; // RFC 3339, in UTC

let stack, folder, validators;
before(async () => {
  stack = await startStack();
  folder = await mkdtemp(path.join(os.tmpdir(), 'turnpike-schema-'));
  const written = await stack.cli('schema', '--dir', folder);
  assert.equal(written.code, 0, written.stderr);
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, formats: { 'date-time': kTime } });
  validators = new Map();
  for (const file of await readdir(folder)) {
    validators.set(path.basename(file, '.json'), ajv.compile(JSON.parse(await readFile(path.join(folder, file), 'utf8'))));
  }
});
after(async () => {
  await stack?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const checked = new Set();

async function check(kind, ...args) {
  const done = await stack.cli(...args, '-o', 'json');
  const json = JSON.parse(done.stdout);
  assert.equal(json.kind, kind);
  const validate = validators.get(kind);
  assert.ok(validate, `${kind} has a schema`);
  assert.ok(validate(json), `turnpike ${args.join(' ')}: ${JSON.stringify(validate.errors, null, 1)} in ${done.stdout}`);
  checked.add(kind);
  return json;
}

test('every kind of output is as its schema says', async () => {
  const ada = await Rpc.open(stack);
  await ada.call('room.join', { room: 'schema', peer: { name: 'Ada', kind: 'human' }, create: true });
  const client = await TurnClient.open(stack.ports.udp, restCredential(stack.secret, 'alice'));
  try {
    assert.equal((await client.allocate()).kind, 'success');
    const bound = await client.bind(0x4001, '127.0.0.2:9000');
    assert.equal(bound.kind, 'success', `${bound.error}`);

    await check('Version', 'version');
    await check('SchemaList', 'schema');
    await check('Status', 'status');
    const nodes = await check('NodeList', 'nodes', 'list');
    assert.equal(nodes.items.length, 2);
    for (const node of nodes.items) await check('Node', 'nodes', 'show', node.id);
    const { items: [allocation] } = await check('AllocationList', 'allocations', 'list');
    await check('Allocation', 'allocations', 'show', allocation.id);
    await check('RoomList', 'rooms', 'list');
    await check('Room', 'rooms', 'show', 'schema');
    const { items: [participant] } = await check('ParticipantList', 'participants', 'list');
    await check('Credential', 'credentials', 'mint', '--user', 'alice');
    await check('Credential', 'credentials', 'mint', '--user', 'alice', '--secret-file', stack.secretFile);
    await check('PlacementSimulation', 'cluster', 'simulate', '--nodes', '4', '--step', 'lose:1');

    const careless = path.join(folder, 'relay.conf');
    await writeFile(careless, '[relay]\nmin_prot = 1\n');
    await check('ConfigProblemList', 'config', 'validate', '--for', 'relay', careless);
    const coturn = path.join(folder, 'turnserver.conf');
    await writeFile(coturn, 'listening-port=3478\nuse-auth-secret\nstatic-auth-secret=0123456789abcdef\nrealm=example.org\nno-such-option\n');
    await check('CoturnOptionList', 'config', 'import-coturn', coturn);

    assert.equal((await check('AllocationKillList', 'allocations', 'kill', allocation.id, '--dry-run')).metadata.dry_run, true);
    await check('AllocationKillList', 'allocations', 'kill', allocation.id, '--yes');
    await check('ParticipantKickList', 'participants', 'kick', participant.id, '--dry-run');
    await check('ParticipantKickList', 'participants', 'kick', participant.id, '--yes');
  } finally {
    client.close();
    ada.close();
  }
  assert.deepEqual([...validators.keys()].filter((kind) => !checked.has(kind)), [], 'kinds without a check');
});

test('a schema refuses what it does not promise', async () => {
  const json = await check('NodeList', 'nodes', 'list');
  delete json.items[0].id;
  assert.equal(validators.get('NodeList')(json), false);
});
