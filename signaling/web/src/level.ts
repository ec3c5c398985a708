const kFloorDb = -60;
const kCeilingDb = -12;
const kSpeaking = 0.28; // of the scale below, about −46 dB
const kHoldMs = 350; // a syllable's pause is not silence

/** Amplitude 0…1 on a scale where speech fills the middle: 0 at −60 dB, 1 at −12 dB. */
export function loudness(amplitude: number): number {
  if (!(amplitude > 0)) return 0;
  const db = 20 * Math.log10(amplitude);
  return Math.min(1, Math.max(0, (db - kFloorDb) / (kCeilingDb - kFloorDb)));
}

/** Speaking or not, steady enough to look at. */
export class SpeakingDetector {
  private until = -Infinity;

  update(level: number, now: number): boolean {
    if (level >= kSpeaking) this.until = now + kHoldMs;
    return now < this.until;
  }
}
