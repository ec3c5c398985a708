import { CandidateBatch } from './candidate_batch';
import { withDtx } from './opus';
import type { SignalPayload } from './protocol';

export interface NegotiationOptions {
  /** Asked each time: ids change when we come back as somebody else. */
  polite(): boolean;
  /** May we offer by ourselves? Members leave the first offer to the newcomer. */
  mayOffer: boolean;
  send(payload: SignalPayload): void;
}

const kAnswerDeadlineMs = 8_000;
const kEarlyCandidatesMost = 64;

type DtlsRole = 'active' | 'passive';

function setupOf(description: RTCSessionDescriptionInit | null): string | undefined {
  return /^a=setup:(\w+)/m.exec(description?.sdp ?? '')?.[1];
}

/**
 * Perfect negotiation on one RTCPeerConnection (W3C WebRTC, 10.7): both sides may offer at any
 * time; when offers cross, the polite side gives way. Incoming messages are handled one at a time.
 */
export class Negotiation {
  /** Remote descriptions taken so far, so that a watchdog sees the other side act. */
  heard = 0;

  private makingOffer = false;
  private ignoreOffer = false;
  private isSettingRemoteAnswerPending = false;
  private mayOffer: boolean;
  private offerWanted = false;
  private closed = false;
  private early: RTCIceCandidateInit[] = []; // until the remote description that they belong to
  private inbox: Promise<void> = Promise.resolve();
  private dtlsRole: DtlsRole | undefined; // ours, once negotiated
  private answerDeadline: ReturnType<typeof setTimeout> | undefined;
  private readonly batch: CandidateBatch;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly options: NegotiationOptions,
  ) {
    this.mayOffer = options.mayOffer;
    this.batch = new CandidateBatch((candidates) => options.send({ candidates }));
    pc.onnegotiationneeded = () => {
      if (this.mayOffer) void this.offer();
      else this.offerWanted = true;
    };
    pc.onicecandidate = ({ candidate }) => {
      if (candidate && candidate.candidate !== '') this.batch.add(candidate.toJSON());
    };
  }

  /** The newcomer did not offer: we do. */
  release(): void {
    if (this.mayOffer) return;
    this.mayOffer = true;
    if (this.offerWanted) void this.offer();
  }

  receive(payload: SignalPayload): Promise<void> {
    this.inbox = this.inbox
      .then(() => {
        if (this.closed) return;
        return payload.description ? this.takeDescription(payload.description) : this.takeCandidates(payload.candidates ?? []);
      })
      .catch((error: unknown) => {
        // The other side's mistake, or its message for a state that is gone; the watchdog repairs what stays broken.
        if (!this.closed) console.warn('signal not usable:', error);
      });
    return this.inbox;
  }

  /**
   * New ICE credentials and candidates on both sides; the media go on over the old pair until then.
   * An offer that waits for its answer is said again instead: were it taken back, a late answer to it
   * would count as the answer to the next one.
   */
  restart(): void {
    this.mayOffer = true;
    if (this.pc.signalingState === 'have-local-offer') this.repeat();
    else this.pc.restartIce();
  }

  /** Says the open offer again, for when the first may have been lost with the signaling. */
  repeat(): void {
    if (this.pc.signalingState === 'have-local-offer') this.sendLocal();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.answerDeadline);
    this.batch.drop();
    this.pc.onnegotiationneeded = null;
    this.pc.onicecandidate = null;
  }

  private async offer(): Promise<void> {
    this.offerWanted = false;
    try {
      this.makingOffer = true;
      await this.pc.setLocalDescription();
      this.sendLocal();
      this.expectAnswer();
    } catch (error) {
      if (!this.closed) console.warn('no offer:', error);
    } finally {
      this.makingOffer = false;
    }
  }

  private async takeDescription(description: RTCSessionDescriptionInit): Promise<void> {
    const { pc } = this;
    const readyForOffer = !this.makingOffer && (pc.signalingState === 'stable' || this.isSettingRemoteAnswerPending);
    const offerCollision = description.type === 'offer' && !readyForOffer;
    this.ignoreOffer = !this.options.polite() && offerCollision;
    if (this.ignoreOffer) return;
    if (description.type === 'answer' && pc.signalingState !== 'have-local-offer') return; // to an offer said twice

    this.isSettingRemoteAnswerPending = description.type === 'answer';
    try {
      await pc.setRemoteDescription({ type: description.type, sdp: withDtx(description.sdp ?? '') }); // rolls our own offer back where offers crossed
    } finally {
      this.isSettingRemoteAnswerPending = false;
    }
    this.heard += 1;
    if (description.type === 'answer') this.dtlsRole = setupOf(description) === 'active' ? 'passive' : 'active';
    clearTimeout(this.answerDeadline);
    if (description.type === 'offer') {
      await pc.setLocalDescription();
      this.dtlsRole = setupOf(pc.localDescription) === 'active' ? 'active' : 'passive';
      this.sendLocal();
      this.mayOffer = true; // the newcomer has had its turn
    }
    const early = this.early;
    this.early = [];
    await this.takeCandidates(early);
  }

  private async takeCandidates(candidates: RTCIceCandidateInit[]): Promise<void> {
    for (const candidate of candidates) {
      if (!this.belongsToRemote(candidate)) {
        if (!this.ignoreOffer && this.early.length < kEarlyCandidatesMost) this.early.push(candidate);
        continue;
      }
      try {
        await this.pc.addIceCandidate(candidate);
      } catch (error) {
        if (!this.ignoreOffer) throw error;
      }
    }
  }

  private belongsToRemote(candidate: RTCIceCandidateInit): boolean {
    const remote = this.pc.remoteDescription;
    if (!remote) return false;
    const ufrag = candidate.usernameFragment;
    if (!ufrag) return true;
    return remote.sdp.split(/\r?\n/).includes(`a=ice-ufrag:${ufrag}`);
  }

  private sendLocal(): void {
    const local = this.pc.localDescription;
    if (!local || this.closed) return;
    // A later offer says which DTLS role we have instead of leaving it open: Firefox would choose
    // anew and answer with the other one, which Chromium refuses (RFC 8842, 5.5: roles stay).
    const sdp = local.type === 'offer' && this.dtlsRole ? local.sdp.replaceAll('a=setup:actpass', `a=setup:${this.dtlsRole}`) : local.sdp;
    this.options.send({ description: { type: local.type, sdp } });
  }

  private expectAnswer(): void {
    clearTimeout(this.answerDeadline);
    this.answerDeadline = setTimeout(() => this.repeat(), kAnswerDeadlineMs);
  }
}
