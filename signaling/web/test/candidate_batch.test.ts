import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CandidateBatch } from '../src/candidate_batch';
import { candidate } from './fakes';

let sent: number[];
let batch: CandidateBatch;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  batch = new CandidateBatch((candidates) => sent.push(candidates.length));
});
afterEach(() => vi.useRealTimers());

test('what comes within 50 ms leaves together', () => {
  batch.add(candidate('u'));
  vi.advanceTimersByTime(49);
  batch.add(candidate('u'));
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual([2]);
  vi.advanceTimersByTime(1000);
  expect(sent).toEqual([2]);
});

test('sixteen leave at once', () => {
  for (let at = 0; at < 20; at += 1) batch.add(candidate('u', at));
  expect(sent).toEqual([16]);
  vi.advanceTimersByTime(50);
  expect(sent).toEqual([16, 4]);
});

test('dropped ones never leave', () => {
  batch.add(candidate('u'));
  batch.drop();
  vi.advanceTimersByTime(1000);
  expect(sent).toEqual([]);
});
