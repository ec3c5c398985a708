import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { newRoomName, toRoomId } from '../room_name';
import { Logo } from './icons';

/** A link is a room: make one, or type one. */
export function Home({ open }: { open(room: string): void }): JSX.Element {
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState('');

  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const room = toRoomId(typed);
    if (room) open(room);
    else setProblem('A room name has 3 to 64 letters, digits and hyphens.');
  };

  return (
    <main class="home">
      <div class="home-inner">
        <p class="brand">
          <Logo /> Turnpike
        </p>
        <h1>Open a link and talk.</h1>
        <p class="lead">
          Voice calls straight from browser to browser, and through a relay of your own when networks keep you apart. No
          account, no app.
        </p>
        <button type="button" class="button primary large" onClick={() => open(newRoomName())}>
          Start a call
        </button>
        <form class="home-join" onSubmit={submit} noValidate>
          <label for="room-name">Or join a room</label>
          <div class="field-row">
            <input
              id="room-name"
              class="input"
              placeholder="room name or link"
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              value={typed}
              aria-invalid={problem !== ''}
              aria-describedby={problem ? 'room-problem' : undefined}
              onInput={(event) => {
                setTyped(event.currentTarget.value);
                setProblem('');
              }}
            />
            <button type="submit" class="button" disabled={typed.trim() === ''}>
              Join
            </button>
          </div>
          <p id="room-problem" class="problem" role="alert">
            {problem}
          </p>
        </form>
      </div>
    </main>
  );
}
