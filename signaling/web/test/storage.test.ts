import { expect, test } from 'vitest';
import { Storage } from '../src/storage';

function area(items = new Map<string, string>()): globalThis.Storage {
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as unknown as globalThis.Storage;
}

test('keeps values under its own prefix', () => {
  const items = new Map<string, string>();
  const storage = new Storage(area(items));
  expect(storage.set('name', 'Ada')).toBe(true);
  expect([...items]).toEqual([['turnpike.name', '"Ada"']]);
  expect(storage.get('name', '')).toBe('Ada');
  storage.remove('name');
  expect(storage.get('name', 'nobody')).toBe('nobody');
});

test('what is no JSON counts as absent', () => {
  expect(new Storage(area(new Map([['turnpike.name', '{']]))).get('name', 'x')).toBe('x');
});

test('a browser that denies it, or has no room, is lived with', () => {
  const denied = {
    getItem: () => {
      throw new Error('SecurityError');
    },
    setItem: () => {
      throw new Error('QuotaExceededError');
    },
    removeItem: () => {
      throw new Error('SecurityError');
    },
  } as unknown as globalThis.Storage;
  for (const storage of [new Storage(denied), new Storage(undefined)]) {
    expect(storage.set('a', 1)).toBe(false);
    expect(storage.get('a', 2)).toBe(2);
    storage.remove('a');
  }
});
