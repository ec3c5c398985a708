import { loudness } from './level';
import { Observable } from './observable';

let context: AudioContext | undefined;

/** The page's one AudioContext. It sounds only after a gesture; until then meters rest at zero. */
export function audioContext(): AudioContext {
  if (!context) {
    context = new AudioContext({ latencyHint: 'interactive' });
    const resume = (): void => void context?.resume().catch(() => {});
    for (const gesture of ['pointerdown', 'keydown']) window.addEventListener(gesture, resume, { capture: true });
  }
  return context;
}

export type MicrophoneState = 'off' | 'asking' | 'on' | 'denied' | 'missing' | 'insecure';

export interface Device {
  id: string;
  label: string;
}

/** The microphone, or silence in its place: a call needs a track, not a microphone. */
export class Microphone extends Observable {
  state: MicrophoneState = 'off';
  devices: Device[] = [];
  deviceId: string | undefined;
  muted = false;
  /** The track is another one now. */
  onTrack: (track: MediaStreamTrack) => void = () => {};

  private live: MediaStreamTrack | undefined;
  private silence: MediaStreamTrack | undefined;
  private source: MediaStreamAudioSourceNode | undefined;
  private analyser: AnalyserNode | undefined;
  private samples = new Float32Array(1024);
  private opening = 0;

  constructor(preferred: string | undefined) {
    super();
    this.deviceId = preferred;
    navigator.mediaDevices?.addEventListener?.('devicechange', () => void this.list());
  }

  get track(): MediaStreamTrack {
    return this.live ?? (this.silence ??= audioContext().createMediaStreamDestination().stream.getAudioTracks()[0]!);
  }

  async open(deviceId: string | undefined = this.deviceId): Promise<void> {
    const turn = (this.opening += 1);
    if (!navigator.mediaDevices) return this.become('insecure');
    this.become('asking');
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
          ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
        },
      });
      if (turn !== this.opening) return stream.getTracks().forEach((track) => track.stop());
      this.take(stream);
      this.become('on');
      await this.list();
    } catch (error) {
      if (turn !== this.opening) return;
      const name = error instanceof DOMException ? error.name : '';
      this.become(name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing');
    }
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    if (this.live) this.live.enabled = !muted;
    this.changed();
  }

  /** 0…1, of what the others hear: nothing while muted. */
  level(): number {
    if (!this.analyser || this.muted) return 0;
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return loudness(Math.sqrt(sum / this.samples.length));
  }

  close(): void {
    this.opening += 1;
    this.release();
    this.become('off');
  }

  private take(stream: MediaStream): void {
    const track = stream.getAudioTracks()[0];
    if (!track) return;
    this.release();
    this.live = track;
    track.enabled = !this.muted;
    // Unplugged, or taken away by the system: what is there now is better than a dead track.
    track.onended = () => void this.open(undefined);
    this.deviceId = track.getSettings().deviceId ?? this.deviceId;
    const audio = audioContext();
    void audio.resume().catch(() => {}); // who captures may sound, as most browsers see it
    this.source = audio.createMediaStreamSource(stream);
    this.analyser = audio.createAnalyser();
    this.analyser.fftSize = this.samples.length;
    this.source.connect(this.analyser);
    this.onTrack(track);
  }

  private release(): void {
    this.source?.disconnect();
    this.source = undefined;
    this.analyser = undefined;
    if (!this.live) return;
    this.live.onended = null;
    this.live.stop();
    this.live = undefined;
  }

  private async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    this.devices = all
      .filter((device) => device.kind === 'audioinput' && device.deviceId !== '')
      .map((device, at) => ({ id: device.deviceId, label: device.label || `Microphone ${at + 1}` }));
    this.changed();
  }

  private become(state: MicrophoneState): void {
    this.state = state;
    this.changed();
  }
}
