import type { JSX } from 'preact';

/** Initials on a colour of the name's own, the same on every page. */
export function Avatar({ name }: { name: string }): JSX.Element {
  return (
    <span class="avatar" aria-hidden="true" style={hueOf(name)}>
      {initialsOf(name)}
    </span>
  );
}

export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...(word ?? '')][0] ?? '').join('').toLocaleUpperCase() || '?';
}

/** The name's colour, for the element that gets it and what is in it. */
export function hueOf(name: string): JSX.CSSProperties {
  let hash = 2166136261; // FNV-1a
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  // In golden-angle steps, so that like names do not get like colours.
  return { '--hue': (((hash >>> 0) * 137.508) % 360).toFixed(1) } as JSX.CSSProperties;
}
