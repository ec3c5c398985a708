import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { useFrame } from './hooks';

/** A live level, 0…1. Written to the element directly: twelve times a second is no work for a renderer. */
export function Meter({ level, label }: { level(): number; label: string }): JSX.Element {
  const bar = useRef<HTMLDivElement>(null);
  useFrame(() => bar.current?.style.setProperty('--level', level().toFixed(2)));
  return (
    <div class="meter" role="img" aria-label={label} ref={bar}>
      <div class="meter-fill" />
    </div>
  );
}
