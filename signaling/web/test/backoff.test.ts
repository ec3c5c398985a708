import { expect, test } from 'vitest';
import { Backoff } from '../src/backoff';

const take = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());

test('waits 0, 0.5, 1, 2, 4, 8 seconds and then 8 again', () => {
  expect(take(new Backoff(() => 0.5), 8)).toEqual([0, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
});

test('spreads each wait by half to either side', () => {
  expect(take(new Backoff(() => 0), 3)).toEqual([0, 250, 500]);
  expect(take(new Backoff(() => 1), 3)).toEqual([0, 750, 1500]);
});

test('begins anew after a success', () => {
  const backoff = new Backoff(() => 0.5);
  take(backoff, 4);
  backoff.reset();
  expect(take(backoff, 2)).toEqual([0, 500]);
});
