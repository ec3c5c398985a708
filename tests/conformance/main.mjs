// ./dev conformance: runs the list against a server and prints the table. See usage below.

import { parseArgs } from 'node:util';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../support/stack.mjs';
import { missing as coturnMissing } from '../support/coturn.mjs';
import { splitEndpoint } from '../support/stun.mjs';
import { assertions, run } from './runner.mjs';
import { count, printTable } from './table.mjs';
import { foreignServer } from './foreign.mjs';
import { isLoopback } from './assertion.mjs';

const usage = `Usage: ./dev conformance [OPTIONS]

Runs the ${assertions.length} assertions of the TURN and STUN RFCs against a server, over real sockets, and prints a table:
pass, FAIL with what was seen, n/a with what the server lacks. Without --server it starts our relay, as many of
them as there are configurations to try; --coturn puts Debian's coturn beside it. Exit code 1 when one fails.

  --server HOST:PORT         a server to try, UDP and TCP; more of it:
    --tls PORT, --dtls PORT    its other ports            --server6 HOST   its IPv6 address, same ports
    --secret S                 TURN REST secret, or
    --user U --password P      a user (--user2, --password2: another one, for what two users may do)
    --peer ADDRESS             an address of this machine that the server may relay to; up to three
    --realm R                  its realm
    --denied ADDRESS           an address that its policy denies
    --relay-ports MIN-MAX      its range of relayed ports (49152-65535)
  --coturn                   Debian's coturn too
  --slow                     also wait for what takes minutes, all at once: 12 minutes at most
  --workers N                of our relay (2)
  --only N,N,…               these assertions only
  --json                     results as JSON on stdout
  --write                    writes docs/rfc-compliance.md from this run

Examples:
  ./dev conformance --coturn
  ./dev conformance --server 127.0.0.1:3478 --tls 5349 --user ada --password secret --peer 127.0.0.1
  ./dev conformance --only 70,96 --slow
`;

function usageError(text) {
  process.stderr.write(`${text}; ./dev conformance --help\n`);
  process.exit(2);
}

const string = { type: 'string' }, flag = { type: 'boolean' };
let options;
try {
  options = parseArgs({
    options: {
      server: string, server6: string, tls: string, dtls: string, secret: string, realm: string, user: string, password: string, user2: string,
      password2: string, peer: { type: 'string', multiple: true }, denied: string, 'relay-ports': string, coturn: flag, slow: flag,
      workers: string, only: string, json: flag, write: flag, help: { type: 'boolean', short: 'h' },
    },
  }).values;
} catch (error) {
  usageError(error.message.split('.')[0]);
}
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

function portOf(text, flagName) {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) usageError(`${flagName} wants a port, not '${text}'`);
  return port;
}

function foreign() {
  const { host, port } = splitEndpoint(options.server);
  const udp = portOf(port, '--server');
  if (!isLoopback(host) && !options.peer) usageError('a server that is not on this machine needs --peer');
  const credentials = [];
  for (const [user, password] of [['user', 'password'], ['user2', 'password2']]) {
    if (options[user] !== undefined) credentials.push({ username: options[user], password: options[password] ?? '' });
  }
  if (!options.secret && credentials.length === 0) usageError('--server needs --secret, or --user and --password');
  const range = options['relay-ports']?.split('-').map((one) => portOf(one, '--relay-ports'));
  if (range && range.length !== 2) usageError('--relay-ports wants MIN-MAX');
  const tls = options.tls && portOf(options.tls, '--tls');
  const dtls = options.dtls && portOf(options.dtls, '--dtls');
  return foreignServer(options.server, {
    host, host6: options.server6, ports: { udp, tcp: udp, tls, dtls, udp6: udp, tcp6: udp, tls6: tls, dtls6: dtls },
    realm: options.realm, secret: options.secret, credentials, staticUser: credentials[0], peers: options.peer ?? ['127.0.0.3', '127.0.0.4', '127.0.0.5'],
    denied: options.denied, relayPorts: range,
  });
}

async function subjects() {
  if (options.server) return [foreign()];
  const { ourRelay } = await import('./ours.mjs');
  const list = [ourRelay({ workers: options.workers ? Number(options.workers) : 2 })];
  if (options.coturn) {
    if (coturnMissing) usageError(coturnMissing);
    const { coturn } = await import('./coturn_server.mjs');
    list.push(coturn());
  }
  return list;
}

const numbers = options.only?.split(',').map(Number);
const wanted = numbers ? assertions.filter(({ number }) => numbers.includes(number)) : assertions;
if (wanted.length === 0) usageError(`--only ${options.only}: there are 1 to ${assertions.length}`);

const list = await subjects();
let ending;
const end = () => (ending ??= Promise.all(list.map((one) => one.stop())));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void end().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143)));

// Progress: on a terminal one line that changes, elsewhere a line every 20 seconds.
const began = performance.now();
let done = 0, failed = 0, last = '';
const all = wanted.length * list.length;
function progress(subject, { assertion, result }) {
  done += 1;
  if (result === 'fail') failed += 1;
  last = ` · ${subject.name} ${assertion.number}`;
  if (process.stderr.isTTY) say();
}
function say() {
  const text = `${done} of ${all}, ${failed} failed, ${Math.round((performance.now() - began) / 1000)} s${last}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${done < all ? text : ''}` : `  … ${text}\n`);
}
const saying = setInterval(say, process.stderr.isTTY ? 1_000 : 20_000);

let columns;
try {
  // Beside each other only when both wait for minutes anyway: timing is quieter one after the other.
  const one = async (subject) => ({
    name: subject.name, version: subject.version,
    results: await run(subject, { slow: options.slow, wanted, onresult: (result) => progress(subject, result) }),
  });
  if (options.slow) columns = await Promise.all(list.map(one));
  else {
    const finished = [];
    for (const subject of list) finished.push(await one(subject));
    columns = finished;
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(saying);
  await end();
}

if (!columns) {
  // what went wrong was said
} else if (options.json) {
  const rows = wanted.map(({ number, chapter, section, title }, i) => ({
    number, chapter, section, title,
    results: Object.fromEntries(columns.map(({ name, results }) => [name, { result: results[i].result, reason: results[i].reason, ms: results[i].ms }])),
  }));
  const totals = Object.fromEntries(columns.map(({ name, results }) => [name, count(results)]));
  process.stdout.write(`${JSON.stringify({ slow: options.slow ?? false, assertions: rows, totals }, null, 2)}\n`);
} else {
  printTable(columns);
}
if (columns && options.write) {
  const { compliancePage } = await import('./compliance_page.mjs');
  const at = path.join(root, 'docs/rfc-compliance.md');
  await writeFile(at, compliancePage(columns, { slow: options.slow }));
  process.stderr.write(`wrote ${path.relative(root, at)}\n`);
}
if (columns?.[0].results.some(({ result }) => result === 'fail')) process.exitCode = 1;
