// Debian's HAProxy, unpacked by ./dev test into build/tools.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { toolsFolder } from './coturn.mjs';
import { endWithUs, freePort, until } from './stack.mjs';

const program = path.join(toolsFolder, 'haproxy');

/** Why it cannot be used, or false: for a test's `skip`. */
export const noHaproxy = await access(program).then(() => false, () => `no haproxy in ${toolsFolder}: ./dev test unpacks it`);

/** A TCP proxy on a free port in front of 127.0.0.1:`to`; `how` ends its server line. {port, stop()} */
export async function startHaproxy(directory, to, how) {
  const port = await freePort();
  const file = path.join(directory, `haproxy-${port}.cfg`);
  await writeFile(file, `
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen relay
    bind 127.0.0.1:${port}
    server relay 127.0.0.1:${to} ${how}
`);
  const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  endWithUs(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += part));
  const ended = once(child, 'exit');
  const up = () =>
    new Promise((resolve) => {
      const probe = net.connect({ port, host: '127.0.0.1' });
      probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
      probe.once('connect', () => probe.destroy());
    });
  await until('haproxy listens', async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
    return up();
  });
  return {
    port,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await ended;
    },
  };
}
