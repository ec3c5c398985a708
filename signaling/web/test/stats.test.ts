import { expect, test } from 'vitest';
import { failureReason } from '../src/failure';
import { badgeOf, commonLink, deriveStats } from '../src/stats';

type Entry = Record<string, unknown> & { id: string; type: string };

function report(...entries: Entry[]): Parameters<typeof deriveStats>[0] {
  const map = new Map(entries.map((entry) => [entry.id, entry]));
  return { [Symbol.iterator]: () => map.values(), get: (id) => map.get(id) };
}

const local = (more: object): Entry => ({ id: 'L', type: 'local-candidate', protocol: 'udp', ...more }) as Entry;
const remote = (more: object): Entry => ({ id: 'R', type: 'remote-candidate', protocol: 'udp', ...more }) as Entry;
const pair = (more: object): Entry => ({ id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R', ...more }) as Entry;

test('Chromium names the selected pair in the transport', () => {
  const stats = deriveStats(
    report(
      { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
      { id: 'X', type: 'candidate-pair', localCandidateId: 'other', remoteCandidateId: 'R', nominated: true, state: 'succeeded' },
      pair({ currentRoundTripTime: 0.0123 }),
      local({ candidateType: 'relay', relayProtocol: 'tls' }),
      remote({ candidateType: 'relay' }),
      { id: 'I', type: 'inbound-rtp', kind: 'audio', packetsReceived: 500, packetsLost: 2, totalAudioEnergy: 1.5, jitter: 0.004 },
    ),
  );
  expect(stats).toMatchObject({
    localType: 'relay',
    remoteType: 'relay',
    relayProtocol: 'tls',
    rttMs: 12,
    packetsReceived: 500,
    packetsLost: 2,
    totalAudioEnergy: 1.5,
    jitterMs: 4,
  });
});

test('Firefox marks the selected pair', () => {
  const stats = deriveStats(
    report(pair({ selected: true }), local({ candidateType: 'host' }), remote({ candidateType: 'prflx' })),
  );
  expect(stats).toMatchObject({ localType: 'host', remoteType: 'prflx', protocol: 'udp', relayProtocol: undefined });
});

test('a pair that was nominated but did not succeed is none', () => {
  expect(deriveStats(report(pair({ nominated: true, state: 'failed' }), local({ candidateType: 'host' }), remote({ candidateType: 'host' }))).localType).toBeUndefined();
});

test.each([
  [{ localType: 'host', remoteType: 'host', protocol: 'udp' }, 'direct', 'Direct · UDP'],
  [{ localType: 'srflx', remoteType: 'prflx', protocol: 'tcp' }, 'direct', 'Direct · TCP'],
  [{ localType: 'relay', remoteType: 'host', protocol: 'udp', relayProtocol: 'udp' }, 'relay', 'Relay · UDP'],
  [{ localType: 'relay', remoteType: 'relay', protocol: 'udp', relayProtocol: 'tcp' }, 'relay', 'Relay · TCP'],
  [{ localType: 'relay', remoteType: 'relay', protocol: 'udp', relayProtocol: 'tls' }, 'relay', 'Relay · TLS'],
  [{ localType: 'host', remoteType: 'relay', protocol: 'udp' }, 'relay', 'Relay · theirs'],
  [{ localType: 'host', remoteType: undefined, protocol: 'udp' }, 'unknown', 'Connecting'],
])('badge of %o', (stats, kind, label) => {
  expect(badgeOf({ relayProtocol: undefined, ...stats } as Parameters<typeof badgeOf>[0])).toMatchObject({ kind, label });
});

test('one word for all links', () => {
  expect(commonLink([])).toBe('unknown');
  expect(commonLink(['unknown', 'direct'])).toBe('direct');
  expect(commonLink(['relay', 'relay'])).toBe('relay');
  expect(commonLink(['relay', 'direct', 'unknown'])).toBe('mixed');
});

test('the reason of a failure, as far as it is known', () => {
  expect(failureReason(undefined)).toMatch(/networks/);
  expect(failureReason({ code: 401, relayOnly: true })).toBe('No way through: the relay does not accept our credentials.');
  expect(failureReason({ code: 701, relayOnly: false })).toBe('There is no direct way, and the relay cannot be reached from here.');
  expect(failureReason({ code: 599, relayOnly: true })).toMatch(/599/);
});
