import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { kBodyBytesMost, type Chat, type ChatMessage } from '../chat';
import { useWatch } from './hooks';
import { CloseIcon, SendIcon, TrashIcon } from './icons';

const kNearEndPx = 80;
const kOneTurnMs = 120_000;

export function ChatPanel({ chat, close }: { chat: Chat; close(): void }): JSX.Element {
  useWatch(chat);
  const [draft, setDraft] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const atEnd = useRef(true);
  const tooLong = new TextEncoder().encode(draft).length > kBodyBytesMost;

  useEffect(() => {
    chat.read(true);
    return () => chat.read(false);
  }, [chat]);
  useLayoutEffect(() => {
    const element = list.current;
    if (element && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [chat.messages.length]);

  const send = (): void => {
    if (draft.trim() === '' || tooLong) return;
    atEnd.current = true;
    void chat.say(draft);
    setDraft('');
    input.current?.focus();
  };

  return (
    <aside class="chat" aria-label="Chat">
      <header class="chat-head">
        <h2>Chat</h2>
        <button
          type="button"
          class="button ghost round small"
          aria-label="Clear the chat on this device"
          title="Clear the chat on this device"
          disabled={chat.messages.length === 0}
          onClick={() => chat.clear()}
        >
          <TrashIcon />
        </button>
        <button type="button" class="button ghost round small" aria-label="Close chat" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <ol
        class="messages"
        ref={list}
        role="log"
        aria-live="polite"
        tabIndex={0}
        aria-label="Messages"
        onScroll={(event) => {
          const { scrollTop, clientHeight, scrollHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < kNearEndPx;
        }}
      >
        {chat.messages.length === 0 && (
          <li class="messages-empty">
            Messages reach whoever is in the room now. They are kept in this browser only.
          </li>
        )}
        {chat.messages.map((message, at) => (
          <Message key={message.mid} message={message} goesOn={continues(chat.messages[at - 1], message)} retry={() => void chat.retry(message.mid)} />
        ))}
      </ol>
      <form
        class="chat-form"
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <textarea
          ref={input}
          class="input"
          rows={1}
          placeholder="Write a message"
          aria-label="Message"
          aria-invalid={tooLong}
          value={draft}
          onInput={(event) => setDraft(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="button primary round" aria-label="Send" disabled={draft.trim() === '' || tooLong}>
          <SendIcon />
        </button>
        {tooLong && (
          <p class="problem" role="alert">
            That is more than a message holds.
          </p>
        )}
      </form>
    </aside>
  );
}

function Message({ message, goesOn, retry }: { message: ChatMessage; goesOn: boolean; retry(): void }): JSX.Element {
  return (
    <li class="message" data-own={message.own} data-goes-on={goesOn} data-state={message.state}>
      {!goesOn && (
        <p class="message-head">
          <span class="message-name">{message.own ? 'You' : message.name}</span>
          <time dateTime={new Date(message.ts).toISOString()}>{timeOf(message.ts)}</time>
        </p>
      )}
      <p class="message-body">{message.body}</p>
      {message.state === 'failed' && (
        <p class="message-failed">
          Not sent.{' '}
          <button type="button" class="text-button" onClick={retry}>
            Try again
          </button>
        </p>
      )}
    </li>
  );
}

function continues(before: ChatMessage | undefined, message: ChatMessage): boolean {
  return before?.name === message.name && before.own === message.own && message.ts - before.ts < kOneTurnMs;
}

function timeOf(ts: number): string {
  return new Date(ts).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });
}
