import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { Call } from '../call';
import { SpeakingDetector } from '../level';
import { Avatar, hueOf } from './avatar';
import { useFrame } from './hooks';
import { MicOffIcon, ShieldIcon } from './icons';

export function SelfTile({ call }: { call: Call }): JSX.Element {
  const tile = useRef<HTMLLIElement>(null);
  const detector = useRef(new SpeakingDetector());
  useFrame((now) => showLevel(tile.current, call.microphone.level(), detector.current, now));
  const { muted } = call.microphone;

  return (
    <li class="tile self" ref={tile} style={hueOf(call.name)}>
      {call.relayOnly ? (
        <span class="badge relay" title="All your audio takes the way through the relay">
          <ShieldIcon /> You · relay only
        </span>
      ) : (
        <span class="badge self">You</span>
      )}
      <div class="tile-face">
        <Avatar name={call.name} />
      </div>
      <p class="tile-name">
        {muted && (
          <span class="tile-muted" role="img" aria-label="Muted">
            <MicOffIcon />
          </span>
        )}
        <span class="tile-who">{call.name}</span>
        {call.room.host && <span class="tag">host</span>}
      </p>
    </li>
  );
}

const kSteps = 10;

/** The ring of a tile follows the voice. Set on the element itself, past the renderer. */
export function showLevel(tile: HTMLElement | null, level: number, detector: SpeakingDetector, now: number): void {
  if (!tile) return;
  const speaking = detector.update(level, now);
  if (speaking !== tile.hasAttribute('data-speaking')) tile.toggleAttribute('data-speaking', speaking);
  // In coarse steps, and only what is seen: in a full room painting would cost more than the audio.
  const shown = speaking ? (Math.round(level * kSteps) / kSteps).toFixed(1) : '0.0';
  if (shown !== tile.style.getPropertyValue('--level')) tile.style.setProperty('--level', shown);
}
