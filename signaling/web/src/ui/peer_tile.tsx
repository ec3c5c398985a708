import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Call, Person } from '../call';
import { failureReason } from '../failure';
import { SpeakingDetector } from '../level';
import { badgeOf, type Badge } from '../stats';
import { Avatar, hueOf } from './avatar';
import { useDismiss, useFrame } from './hooks';
import { DirectIcon, MicOffIcon, MoreIcon, RelayIcon } from './icons';
import { PersonMenu } from './person_menu';
import { showLevel } from './self_tile';

export function PeerTile({ call, person }: { call: Call; person: Person }): JSX.Element {
  const { peer, link } = person;
  const tile = useRef<HTMLLIElement>(null);
  const detector = useRef(new SpeakingDetector());
  const [menuOpen, setMenuOpen] = useState(false);
  const menuButton = useRef<HTMLButtonElement>(null);
  useDismiss(tile, menuOpen, () => setMenuOpen(false));
  const audible = link !== undefined && link.state === 'connected' && !peer.muted;
  useFrame((now) => showLevel(tile.current, audible ? call.speakers.level(link) : 0, detector.current, now));

  return (
    <li class="tile" ref={tile} style={hueOf(peer.name)} data-state={link?.state ?? 'connecting'}>
      <PathBadge person={person} />
      <button
        type="button"
        class="button ghost round small tile-more"
        ref={menuButton}
        aria-label={`Options for ${peer.name}`}
        aria-expanded={menuOpen}
        onClick={() => setMenuOpen(!menuOpen)}
      >
        <MoreIcon />
      </button>
      <div class="tile-face">
        <Avatar name={peer.name} />
      </div>
      <p class="tile-name">
        {peer.muted && (
          <span class="tile-muted" role="img" aria-label="Muted">
            <MicOffIcon />
          </span>
        )}
        <span class="tile-who">{peer.name}</span>
        {peer.kind === 'bot' && <span class="tag">bot</span>}
        {peer.host && <span class="tag">host</span>}
      </p>
      {menuOpen && link && (
        <PersonMenu
          call={call}
          peer={peer}
          link={link}
          close={() => {
            setMenuOpen(false);
            menuButton.current?.focus();
          }}
        />
      )}
    </li>
  );
}

function PathBadge({ person }: { person: Person }): JSX.Element {
  const { link } = person;
  if (!link || link.state === 'connecting') return <span class="badge waiting">Connecting…</span>;
  if (link.state === 'reconnecting') {
    return (
      <span class="badge warn">
        <span class="spinner" aria-hidden="true" /> Reconnecting…
      </span>
    );
  }
  if (link.state === 'failed') {
    return (
      <span class="badge bad" title={failureReason(link.gatherError)}>
        No connection
      </span>
    );
  }
  const badge = badgeOf(link.stats);
  return (
    <span class={`badge ${badge.kind}`} title={badge.detail}>
      {iconOf(badge)} {badge.label}
    </span>
  );
}

function iconOf(badge: Badge): JSX.Element | null {
  if (badge.kind === 'direct') return <DirectIcon />;
  return badge.kind === 'relay' ? <RelayIcon /> : null;
}
