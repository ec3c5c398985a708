import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { inviteLink } from '../address';
import { CheckIcon, LinkIcon } from './icons';

function useCopied(text: string): [boolean, () => void] {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return [
    copied,
    () => {
      void copy(text).then(setCopied);
    },
  ];
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard outside https: the person gets the text to copy by hand.
    window.prompt('Copy this link', text);
    return false;
  }
}

export function CopyLink({ room }: { room: string }): JSX.Element {
  const [copied, copyNow] = useCopied(inviteLink(room));
  return (
    <button type="button" class="button copy-link" onClick={copyNow}>
      {copied ? <CheckIcon /> : <LinkIcon />}
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
    </button>
  );
}

/** For the first one in the room. */
export function InviteCard({ room }: { room: string }): JSX.Element {
  const link = inviteLink(room);
  const [copied, copyNow] = useCopied(link);
  return (
    <section class="card invite" aria-label="Invite others">
      <h2>You are the first one here</h2>
      <p class="hint">Whoever has this link can join.</p>
      <div class="field-row">
        <input class="input" readOnly value={link} aria-label="Invite link" onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button primary" onClick={copyNow}>
          {copied ? 'Copied' : 'Copy'}
        </button>
      </div>
    </section>
  );
}
