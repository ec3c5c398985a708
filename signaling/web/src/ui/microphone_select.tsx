import type { JSX } from 'preact';
import type { Microphone } from '../media';
import { storage } from '../storage';

export function MicrophoneSelect({ microphone }: { microphone: Microphone }): JSX.Element {
  const { devices } = microphone;
  return (
    <select
      class="input select"
      aria-label="Microphone"
      value={microphone.deviceId}
      disabled={devices.length === 0}
      onChange={(event) => {
        const id = event.currentTarget.value;
        storage.set('microphone', id);
        void microphone.open(id);
      }}
    >
      {devices.length === 0 && <option>Microphone</option>}
      {devices.map((device) => (
        <option key={device.id} value={device.id}>
          {device.label}
        </option>
      ))}
    </select>
  );
}
