// What the suite does to the machine that it measures on, and undoes: one core for the server, one for the load.

import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import process from 'node:process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const isRoot = process.getuid?.() === 0;
export const serverCore = os.cpus().length > 1 ? 1 : 0;
export const loadCore = 0;

/** What goes in front of a command so that it has that core, and goes before everything else there. */
export function onCore(core) {
  return [...(isRoot ? ['nice', '-n', '-20'] : []), 'taskset', '-c', String(core)];
}

/** Threads of the kernel whose names begin with one of these, as process ids. */
export async function kernelThreads(beginnings) {
  const found = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const name = await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '');
    if (beginnings.some((beginning) => name.startsWith(beginning))) found.push(Number(entry));
  }
  return found;
}

/** A kernel thread to a core, at real-time priority as interrupts have it. */
export async function pin(pid, core) {
  await run('taskset', ['-cp', String(core), String(pid)]);
  await run('chrt', ['-f', '-p', '50', String(pid)]);
}

// What the kernel is told for the time of the measurements.
// - A virtual machine's processors poll for a while before they halt: waking one that halted costs more than a packet.
// - What runs in another session does not get a share of its own: priorities hold between all.
const kSettings = [
  ['/sys/module/haltpoll/parameters/guest_halt_poll_ns', '2000000'],
  ['/proc/sys/kernel/sched_autogroup_enabled', '0'],
];

/** Calls `measure` with the kernel's settings for it, and puts them back. */
export async function withSettings(measure) {
  const before = [];
  try {
    for (const [file, value] of isRoot ? kSettings : []) {
      const old = await readFile(file, 'utf8').catch(() => undefined);
      if (old === undefined) continue;
      before.push([file, old]);
      await writeFile(file, value);
    }
    return await measure();
  } finally {
    for (const [file, value] of before) await writeFile(file, value);
  }
}

/** Nanoseconds that all threads of a process ran. */
export async function processTime(pid) {
  let total = 0;
  for (const task of await readdir(`/proc/${pid}/task`)) {
    total += Number((await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8')).split(' ')[0]);
  }
  return total;
}

/** Nanoseconds that a core was busy with whatever it was; to ten milliseconds. */
export async function coreTime(core) {
  const line = (await readFile('/proc/stat', 'utf8')).split('\n').find((one) => one.startsWith(`cpu${core} `));
  const [user, nice, system, , , irq, softirq] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * 1e7;
}

/** What a reader wants to know of the machine. */
export async function describeMachine() {
  const model = os.cpus()[0]?.model ?? 'unknown';
  return { processors: os.cpus().length, model, memoryGiB: Math.round(os.totalmem() / 2 ** 30), kernel: os.release(), node: process.version };
}
