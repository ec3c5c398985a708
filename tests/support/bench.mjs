// turnpike-bench to its end, whatever the mode.
//
//   const { code, stderr, result } = await bench(['relay', '--server', …]);

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { binaries, endWithUs } from './stack.mjs';

/** Runs it with --json: {code, stderr, stdout, result}. `within` goes in front of the command. */
export async function bench(args, { within = [], deadlineMs = 90_000 } = {}) {
  const [file, ...rest] = [...within, path.join(binaries, 'turnpike-bench'), ...args.map(String), '--json'];
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  endWithUs(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => (stdout += part));
  child.stderr.on('data', (part) => (stderr += part));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  return { code: code ?? signal, stderr, stdout, result: stdout.startsWith('{') ? JSON.parse(stdout) : undefined };
}

/** The flags that reach a stack's relay. */
export const towards = (stack, transport = 'udp') => [
  '--server', `127.0.0.1:${stack.ports[transport]}`, '--transport', transport, '--secret-file', stack.secretFile, '--insecure',
];
