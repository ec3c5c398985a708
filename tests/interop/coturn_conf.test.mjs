// turnserver.conf files in the style of Synapse's, Nextcloud's, Jitsi's and BigBlueButton's pages, and Debian's own: a relay
// runs from each, and clients relay through it as its owner would expect. Only what a test has to is rewritten: addresses,
// ports and the certificate.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { binaries, Daemon, freePort, makeCertificate, root, until } from '../support/stack.mjs';
import { restCredential } from '../support/stun.mjs';
import { TurnClient } from '../support/turn_client.mjs';
import { missing, toolsFolder, uclient } from '../support/coturn.mjs';

const styled = (name) => path.join(root, 'tests/interop/coturn_conf', `${name}.conf`);
const debians = path.resolve(toolsFolder, '../root/etc/turnserver.conf');

/** The file with some lines written anew (where there is none, at the end), and those of `drop` left out. */
function rewritten(text, lines, drop = []) {
  const kept = text.split('\n').filter((line) => ![...Object.keys(lines), ...drop].some((name) => line.startsWith(`${name}=`)));
  return [...kept, ...Object.entries(lines).map(([name, value]) => `${name}=${value}`), ''].join('\n');
}

/** A relay that runs from a file; ended by the test's end. */
async function start(t, file, { lines = {}, drop = [], set = [] } = {}) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-test-'));
  const { certificate, key } = await makeCertificate(directory);
  const ports = { udp: await freePort(), tls: await freePort() };
  ports.tcp = ports.udp;
  const text = await readFile(file, 'utf8');
  const own = text.includes('\ncert=') ? { cert: certificate, pkey: key } : {};
  const conf = path.join(directory, 'turnserver.conf');
  await writeFile(conf, rewritten(text, {
    'listening-ip': '127.0.0.1', 'listening-port': ports.udp, 'tls-listening-port': ports.tls, 'min-port': 61_000, 'max-port': 65_535, ...own, ...lines,
  }, drop));
  await mkdir(path.join(directory, 'run'), { mode: 0o700 });
  const args = [
    '--coturn-conf', conf, '--set', `node.runtime_dir=${path.join(directory, 'run/relay')}`, '--set', 'metrics.address=""', '--set', 'node.workers=2',
    ...set.flatMap((one) => ['--set', one]),
  ];
  const relay = new Daemon('relay', path.join(binaries, 'turnpike-relay'), args, directory);
  t.after(async () => {
    await relay.stop();
    await rm(directory, { recursive: true, force: true });
  });
  await relay.start();
  return { relay, ports, conf, secret: /^static-auth-secret=(.*)$/m.exec(text)?.[1] };
}

