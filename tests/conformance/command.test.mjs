// ./dev conformance against a server that somebody else started: flags, exit codes, JSON, the table.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { root, startStack } from '../support/stack.mjs';

let stack;
before(async () => (stack = await startStack({ signaling: false, relay: { quota: { per_user: 3 }, auth: { users: [{ name: 'ada', password: { value: 'correct horse' } }] } } })));
after(() => stack?.stop());

function conformance(...args) {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(root, 'tests/conformance/main.mjs'), ...args], { timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
}
const server = () => ['--server', `127.0.0.1:${stack.ports.udp}`, '--tls', String(stack.ports.tls), '--relay-ports', '61000-65535'];

test('with a secret', async () => {
  const { code, stdout, stderr } = await conformance(...server(), '--secret', stack.secret, '--denied', '10.0.0.1', '--only', '1,25,50,74,82,85,96', '--json');
  assert.equal(code, 0, stderr + stdout);
  const { assertions, totals } = JSON.parse(stdout);
  assert.deepEqual(assertions.map(({ number }) => number), [1, 25, 50, 74, 82, 85, 96]);
  const [of] = Object.values(totals);
  assert.deepEqual(of, { pass: 6, fail: 0, 'n/a': 1, core: 0 });
  assert.equal(Object.values(assertions[5].results)[0].reason, 'takes minutes: --slow', "core's tests say nothing about another server");
});

test('with one user: what two users may do is n/a', async () => {
  const { code, stdout } = await conformance(...server(), '--user', 'ada', '--password', 'correct horse', '--only', '12,31,45', '--json');
  assert.equal(code, 0, stdout);
  assert.deepEqual(JSON.parse(stdout).assertions.map(({ results }) => Object.values(results)[0].result), ['pass', 'pass', 'n/a']);
});

test('a failure shows in the table and in the exit code', async () => {
  const { code, stdout } = await conformance(...server(), '--user', 'ada', '--password', 'wrong', '--only', '50,55');
  assert.equal(code, 1);
  assert.match(stdout, /^FAIL {3}55 {2}RFC 8656 §7\.2 {2}no LIFETIME: 600 seconds$/m);
  assert.match(stdout, /^ +Allocate: 401/m);
  assert.match(stdout, /0 pass, 2 fail, 0 n\/a$/m);
});

test('nobody there is a failure in time, not a hang', async () => {
  const { code, stdout } = await conformance('--server', '127.0.0.1:9', '--secret', 'x', '--only', '1,13');
  assert.equal(code, 1);
  assert.match(stdout, /0 pass, 2 fail/);
});

test('what it cannot do is said with exit code 2', async () => {
  for (const [args, said] of [
    [['--server', '127.0.0.1:3478'], /--server needs --secret/],
    [['--server', '192.0.2.1:3478', '--secret', 'x'], /needs --peer/],
    [['--server', 'nowhere', '--secret', 'x'], /wants a port/],
    [['--only', '125'], /there are 1 to 124/],
    [['--frobnicate'], /frobnicate/],
  ]) {
    const { code, stderr, stdout } = await conformance(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, said);
    assert.equal(stdout, '');
  }
  const help = await conformance('--help');
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^Usage: \.\/dev conformance/);
});
