import { beforeEach, expect, test } from 'vitest';
import { Chat } from '../src/chat';
import { Disconnected, RpcError } from '../src/rpc';
import { Storage } from '../src/storage';

let items: Map<string, string>;
let storage: Storage;
let sent: [string, string][];
let fail: Error | undefined;

beforeEach(() => {
  items = new Map();
  sent = [];
  fail = undefined;
  storage = new Storage({
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  } as unknown as globalThis.Storage);
});

function open(room = 'calm-harbor'): Chat {
  return new Chat(room, 'Ada', storage, (mid, body) => {
    sent.push([mid, body]);
    return fail ? Promise.reject(fail) : Promise.resolve({ seq: 1, ts: 1000 });
  });
}

test('shows a message at once and marks it when the server has it', async () => {
  const chat = open();
  const said = chat.say('  hello ');
  expect(chat.messages.map(({ body, state }) => [body, state])).toEqual([['hello', 'sending']]);
  await said;
  expect(chat.messages.map(({ state, ts }) => [state, ts])).toEqual([['sent', 1000]]);
});

test('says nothing for blanks', async () => {
  const chat = open();
  await chat.say('  \n ');
  expect(sent).toEqual([]);
});

test('its own message that comes back is not shown twice', async () => {
  const chat = open();
  await chat.say('hello');
  chat.heard({ mid: sent[0]![0], body: 'hello', ts: 1234 }, 'Ada', true);
  expect(chat.messages).toHaveLength(1);
  expect(chat.unread).toBe(0);
});

test("another's message with a known id does not change what was said", () => {
  const chat = open();
  chat.heard({ mid: 'm1', body: 'first', ts: 1 }, 'Grace', false);
  chat.heard({ mid: 'm1', body: 'forged', ts: 2 }, 'Mallory', false);
  expect(chat.messages.map(({ name, body }) => [name, body])).toEqual([['Grace', 'first']]);
});

test('waits without signaling and is sent under the same id afterwards', async () => {
  const chat = open();
  fail = new Disconnected();
  await chat.say('later');
  expect(chat.messages[0]?.state).toBe('sending');
  fail = undefined;
  chat.resume();
  await Promise.resolve();
  await Promise.resolve();
  expect(sent.map(([mid]) => mid)).toEqual([sent[0]![0], sent[0]![0]]);
});

test('a refusal is shown and can be tried again', async () => {
  const chat = open();
  fail = new RpcError(1300, 'too many chat messages', { retry: 'after' });
  await chat.say('fast');
  expect(chat.messages[0]?.state).toBe('failed');
  fail = undefined;
  await chat.retry(chat.messages[0]!.mid);
  expect(chat.messages[0]?.state).toBe('sent');
});

test('is kept per room until it is cleared', async () => {
  await open('one-room').say('kept');
  expect(open('one-room').messages.map(({ body }) => body)).toEqual(['kept']);
  expect(open('other-room').messages).toEqual([]);
  open('one-room').clear();
  expect(open('one-room').messages).toEqual([]);
});

test('takes from storage only what looks like a message', () => {
  items.set('turnpike.chat.calm-harbor', JSON.stringify([null, 7, { mid: 'a' }, { mid: 'b', name: 'G', body: 'ok', ts: 1, own: false, state: 'sent' }]));
  expect(open().messages.map(({ mid }) => mid)).toEqual(['b']);
});

test('counts what was not read', () => {
  const chat = open();
  chat.heard({ mid: 'm1', body: 'a', ts: 1 }, 'Grace', false);
  expect(chat.unread).toBe(1);
  chat.read(true);
  chat.heard({ mid: 'm2', body: 'b', ts: 2 }, 'Grace', false);
  expect(chat.unread).toBe(0);
});
