// ./dev bench: measures ours and coturn side by side. See usage below.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { root } from '../../tests/support/stack.mjs';
import { missing as coturnMissing } from '../../tests/support/coturn.mjs';
import { describeMachine, isRoot, withSettings } from './machine.mjs';
import { describe, measurements } from './measurements.mjs';
import { plot, printed, table } from './report.mjs';
import { bareForwarders, coturn, engines, portForServer, realtime, routing, Server } from './servers.mjs';

const names = Object.keys(measurements);
const usage = `Usage: ./dev bench [OPTIONS] [MEASUREMENT...]

Measures Turnpike's relay and Debian's coturn side by side, a core each, in rounds that take turns, and prints
medians of the ratios with their quartiles. Results, a table and a plot for each measurement are in build/bench.
A round in which others had more than 5 % of the server's core is repeated.

Measurements (all of them unless named): ${names.join(', ')}

  --rounds N               rounds (5)
  --seconds N              of each load (2)
  --servers LIST           of sockets, range, coturn, other (all there are); with -rt behind it: at a real-time priority
  --turnserver FILE        another turnserver, shown as "other"; --turnserver-flags="FLAGS" for it
  --allocations N,N        only variants with so many
  --write                  puts tables and plots into docs/performance.md and docs/images
  --list                   what would be measured

Measurements on wires need root: they make network namespaces. ./dev bench micro has the micro-benchmarks.

Examples:
  ./dev bench wire loopback
  ./dev bench --rounds 1 --seconds 1 part
  ./dev bench --turnserver ~/coturn/bin/turnserver --turnserver-flags="--multiplex-peer --udp-gso" --servers range,other wire
`;
const kDisturbedMax = 0.05, kTriesMax = 3;

function usageError(text) {
  process.stderr.write(`${text}; ./dev bench --help\n`);
  process.exit(2);
}

const string = { type: 'string' }, flag = { type: 'boolean' };
let options, wanted;
try {
  const parsed = parseArgs({
    allowPositionals: true,
    options: { rounds: string, seconds: string, servers: string, turnserver: string, 'turnserver-flags': string, allocations: string, write: flag, list: flag, help: { type: 'boolean', short: 'h' } },
  });
  options = parsed.values;
  wanted = parsed.positionals.length > 0 ? parsed.positionals : names;
} catch (error) {
  usageError(error.message.split('.')[0]);
}
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
for (const name of wanted) if (!names.includes(name)) usageError(`there is no measurement '${name}'`);
const positive = (name, usual) => {
  const value = Number(options[name] ?? usual);
  if (!(value > 0)) usageError(`--${name} is a number above 0`);
  return value;
};
const rounds = positive('rounds', 5), seconds = positive('seconds', 2);
const counts = options.allocations?.split(',').map(Number);

const kinds = { ...engines };
if (!coturnMissing) kinds.coturn = coturn;
if (options.turnserver) kinds.other = { name: 'other', file: path.resolve(options.turnserver), flags: (options['turnserver-flags'] ?? '').split(' ').filter(Boolean) };
const usual = Object.keys(kinds);
// Only root can give that priority.
const extra = isRoot ? realtime(kinds) : {};
Object.assign(kinds, extra, bareForwarders, routing);
const asked = options.servers?.split(',');
for (const name of asked ?? []) if (!kinds[name]) usageError(`there is no server '${name}' here`);
const serversFor = (measurement) => asked ?? measurement.servers ?? [...usual, ...(measurement.realtime ? Object.keys(extra) : []), ...(measurement.more ?? [])];

const say = (text) => process.stderr.write(`${text}\n`);
const folder = path.join(root, 'build/bench');
let stopping = false;
process.on('SIGINT', () => (stopping = true));
process.on('SIGTERM', () => (stopping = true));

async function measureOnce(measurement, setup, kind, variant) {
  const port = await portForServer();
  const server = await Server.start({ ...kind, allocations: variant.allocations, workers: variant.workers, tls: measurement.tls }, setup.place, port);
  try {
    return await measurement.measure({ setup, server, kind, port, seconds }, variant);
  } finally {
    await server.stop();
  }
}

async function measureAll() {
  const results = [];
  for (const name of wanted) {
    const measurement = measurements[name], chosen = serversFor(measurement);
    const variants = measurement.variants.filter((variant) => !counts || counts.includes(variant.allocations));
    if (measurement.open.name === 'openWire' && !isRoot) {
      say(`${name}: left out, it needs root for network namespaces`);
      continue;
    }
    const setup = await measurement.open();
    try {
      for (let round = 0; round < rounds; round += 1) {
        for (const variant of variants) {
          // Each goes first in its turn.
          const order = chosen.map((_, at) => chosen[(at + round) % chosen.length]);
          for (const server of order) {
            if (stopping) return results;
            let result, tries = 0;
            do {
              tries += 1;
              try {
                result = await measureOnce(measurement, setup, kinds[server], variant);
              } catch (error) {
                result = undefined;
                say(`${name}, ${describe(variant)}, ${server}: ${error.message}`);
              }
            } while (result?.disturbed > kDisturbedMax && tries < kTriesMax && !stopping);
            if (!result || !Number.isFinite(result.value)) continue;
            results.push({ measurement: name, variant: describe(variant), server, round, tries, ...result });
            say(`${name}  ${describe(variant)}  round ${round + 1}/${rounds}  ${server}: ${Math.round(result.value).toLocaleString('en')} ${measurement.unit}${result.saturated ? ' (at least: the generator was saturated)' : ''}${result.disturbed > kDisturbedMax ? ' (disturbed)' : ''}`);
          }
        }
      }
    } finally {
      await setup.close();
    }
    await writeFile(path.join(folder, 'results.json'), JSON.stringify({ machine: await describeMachine(), rounds, seconds, results }, null, 1));
    process.stdout.write(`\n${printed(name, results)}\n\n`);
  }
  return results;
}

// Puts each measurement's table and plot between its marks in the page.
async function writePage(results) {
  const page = path.join(root, 'docs/performance.md');
  let text = await readFile(page, 'utf8');
  for (const name of wanted) {
    const begin = `<!-- ${name} -->`, end = `<!-- end of ${name} -->`;
    const from = text.indexOf(begin), to = text.indexOf(end);
    if (from < 0 || to < 0) continue;
    const drawn = plot(name, results);
    const image = `images/performance-${name}.svg`;
    if (drawn) await writeFile(path.join(root, 'docs', image), drawn);
    text = `${text.slice(0, from + begin.length)}\n${table(name, results)}\n${drawn ? `\n![${measurements[name].title}](${image})\n` : ''}${text.slice(to)}`;
  }
  await writeFile(page, text);
}

if (options.list) {
  for (const name of wanted) for (const variant of measurements[name].variants) process.stdout.write(`${name}  ${describe(variant)}\n`);
  process.exit(0);
}
await mkdir(folder, { recursive: true });
const results = await withSettings(measureAll);
for (const name of wanted) {
  const drawn = plot(name, results);
  if (drawn) await writeFile(path.join(folder, `${name}.svg`), drawn);
}
if (options.write && results.length > 0) await writePage(results);
process.exitCode = results.length > 0 && !stopping ? 0 : 1;
