/** What gathering told about our relay; the browser says it in icecandidateerror events. */
export interface GatherError {
  code: number; // of STUN (RFC 8489, RFC 8656), or 701: the server was not reached
  relayOnly: boolean;
}

const kReasons = new Map<number, string>([
  [401, 'the relay does not accept our credentials'],
  [403, 'the relay may not reach the other side'],
  [437, 'the relay mixed up our allocations'],
  [438, 'the relay does not accept our credentials'],
  [486, 'the relay has given us all the allocations that we may have'],
  [508, 'the relay has no capacity left'],
  [701, 'the relay cannot be reached from here'],
]);

/** Why there is no connection, as far as it can be known from here. */
export function failureReason(error: GatherError | undefined): string {
  if (!error) return 'The networks do not let the two of you through.';
  const reason = kReasons.get(error.code) ?? `the relay refused with ${error.code}`;
  return error.relayOnly ? `No way through: ${reason}.` : `There is no direct way, and ${reason}.`;
}
