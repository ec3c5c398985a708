import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Negotiation } from '../src/negotiation';
import type { SignalPayload } from '../src/protocol';
import { candidate, FakeConnection, settled } from './fakes';

interface Side {
  pc: FakeConnection;
  negotiation: Negotiation;
  out: SignalPayload[];
}

function side(polite: boolean, mayOffer: boolean): Side {
  const pc = new FakeConnection();
  const out: SignalPayload[] = [];
  const negotiation = new Negotiation(pc as unknown as RTCPeerConnection, {
    polite: () => polite,
    mayOffer,
    send: (payload) => out.push(payload),
  });
  return { pc, negotiation, out };
}

async function deliver(from: Side, to: Side): Promise<void> {
  for (let payload = from.out.shift(); payload; payload = from.out.shift()) await to.negotiation.receive(payload);
  await settled();
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('the newcomer offers, the member answers', async () => {
  const newcomer = side(false, true);
  const member = side(true, false);
  newcomer.pc.need();
  member.pc.need();
  await settled();
  expect(member.out).toEqual([]); // it leaves the first offer to the newcomer
  await deliver(newcomer, member);
  await deliver(member, newcomer);
  expect([newcomer.pc.signalingState, member.pc.signalingState]).toEqual(['stable', 'stable']);
  expect(member.negotiation.heard).toBe(1);
});

test('a member offers when it is released', async () => {
  const member = side(true, false);
  member.pc.need();
  await settled();
  member.negotiation.release();
  await settled();
  expect(member.out.map((payload) => payload.description?.type)).toEqual(['offer']);
});

test('when offers cross, the polite side gives way and the impolite one does not hear', async () => {
  const impolite = side(false, true);
  const polite = side(true, true);
  impolite.pc.need();
  polite.pc.need();
  await settled();
  const crossing = [impolite.out.shift()!, polite.out.shift()!];
  await Promise.all([polite.negotiation.receive(crossing[0]!), impolite.negotiation.receive(crossing[1]!)]);
  await settled();
  expect(polite.pc.rollbacks).toBe(1);
  expect(impolite.pc.rollbacks).toBe(0);
  expect(polite.out[0]?.description?.type).toBe('answer');
  // Its own need is still there, and is offered after the other's exchange.
  await deliver(polite, impolite);
  await deliver(impolite, polite);
  await deliver(polite, impolite);
  expect([impolite.pc.signalingState, polite.pc.signalingState]).toEqual(['stable', 'stable']);
});

test('candidates of an ignored offer are no error, and are not kept', async () => {
  const impolite = side(false, true);
  const polite = side(true, true);
  impolite.pc.need();
  polite.pc.need();
  await settled();
  await impolite.negotiation.receive(polite.out.shift()!);
  await impolite.negotiation.receive({ candidates: [candidate(polite.pc.ufrag)] });
  expect(impolite.pc.added).toEqual([]);
  expect(console.warn).not.toHaveBeenCalled();
});

test('early candidates wait for the description that they belong to', async () => {
  const offerer = side(false, true);
  const answerer = side(true, false);
  offerer.pc.need();
  await settled();
  await answerer.negotiation.receive({ candidates: [candidate(offerer.pc.ufrag, 1), candidate(offerer.pc.ufrag, 2)] });
  expect(answerer.pc.added).toEqual([]);
  await deliver(offerer, answerer);
  expect(answerer.pc.added).toHaveLength(2);
});

test('candidates of a restart wait for its offer', async () => {
  const offerer = side(false, true);
  const answerer = side(true, false);
  offerer.pc.need();
  await settled();
  await deliver(offerer, answerer);
  await deliver(answerer, offerer);

  offerer.negotiation.restart();
  await settled();
  await answerer.negotiation.receive({ candidates: [candidate(offerer.pc.ufrag, 7)] });
  expect(answerer.pc.added).toEqual([]);
  await deliver(offerer, answerer);
  expect(answerer.pc.added.map((one) => one.usernameFragment)).toEqual([offerer.pc.ufrag]);
});

test('a restart repeats an offer that nobody answered, and does not take it back', async () => {
  const offerer = side(false, true);
  offerer.pc.need();
  await settled();
  offerer.negotiation.restart();
  await settled();
  expect([offerer.pc.rollbacks, offerer.pc.restarts]).toEqual([0, 0]);
  expect(offerer.out).toHaveLength(2);
  expect(offerer.out[1]).toEqual(offerer.out[0]);
});

test('an offer without answer is said again once, after eight seconds', async () => {
  const offerer = side(false, true);
  offerer.pc.need();
  await settled();
  vi.advanceTimersByTime(8_000);
  vi.advanceTimersByTime(60_000);
  expect(offerer.out).toHaveLength(2);
  expect(offerer.out[1]).toEqual(offerer.out[0]);
});

test('the answer to an offer said twice counts once', async () => {
  const offerer = side(false, true);
  const answerer = side(true, false);
  offerer.pc.need();
  await settled();
  offerer.negotiation.repeat();
  await deliver(offerer, answerer);
  expect(answerer.out.map((payload) => payload.description?.type)).toEqual(['answer', 'answer']);
  await deliver(answerer, offerer);
  expect(offerer.pc.signalingState).toBe('stable');
  expect(console.warn).not.toHaveBeenCalled();
});

test('what the other side gets wrong does not stop what follows', async () => {
  const answerer = side(true, false);
  vi.spyOn(answerer.pc, 'setRemoteDescription').mockRejectedValueOnce(new Error('bad SDP'));
  await answerer.negotiation.receive({ description: { type: 'offer', sdp: 'nonsense' } });
  expect(console.warn).toHaveBeenCalledOnce();
  await answerer.negotiation.receive({ description: { type: 'offer', sdp: 'v=0\r\na=ice-ufrag:x\r\n' } });
  expect(answerer.out.map((payload) => payload.description?.type)).toEqual(['answer']);
});

test('local candidates leave in batches; a closed negotiation says nothing', async () => {
  const offerer = side(false, true);
  const local = (at: number): unknown => ({ candidate: { candidate: 'candidate:…', toJSON: () => candidate('u', at) } });
  offerer.pc.onicecandidate?.(local(1) as never);
  offerer.pc.onicecandidate?.(local(2) as never);
  offerer.pc.onicecandidate?.({ candidate: null });
  vi.advanceTimersByTime(50);
  expect(offerer.out.map((payload) => payload.candidates?.length)).toEqual([2]);
  offerer.pc.onicecandidate?.(local(3) as never);
  offerer.negotiation.close();
  vi.advanceTimersByTime(50);
  expect(offerer.out).toHaveLength(1);
});

test('a later offer keeps the DTLS roles that were negotiated', async () => {
  const offerer = side(false, true);
  const answerer = side(true, false);
  const setup = (from: Side): string | undefined => /a=setup:(\w+)/.exec(from.out.at(-1)?.description?.sdp ?? '')?.[1];
  offerer.pc.need();
  await settled();
  expect(setup(offerer)).toBe('actpass');
  await deliver(offerer, answerer);
  expect(setup(answerer)).toBe('active');
  await deliver(answerer, offerer);

  answerer.negotiation.restart();
  await settled();
  expect(setup(answerer)).toBe('active');
  await deliver(answerer, offerer);
  await deliver(offerer, answerer);
  offerer.negotiation.restart();
  await settled();
  expect(setup(offerer)).toBe('passive');
});
