import type { Call } from '../call';

// The call that the page shows. One at a time: leaving ends it before another begins.
let call: Call | undefined;

export function currentCall(): Call | undefined {
  return call;
}

export function setCurrentCall(next: Call | undefined): void {
  call = next;
}
