import type { JSX } from 'preact';
import type { Call } from '../call';
import { ChatIcon, LeaveIcon, MicIcon, MicOffIcon, SettingsIcon } from './icons';

interface ControlsProps {
  call: Call;
  chatOpen: boolean;
  toggleChat(): void;
  openSettings(): void;
}

export function Controls({ call, chatOpen, toggleChat, openSettings }: ControlsProps): JSX.Element {
  const { muted } = call.microphone;
  const { unread } = call.chat;
  return (
    <div class="controls" role="toolbar" aria-label="Call controls">
      <button
        type="button"
        class="control"
        data-kind="mute"
        aria-pressed={muted}
        aria-keyshortcuts="m"
        title={muted ? 'Unmute (M)' : 'Mute (M)'}
        onClick={() => call.toggleMute()}
      >
        <span class="control-face">{muted ? <MicOffIcon /> : <MicIcon />}</span>
        {/* The name stays: aria-pressed says whether it is on. */}
        <span class="control-label" aria-hidden="true">
          {muted ? 'Muted' : 'Mute'}
        </span>
        <span class="visually-hidden">Mute</span>
      </button>
      <button type="button" class="control" aria-pressed={chatOpen} onClick={toggleChat}>
        <span class="control-face">
          <ChatIcon />
          {unread > 0 && <span class="count">{unread > 99 ? '99+' : unread}</span>}
        </span>
        <span class="control-label">
          Chat{unread > 0 && <span class="visually-hidden">, {unread} unread</span>}
        </span>
      </button>
      <button type="button" class="control" aria-haspopup="dialog" onClick={openSettings}>
        <span class="control-face">
          <SettingsIcon />
        </span>
        <span class="control-label">Settings</span>
      </button>
      <button type="button" class="control" data-kind="leave" onClick={() => call.leave()}>
        <span class="control-face">
          <LeaveIcon />
        </span>
        <span class="control-label">Leave</span>
      </button>
    </div>
  );
}
