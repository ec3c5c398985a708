import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Microphone, MicrophoneState } from '../media';
import { Avatar } from './avatar';
import { useWatch } from './hooks';
import { Logo, MicIcon, MicOffIcon } from './icons';
import { Meter } from './meter';
import { MicrophoneSelect } from './microphone_select';

export interface Choice {
  name: string;
  relayOnly: boolean;
}

interface PrejoinProps {
  room: string;
  microphone: Microphone;
  choice: Choice;
  join(choice: Choice): void;
  goHome(): void;
}

const kHints: Record<MicrophoneState, string> = {
  off: 'The microphone is off.',
  asking: 'Your browser is asking for the microphone.',
  on: 'Say something: the bar should move.',
  denied: 'The browser denies the microphone. Allow it in the address bar, or join to listen.',
  missing: 'No microphone was found. You can join to listen.',
  insecure: 'A browser gives the microphone to https pages only. You can join to listen.',
};

/** Name, microphone, privacy; one click further is the call. */
export function Prejoin({ room, microphone, choice, join, goHome }: PrejoinProps): JSX.Element {
  useWatch(microphone);
  const [name, setName] = useState(choice.name);
  const [relayOnly, setRelayOnly] = useState(choice.relayOnly);
  const usable = name.trim() !== '';

  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (usable) join({ name: name.trim(), relayOnly });
  };

  return (
    <main class="prejoin">
      <header class="topbar">
        <a
          class="brand"
          href="/"
          onClick={(event) => {
            event.preventDefault();
            goHome();
          }}
        >
          <Logo /> Turnpike
        </a>
      </header>
      <form class="card prejoin-card" onSubmit={submit}>
        <div class="prejoin-self">
          <Avatar name={name} />
          <Meter level={() => microphone.level()} label="Microphone level" />
          <p class="hint" role="status">
            {microphone.muted ? 'You will join muted.' : kHints[microphone.state]}
          </p>
          <div class="prejoin-mic">
            <button
              type="button"
              class="button round"
              aria-pressed={microphone.muted}
              aria-label={microphone.muted ? 'Unmute' : 'Mute'}
              onClick={() => microphone.setMuted(!microphone.muted)}
            >
              {microphone.muted ? <MicOffIcon /> : <MicIcon />}
            </button>
            {microphone.state === 'denied' || microphone.state === 'missing' ? (
              <button type="button" class="button" onClick={() => void microphone.open()}>
                Try again
              </button>
            ) : (
              <MicrophoneSelect microphone={microphone} />
            )}
          </div>
        </div>
        <div class="prejoin-fields">
          <div>
            <p class="eyebrow">You are about to join</p>
            <h1 class="room-title">{room}</h1>
          </div>
          <div class="field">
            <label for="your-name">Your name</label>
            <input
              id="your-name"
              class="input"
              value={name}
              maxLength={32}
              autocomplete="name"
              placeholder="How others see you"
              autofocus
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </div>
          <label class="switch">
            <input type="checkbox" role="switch" checked={relayOnly} onChange={(event) => setRelayOnly(event.currentTarget.checked)} />
            <span class="switch-track" aria-hidden="true" />
            <span class="switch-text">
              <span>Relay only</span>
              <span class="hint">Hides your address from the others: all audio takes the way through the relay.</span>
            </span>
          </label>
          <button type="submit" class="button primary large" disabled={!usable}>
            Join the call
          </button>
        </div>
      </form>
    </main>
  );
}
