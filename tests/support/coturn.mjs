// Debian's coturn tools, unpacked by ./dev test into build/tools (or TURNPIKE_TOOLS).

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { root } from './stack.mjs';

export const toolsFolder = path.resolve(root, process.env.TURNPIKE_TOOLS ?? 'build/tools/bin');

/** Why the tools cannot be used, or false: for a test's `skip`. */
export const missing = await access(path.join(toolsFolder, 'turnutils_uclient')).then(() => false, () => `no coturn tools in ${toolsFolder}: ./dev test unpacks them`);

/** A tool to its end: {code, text} with stdout and stderr in one. */
export async function tool(name, args, deadlineMs = 60_000) {
  const child = spawn(path.join(toolsFolder, name), args.map(String), { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (text += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { code: code ?? signal, text };
}

/** turnutils_uclient's own count: {sent, received, lost, dropped, text}. */
export async function uclient(args, deadlineMs = 90_000) {
  const { code, text } = await tool('turnutils_uclient', args, deadlineMs);
  const last = (pattern) => {
    const found = [...text.matchAll(pattern)].at(-1);
    return found ? Number(found[1]) : undefined;
  };
  return {
    code,
    text,
    sent: last(/tot_send_msgs=(\d+)/g),
    received: last(/tot_recv_msgs=(\d+)/g),
    lost: last(/Total lost packets (\d+)/g),
    dropped: last(/total send dropped (\d+)/g),
  };
}

/** turnutils_peer on a port, ended by stop(). */
export async function startPeer(port, address = '127.0.0.1') {
  const child = spawn(path.join(toolsFolder, 'turnutils_peer'), ['-L', address, '-p', String(port)], { stdio: 'ignore' });
  await once(child, 'spawn');
  return {
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
}