/** turnpike-relay to its end. */
function run(...args) {
  return new Promise((resolve) => {
    execFile(path.join(binaries, 'turnpike-relay'), args, { timeout: 15_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

/** Two clients of the relay, each as [port, transport], talk to each other by their relayed addresses. */
async function talks(secret, ...ways) {
  const clients = [];
  try {
    for (const [port, transport] of ways) {
      const client = await TurnClient.open(port, restCredential(secret, `user${clients.length}`), { transport });
      clients.push(client);
      const answer = await client.allocate();
      assert.equal(answer.kind, 'success', `Allocate over ${transport}: ${answer.error}`);
      client.relayed = answer.address('XorRelayedAddress');
    }
    const [a, b] = clients;
    assert.equal((await a.permit(b.relayed)).kind, 'success');
    assert.equal((await b.permit(a.relayed)).kind, 'success');
    a.sendTo(b.relayed, Buffer.from('from a'));
    assert.equal((await b.next()).get('Data').toString(), 'from a');
    b.sendTo(a.relayed, Buffer.from('from b'));
    assert.equal((await a.next()).get('Data').toString(), 'from b');
  } finally {
    for (const client of clients) client.close();
  }
}

/** The error code of an Allocate. */
async function refusal(port, credential, transport = 'udp') {
  const client = await TurnClient.open(port, credential, { transport });
  try {
    return (await client.allocate()).error;
  } finally {
    client.close();
  }
}
const stranger = restCredential('not-the-secret-of-any-file', 'user');

test("Synapse's style: UDP, TCP, TLS and DTLS, inside addresses denied but for the one that is allowed, quota of 12", { timeout: 60_000 }, async (t) => {
  const { relay, ports, secret } = await start(t, styled('synapse'));
  await talks(secret, [ports.udp, 'udp'], [ports.tls, 'tls']);
  // As with coturn, either port takes everything.
  await talks(secret, [ports.tls, 'dtls'], [ports.tcp, 'tls']);
  await talks(secret, [ports.tls, 'udp'], [ports.tls, 'tcp']);
  assert.equal(await refusal(ports.udp, stranger), 401);

  const clients = [];
  try {
    const credential = restCredential(secret, 'busy');
    for (let i = 0; i < 12; i += 1) {
      clients.push(await TurnClient.open(ports.udp, credential));
      assert.equal((await clients.at(-1).allocate()).kind, 'success', `allocation ${i}`);
    }
    assert.equal(await refusal(ports.udp, credential), 486);
    assert.equal((await clients[0].permit('10.0.0.1:9000')).kind, 'success', 'allowed-peer-ip');
    for (const peer of ['10.0.0.2:9000', '192.168.1.1:9000', '127.0.0.9:9000']) assert.equal((await clients[0].permit(peer)).error, 403, peer);
  } finally {
    for (const client of clients) client.close();
  }
  const log = await relay.log();
  assert.match(log, /coturn\.mapped .*option=denied-peer-ip line=13 /);
  assert.doesNotMatch(log, new RegExp(secret));
});

test("Nextcloud's style: UDP and TCP, and no TLS", { timeout: 60_000 }, async (t) => {
  const { ports, secret } = await start(t, styled('nextcloud'));
  await talks(secret, [ports.udp, 'udp'], [ports.tcp, 'tcp']);
  assert.equal(await refusal(ports.udp, stranger), 401);
  await assert.rejects(TurnClient.open(ports.tls, restCredential(secret, 'u'), { transport: 'tcp' }));
});

test("Jitsi's style: UDP and TLS, and TCP without TLS nowhere", { timeout: 60_000 }, async (t) => {
  const { ports, secret } = await start(t, styled('jitsi'));
  await talks(secret, [ports.udp, 'udp'], [ports.tls, 'tls']);
  assert.equal(await refusal(ports.tls, stranger, 'tls'), 401);
  await assert.rejects(TurnClient.open(ports.tcp, restCredential(secret, 'u'), { transport: 'tcp' }));
});

test("BigBlueButton's style: the address of its NAT's outside is the relayed one", { timeout: 60_000 }, async (t) => {
  const { ports, secret } = await start(t, styled('bigbluebutton'), { lines: { 'relay-ip': '127.0.0.1', 'external-ip': '203.0.113.7/127.0.0.1' } });
  for (const [port, transport] of [[ports.udp, 'udp'], [ports.tls, 'tls']]) {
    const client = await TurnClient.open(port, restCredential(secret, 'viewer'), { transport });
    try {
      const answer = await client.allocate();
      assert.match(answer.address('XorRelayedAddress'), /^203\.0\.113\.7:\d+$/, transport);
      assert.equal((await client.permit('10.0.0.6:9000')).error, 403);
    } finally {
      client.close();
    }
  }
  assert.equal(await refusal(ports.udp, stranger), 401);
});

test("Debian's turnutils_uclient relays through a relay that runs from such a file", { skip: missing, timeout: 90_000 }, async (t) => {
  const { ports, secret } = await start(t, styled('nextcloud'));
  const { username, password } = restCredential(secret, 'uclient');
  const result = await uclient(['-y', '-m', 2, '-n', 50, '-l', 160, '-u', username, '-w', password, '-p', ports.udp, '127.0.0.1']);
  assert.equal(result.code, 0, result.text.slice(-2000));
  assert.equal(result.lost, 0, result.text.slice(-2000));
});

test("Debian's default file lets nobody in, so it needs a secret, and nothing else", { skip: missing, timeout: 60_000 }, async (t) => {
  const alone = await run('--coturn-conf', debians, '--check');
  assert.equal(alone.code, 78);
  assert.match(alone.stderr, /static-auth-secret \(not there\): unsupported: no secret and no user/);
  assert.match(alone.stderr, /auth\.secrets is needed/);

  const secret = 'a-secret-from-elsewhere';
  const { ports } = await start(t, debians, { set: [`auth.secrets=[{value="${secret}"}]`] });
  await talks(secret, [ports.udp, 'udp'], [ports.tcp, 'tcp']);
  assert.equal(await refusal(ports.udp, stranger), 401);
});

test('SIGHUP reads the file again, and the log warns of what is unsupported', { timeout: 60_000 }, async (t) => {
  const { relay, ports, conf, secret } = await start(t, styled('nextcloud'), { lines: { 'secure-stun': 'yes' } });
  assert.match(await relay.log(), /level=warning event=coturn\.unsupported option=secure-stun line=\d+ reason=/);
  const fresh = 'a-secret-of-the-next-week';
  assert.equal(await refusal(ports.udp, restCredential(fresh, 'user')), 401);
  await writeFile(conf, rewritten(await readFile(conf, 'utf8'), { 'static-auth-secret': fresh }));
  relay.process.kill('SIGHUP');
  await until('the new secret is in use', async () => (await refusal(ports.udp, restCredential(fresh, 'user'))) === undefined);
  assert.equal(await refusal(ports.udp, restCredential(secret, 'user')), 401);
  // A file that cannot be read changes nothing.
  await writeFile(conf, `${await readFile(conf, 'utf8')}max-port=none\n`);
  relay.process.kill('SIGHUP');
  await until('the log says why', async () => /reload\.refused .*max-port is \\?"none/.test(await relay.log()));
  await talks(fresh, [ports.udp, 'udp'], [ports.tcp, 'tcp']);
});

test('what cannot be read, and what would let more through, keeps the relay from starting', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-test-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const conf = path.join(directory, 'turnserver.conf');
  const start = async (text, ...more) => {
    await writeFile(conf, `listening-ip=127.0.0.1\nstatic-auth-secret=0123456789abcdef\n${text}`);
    return run('--coturn-conf', conf, '--check', ...more);
  };
  for (const [text, expected] of [
    ['min-port=70000\n', /turnserver\.conf:3:10: min-port is 70000; it must be between 1 and 65535/],
    ['denied-peer-up=10.0.0.1\n', /turnserver\.conf:3:1: coturn has no option "denied-peer-up"; did you mean "denied-peer-ip"\?/],
    ['stun-only\n', /turnserver\.conf:3:1: stun-only cannot be had/],
    ['listening-ip=192.0.2.255\n', /turnserver\.conf:3:14: .* no address of this machine/],
  ]) {
    const result = await start(text);
    assert.equal(result.code, 78, text);
    assert.match(result.stderr, expected);
  }
  assert.equal((await start('stun-only=off\n')).code, 0);
  const printed = await run('--coturn-conf', conf, '--print-config', '--set', 'relay.min_port=50000');
  assert.equal(printed.code, 0);
  assert.match(printed.stdout, /min_port = 50000 +# --set relay\.min_port/);
  assert.doesNotMatch(printed.stdout, /0123456789abcdef/);
  const both = await run('--coturn-conf', conf, '--config', conf);
  assert.equal(both.code, 2);
});

test('what the CLI makes of each file is good for the relay', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-test-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const { certificate, key } = await makeCertificate(directory);
  for (const name of ['synapse', 'nextcloud', 'jitsi', 'bigbluebutton']) {
    const conf = path.join(directory, `${name}.conf`);
    const text = await readFile(styled(name), 'utf8');
    const lines = text.includes('\ncert=') ? { cert: certificate, pkey: key } : {};
    await writeFile(conf, rewritten(text, { ...lines, 'listening-ip': '127.0.0.1' }, ['relay-ip', 'external-ip']));
    const made = await new Promise((resolve) => {
      execFile(path.join(binaries, 'turnpike'), ['config', 'import-coturn', conf], { timeout: 15_000 }, (error, stdout) => resolve({ code: error?.code ?? 0, stdout }));
    });
    assert.equal(made.code, 0, name);
    const file = path.join(directory, `${name}.toml`);
    await writeFile(file, made.stdout);
    const checked = await run('--config', file, '--check');
    assert.equal(checked.code, 0, `${name}: ${checked.stderr}`);
  }
});
