import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Call } from '../call';
import { failureReason } from '../failure';
import type { PeerLink } from '../peer_link';
import type { PeerMessage } from '../protocol';
import { badgeOf } from '../stats';
import { CloseIcon, VolumeIcon } from './icons';

interface PersonMenuProps {
  call: Call;
  peer: PeerMessage;
  link: PeerLink;
  close(): void;
}

/** Over a person's tile: how loud, how well connected, and for the host the door. */
export function PersonMenu({ call, peer, link, close }: PersonMenuProps): JSX.Element {
  const slider = useRef<HTMLInputElement>(null);
  useEffect(() => slider.current?.focus(), []);
  const { stats } = link;
  const lossPercent = stats.packetsReceived > 0 ? (100 * stats.packetsLost) / (stats.packetsReceived + stats.packetsLost) : 0;

  return (
    <div class="person-menu" role="group" aria-label={`Options for ${peer.name}`}>
      <div class="person-menu-head">
        <strong>{peer.name}</strong>
        <button type="button" class="button ghost round small" aria-label="Close" onClick={close}>
          <CloseIcon />
        </button>
      </div>
      <label class="volume">
        <VolumeIcon />
        <input
          ref={slider}
          type="range"
          min="0"
          max="100"
          value={Math.round(call.speakers.volume(link) * 100)}
          aria-label={`Volume of ${peer.name}`}
          onInput={(event) => call.speakers.setVolume(link, Number(event.currentTarget.value) / 100)}
        />
      </label>
      {link.state === 'failed' && <p class="problem">{failureReason(link.gatherError)} We keep trying.</p>}
      <dl class="facts">
        <div>
          <dt>Path</dt>
          <dd>{badgeOf(stats).label}</dd>
        </div>
        <div>
          <dt>Round trip</dt>
          <dd>{stats.rttMs === undefined ? '–' : `${stats.rttMs} ms`}</dd>
        </div>
        <div>
          <dt>Lost</dt>
          <dd>{lossPercent.toFixed(1)} %</dd>
        </div>
      </dl>
      {call.room.host && (
        <button
          type="button"
          class="button danger small"
          onClick={() => {
            close();
            void call.kick(peer);
          }}
        >
          Remove from the call
        </button>
      )}
    </div>
  );
}
