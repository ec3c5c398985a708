import { loudness } from './level';
import { Observable } from './observable';
import type { PeerLink } from './peer_link';

const kStaleMs = 500;

interface Voice {
  element: HTMLAudioElement;
  volume: number;
  timestamp: number; // of the last packet that was played
  movedAt: number;
}

/** The others' voices: an audio element each, at the volume that the person gave it. */
export class Speakers extends Observable {
  /** The browser wants a gesture before it lets the page sound. */
  blocked = false;

  private voices = new Map<PeerLink, Voice>();
  private readonly shelf = document.createElement('div');

  constructor() {
    super();
    this.shelf.hidden = true;
    document.body.append(this.shelf);
  }

  play(link: PeerLink, track: MediaStreamTrack): void {
    let voice = this.voices.get(link);
    if (!voice) {
      const element = document.createElement('audio');
      element.autoplay = true;
      element.setAttribute('playsinline', '');
      this.shelf.append(element);
      voice = { element, volume: 1, timestamp: 0, movedAt: 0 };
      this.voices.set(link, voice);
    }
    voice.element.srcObject = new MediaStream([track]);
    this.start(voice);
  }

  stop(link: PeerLink): void {
    const voice = this.voices.get(link);
    if (!voice) return;
    this.voices.delete(link);
    voice.element.srcObject = null;
    voice.element.remove();
  }

  volume(link: PeerLink | undefined): number {
    return (link && this.voices.get(link)?.volume) ?? 1;
  }

  setVolume(link: PeerLink, volume: number): void {
    const voice = this.voices.get(link);
    if (!voice) return;
    voice.volume = volume;
    voice.element.volume = volume;
    this.changed();
  }

  /** Within a gesture: everything may sound now. */
  unblock(): void {
    this.blocked = false;
    for (const voice of this.voices.values()) this.start(voice);
    this.changed();
  }

  /** 0…1, of what arrives from them. */
  level(link: PeerLink): number {
    const source = link.receiver?.getSynchronizationSources?.()[0];
    if (source?.audioLevel !== undefined) {
      // Browsers disagree about the timestamp's origin: only whether it moves is of use.
      const voice = this.voices.get(link);
      const now = performance.now();
      if (voice && voice.timestamp !== source.timestamp) Object.assign(voice, { timestamp: source.timestamp, movedAt: now });
      return !voice || now - voice.movedAt > kStaleMs ? 0 : loudness(source.audioLevel);
    }
    return loudness(link.stats.audioLevel ?? 0);
  }

  close(): void {
    for (const link of [...this.voices.keys()]) this.stop(link);
    this.shelf.remove();
  }

  private start(voice: Voice): void {
    voice.element.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return; // a newer srcObject came
      this.blocked = true;
      this.changed();
    });
  }
}
