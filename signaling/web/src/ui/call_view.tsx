import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Call } from '../call';
import { ChatPanel } from './chat_panel';
import { Controls } from './controls';
import { CallTime } from './call_time';
import { CopyLink, InviteCard } from './invite';
import { Logo } from './icons';
import { Notices } from './notices';
import { PeerTile } from './peer_tile';
import { SelfTile } from './self_tile';
import { SettingsDialog } from './settings_dialog';

const kChatBesideCall = '(min-width: 1000px)';

/** The call itself. The parent renders it again when the call changes. */
export function CallView({ call }: { call: Call }): JSX.Element {
  const [chatOpen, setChatOpen] = useState(() => window.matchMedia(kChatBesideCall).matches);
  const [settingsOpen, setSettingsOpen] = useState(false);
  const { people } = call;
  const lost = call.session.status === 'lost';

  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'm' || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      const target = event.target as HTMLElement;
      if (target.closest('input, textarea, select, [contenteditable], dialog')) return;
      call.toggleMute();
    };
    document.addEventListener('keydown', key);
    return () => document.removeEventListener('keydown', key);
  }, [call]);

  return (
    <div class="call" data-chat={chatOpen ? 'open' : 'closed'}>
      <div class="call-main">
        <header class="topbar">
          <span class="brand" aria-hidden="true">
            <Logo />
          </span>
          <div class="topbar-room">
            <h1>{call.room.id}</h1>
            <p>
              {people.length + 1} {people.length === 0 ? 'person' : 'people'}
              {call.phase === 'live' && <CallTime since={call.since} />}
            </p>
          </div>
          <CopyLink room={call.room.id} />
        </header>

        <div class="banners" role="status">
          {call.phase === 'joining' && <p class="banner">Joining {call.room.id}…</p>}
          {lost && (
            <p class="banner warn">
              <span class="spinner" aria-hidden="true" />
              The server is out of reach. Your call goes on; reconnecting…
            </p>
          )}
          {call.speakers.blocked && (
            <p class="banner warn">
              Your browser holds the sound back.
              <button type="button" class="button small" onClick={() => call.speakers.unblock()}>
                Turn on sound
              </button>
            </p>
          )}
          {(call.microphone.state === 'denied' || call.microphone.state === 'missing') && (
            <p class="banner">
              The others cannot hear you: there is no microphone.
              <button type="button" class="button small" onClick={() => void call.microphone.open()}>
                Try again
              </button>
            </p>
          )}
        </div>

        <main class="stage" aria-label="People in the call">
          <ul class="tiles" data-count={people.length + 1}>
            <SelfTile call={call} />
            {people.map((person) => (
              <PeerTile key={person.peer.id} call={call} person={person} />
            ))}
          </ul>
          {people.length === 0 && call.phase === 'live' && <InviteCard room={call.room.id} />}
        </main>

        <Controls
          call={call}
          chatOpen={chatOpen}
          toggleChat={() => setChatOpen(!chatOpen)}
          openSettings={() => setSettingsOpen(true)}
        />
      </div>
      {chatOpen && <ChatPanel chat={call.chat} close={() => setChatOpen(false)} />}
      {settingsOpen && <SettingsDialog call={call} close={() => setSettingsOpen(false)} />}
      <Notices notices={call.notices} />
    </div>
  );
}
