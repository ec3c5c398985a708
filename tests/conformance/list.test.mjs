// The list itself, and the table's edges.
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { root } from '../support/stack.mjs';
import { assertions, missingTests } from './runner.mjs';
import { printTable } from './table.mjs';
import { wrapped } from './text.mjs';

test('124 assertions, each once, each with something that can fail', () => {
  assert.deepEqual(assertions.map(({ number }) => number), Array.from({ length: 124 }, (_, i) => i + 1));
  for (const { number, section, title, run, core } of assertions) {
    assert.ok(section && title, `${number} has a section and a title`);
    assert.ok(run || core?.length > 0, `${number} is run, or names a test that is`);
  }
});

test('the tests with a manual clock that assertions name exist', async () => {
  assert.deepEqual(await missingTests(assertions.flatMap(({ core }) => core ?? [])), []);
  assert.deepEqual(await missingTests(['NoSuite.HasThisName']), ['NoSuite.HasThisName']);
});

test('decisions that assertions name exist', async () => {
  for (const { decision } of assertions) if (decision) await access(path.join(root, 'docs/decisions', decision));
});

test('a table for a pipe has whole lines and no colours', () => {
  const out = new PassThrough();
  const results = assertions.slice(0, 3).map((assertion, i) => ({ assertion, result: ['pass', 'fail', 'n/a'][i], reason: i ? 'because '.repeat(40).trim() : '', ms: 1 }));
  printTable([{ name: 'one', results }, { name: 'other', results }], out);
  const text = out.read().toString();
  assert.match(text, /^pass {2}pass {5}1 {2}RFC 8489/m);
  assert.match(text, /^FAIL {2}FAIL {5}2/m);
  assert.match(text, /one: 1 pass, 1 fail, 1 n\/a$/m);
  assert.ok(!text.includes('\x1b'), 'no colours');
});

test('a table for a terminal keeps to its width', () => {
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 90 });
  const results = assertions.map((assertion) => ({ assertion, result: 'fail', reason: 'because '.repeat(40).trim(), ms: 1 }));
  printTable([{ name: 'one', results }], out);
  for (const line of out.read().toString().replace(/\x1b\[\d+m/g, '').split('\n')) assert.ok(line.length <= 90, line);
});

test('long words are not cut', () => {
  assert.deepEqual(wrapped('one two three', 7), ['one two', 'three']);
  assert.deepEqual(wrapped('incomprehensibilities', 5), ['incomprehensibilities']);
});
