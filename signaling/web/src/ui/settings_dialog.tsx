import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call } from '../call';
import { CloseIcon } from './icons';
import { Meter } from './meter';
import { MicrophoneSelect } from './microphone_select';

export function SettingsDialog({ call, close }: { call: Call; close(): void }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  return (
    <dialog
      ref={dialog}
      class="card dialog"
      aria-labelledby="settings-title"
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close(); // the backdrop
      }}
    >
      <div class="dialog-inner">
        <header class="dialog-head">
          <h2 id="settings-title">Settings</h2>
          <button type="button" class="button ghost round small" aria-label="Close" onClick={close}>
            <CloseIcon />
          </button>
        </header>
        <div class="field">
          <span class="field-label">Microphone</span>
          <MicrophoneSelect microphone={call.microphone} />
          <Meter level={() => call.microphone.level()} label="Microphone level" />
        </div>
        <dl class="facts">
          <div>
            <dt>Your path</dt>
            <dd>{call.relayOnly ? 'Relay only' : 'Direct where possible'}</dd>
          </div>
          <div>
            <dt>Signaling</dt>
            <dd>{call.session.status === 'online' ? 'Connected' : 'Reconnecting'}</dd>
          </div>
        </dl>
        <p class="hint">Leave and rejoin to change the path. Press M to mute and unmute.</p>
      </div>
    </dialog>
  );
}
