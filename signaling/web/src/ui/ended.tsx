import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call, CallEnd } from '../call';
import { Logo } from './icons';

const kTexts: Record<CallEnd, { title: string; text: string }> = {
  left: { title: 'You left the call', text: 'The others can go on without you; the link stays good.' },
  kicked: { title: 'You were removed', text: 'The host of this room has ended your part in the call.' },
  superseded: { title: 'The call goes on elsewhere', text: 'It was taken over by another tab or device of yours.' },
  version: { title: 'This page is out of date', text: 'The server has been updated. Reload the page to go on.' },
  full: { title: 'The room is full', text: 'Wait until somebody leaves, then try again.' },
  refused: { title: 'The room cannot be joined', text: 'The server refused.' },
};

export function Ended({ call, rejoin, goHome }: { call: Call; rejoin(): void; goHome(): void }): JSX.Element {
  const end = call.end ?? 'left';
  const { title, text } = kTexts[end];
  const main = useRef<HTMLButtonElement>(null);
  useEffect(() => main.current?.focus(), []);
  const again = end === 'version' ? () => window.location.reload() : rejoin;

  return (
    <main class="ended">
      <div class="card ended-card">
        <Logo />
        <h1>{title}</h1>
        <p class="hint">{end === 'refused' ? `${text} ${call.room.refusal?.message ?? ''}` : text}</p>
        <div class="ended-actions">
          <button type="button" class="button primary" ref={main} onClick={again}>
            {end === 'version' ? 'Reload' : end === 'full' ? 'Try again' : 'Rejoin'}
          </button>
          <button type="button" class="button" onClick={goHome}>
            Back to start
          </button>
        </div>
      </div>
    </main>
  );
}
