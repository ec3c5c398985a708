import { useEffect, useReducer, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';
import type { Observable } from '../observable';

/** Renders again whenever `observable` changes. */
export function useWatch<T extends Observable>(observable: T): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => observable.watch(() => again(undefined as never)), [observable]);
  return observable;
}

const kFrameMs = 80;
const frames = new Set<(now: number) => void>();
let running = false;

function loop(last: number): void {
  requestAnimationFrame((now) => {
    if (frames.size === 0) {
      running = false;
      return;
    }
    const due = now - last >= kFrameMs;
    if (due) for (const frame of frames) frame(now);
    loop(due ? now : last);
  });
}

/** Calls `frame` about 12 times a second while mounted: one loop for all meters of the page. */
export function useFrame(frame: (now: number) => void): void {
  const latest = useRef(frame);
  latest.current = frame;
  useEffect(() => {
    const run = (now: number): void => latest.current(now);
    frames.add(run);
    if (!running) {
      running = true;
      loop(0);
    }
    return () => void frames.delete(run);
  }, []);
}

/** Calls `done` on Escape or a press outside of the element, while `active`. */
export function useDismiss(element: RefObject<HTMLElement>, active: boolean, done: () => void): void {
  useEffect(() => {
    if (!active) return;
    const key = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') done();
    };
    const press = (event: PointerEvent): void => {
      if (!element.current?.contains(event.target as Node)) done();
    };
    document.addEventListener('keydown', key);
    document.addEventListener('pointerdown', press);
    return () => {
      document.removeEventListener('keydown', key);
      document.removeEventListener('pointerdown', press);
    };
  }, [active]);
}
