import type { JSX } from 'preact';
import type { Notice } from '../call';

/** Who came and went, seen and read aloud. The region is there before its texts, or it would stay silent. */
export function Notices({ notices }: { notices: Notice[] }): JSX.Element {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <p class="notice" key={notice.id}>
          {notice.text}
        </p>
      ))}
    </div>
  );
}
