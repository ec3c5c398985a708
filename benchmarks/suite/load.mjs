// turnpike-bench, run beside a server.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { binaries } from '../../tests/support/stack.mjs';
import { coreTime, loadCore, onCore, processTime, serverCore } from './machine.mjs';
import { password, realm, user } from './servers.mjs';

export const kSaturated = 9;
const kDeadlineMs = 300_000;

/** Runs a mode against `server` in `setup`: its JSON, with what share of the time others had the server's core. */
export async function load(setup, server, port, mode, flags) {
  const command = [
    ...setup.bench, ...onCore(loadCore), path.join(binaries, 'turnpike-bench'), mode, '--json', '--server', `${setup.place.listen}:${port}`,
    '--user', user, '--password', password, '--realm', realm, '--server-pid', String(server.pid),
    ...(setup.threads ?? []).flatMap((pid) => ['--server-pid', String(pid)]), ...setup.loadFlags, ...flags.map(String),
  ];
  // The server's own part of its core: itself, and the threads of the kernel that work for it.
  const own = async () => (await Promise.all([server.pid, ...(setup.threads ?? [])].map(processTime))).reduce((sum, time) => sum + time);
  const ownBefore = await own(), coreBefore = await coreTime(serverCore), began = performance.now();
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), kDeadlineMs);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  const elapsed = (performance.now() - began) * 1e6;
  const others = (await coreTime(serverCore)) - coreBefore - ((await own().catch(() => ownBefore)) - ownBefore);
  let result;
  try {
    result = JSON.parse(out);
  } catch {
    throw new Error(`turnpike-bench ${mode}: exit ${code}: ${err.trim().split('\n').at(-1)}`);
  }
  return { ...result, disturbed: Math.max(0, others) / elapsed, saturated: code === kSaturated };
}
