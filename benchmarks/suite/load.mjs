// turnpike-bench, run beside a server.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { binaries } from '../../tests/support/stack.mjs';
import { loadCore, onCore, processTime } from './machine.mjs';
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
  const helpers = () => Promise.all((setup.threads ?? []).map(processTime));
  const before = await processTime(server.pid), helpersBefore = await helpers(), began = performance.now();
  const child = spawn(command[0], command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', err = '';
  child.stdout.on('data', (part) => (out += part));
  child.stderr.on('data', (part) => (err += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), kDeadlineMs);
  const [code] = await once(child, 'close');
  clearTimeout(timer);
  const after = await processTime(server.pid).catch(() => before);
  const elapsed = (performance.now() - began) * 1e6;
  // What the server waited for beside its own threads of the kernel.
  const theirs = (await helpers()).reduce((sum, one, at) => sum + one.ran - helpersBefore[at].ran, 0);
  let result;
  try {
    result = JSON.parse(out);
  } catch {
    throw new Error(`turnpike-bench ${mode}: exit ${code}: ${err.trim().split('\n').at(-1)}`);
  }
  return { ...result, disturbed: Math.max(0, after.waited - before.waited - theirs) / elapsed, saturated: code === kSaturated };
}
