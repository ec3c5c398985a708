// Runs assertions against servers. A *subject* gives a server for each profile (configuration):
//
//   { name, version, profile(name) → Server | {missing: why}, stop(), core: whether core's tests are about it }
//
// One result an assertion: { assertion, result: 'pass' | 'fail' | 'n/a' | 'core', reason, ms }. 'core': what is left of
// it is about minutes, and a test with a manual clock holds it; --slow waits for them instead.

import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { root } from '../support/stack.mjs';
import { Failed, NotApplicable, Trial } from './assertion.mjs';
import { NoAnswer, Unexpected } from '../support/turn_client.mjs';

const kRunDeadlineMs = 60_000;
const kSlowDeadlineMs = 12 * 60_000;

const chapters = [
  'stun_base', 'authentication', 'allocate', 'refresh', 'permissions', 'send_data', 'channels', 'packets', 'tcp_relay',
  'mobility', 'third_party', 'behaviour_discovery', 'transports',
];
export const assertions = (await Promise.all(chapters.map((name) => import(`./chapters/${name}.mjs`)))).flatMap((one, i) =>
  one.chapter.map((assertion) => ({ chapter: chapters[i], ...assertion })),
);
assertions.sort((a, b) => a.number - b.number);

/** Names of C++ tests, "Suite.Name", that are nowhere under tests/. */
export async function missingTests(names) {
  const found = new Set();
  const visit = async (folder) => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name === 'node_modules') continue;
      const at = path.join(folder, entry.name);
      if (entry.isDirectory()) await visit(at);
      else if (entry.name.endsWith('_test.cpp')) {
        for (const [, suite, name] of (await readFile(at, 'utf8')).matchAll(/^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)/gm)) found.add(`${suite}.${name}`);
      }
    }
  };
  await visit(path.join(root, 'tests'));
  return names.filter((name) => !found.has(name));
}

const able = {
  tcp: (server) => server.ports.tcp || 'needs a TCP port',
  tls: (server) => server.ports.tls || 'needs a TLS port (--tls)',
  dtls: (server) => server.ports.dtls || 'no DTLS port',
  ipv6: (server) => (server.host6 ? true : 'needs a server on IPv6'),
  secret: (server) => (server.secret ? true : 'needs a TURN REST secret (--secret)'),
  'two users': (server) => (server.secret || server.credentials?.length > 1 ? true : 'needs two users (--secret, or --user2)'),
  'static user': (server) => (server.staticUser ? true : 'needs a static user (--user)'),
};

async function bounded(deadlineMs, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failed(`not over after ${deadlineMs / 1000} s`)), deadlineMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function tryOne(subject, assertion, { slow }) {
  const began = performance.now();
  const done = (result, reason) => ({ assertion, result, reason, ms: Math.round(performance.now() - began) });
  let server = await subject.profile(assertion.profile ?? 'base');
  // A feature that a server may have in its only configuration shows by what it answers.
  if (server.missing && assertion.fallback) server = await subject.profile('base');
  if (server.missing) return done('n/a', server.missing);
  for (const need of assertion.needs ?? []) {
    const answer = able[need](server);
    if (typeof answer === 'string' || !answer) return done('n/a', answer || `needs ${need}`);
  }
  const trial = new Trial(server, (profile) => subject.profile(profile));
  try {
    if (assertion.run) {
      const note = await bounded(kRunDeadlineMs, assertion.run(trial));
      if (note) trial.note(note);
    }
    if (assertion.slow && slow) {
      const note = await bounded(kSlowDeadlineMs, assertion.slow(trial));
      if (note) trial.note(note);
    } else if (assertion.core && !(slow && assertion.slow) && subject.core) {
      const missing = await missingTests(assertion.core);
      if (missing.length > 0) return done('fail', `there is no test ${missing.join(', ')}`);
      if (!assertion.run) return done('core', assertion.core.join(', '));
      trial.note(`${assertion.slow ? 'minutes' : 'the rest'}: ${assertion.core.join(', ')}`);
    } else if (!assertion.run) {
      return done('n/a', assertion.slow ? 'takes minutes: --slow' : 'cannot be seen from outside');
    }
    return done('pass', trial.notes.join('; '));
  } catch (error) {
    if (error instanceof NotApplicable) return done('n/a', error.message);
    if (error instanceof Failed || error instanceof NoAnswer || error instanceof Unexpected) return done('fail', error.message);
    return done('fail', `${error.message} (${error.stack?.split('\n')[1]?.trim()})`);
  } finally {
    await trial.end();
  }
}

/**
 * All of `wanted`: those that wait beside each other, the rest one after the other.
 * @param options {slow, wanted, onresult(result)}
 */
export async function run(subject, { slow = false, wanted = assertions, onresult = () => {} } = {}) {
  const results = [];
  const one = async (assertion) => {
    const result = await tryOne(subject, assertion, { slow });
    results.push(result);
    onresult(result);
  };
  const waits = (assertion) => assertion.patient || (slow && assertion.slow);
  const beside = Promise.all(wanted.filter(waits).map(one));
  for (const assertion of wanted.filter((assertion) => !waits(assertion))) await one(assertion);
  await beside;
  return results.sort((a, b) => a.assertion.number - b.assertion.number);
}
