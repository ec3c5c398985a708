import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const kRate = 48_000;
const kHeaderBytes = 44;

/** A WAV file of a sine that goes on without a click where the browser plays it again from the start. */
export function tone({ hertz = 440, seconds = 5, amplitude = 0.5 } = {}) {
  const samples = kRate * seconds; // whole periods, since hertz and seconds are whole numbers
  const wav = Buffer.alloc(kHeaderBytes + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16); // of the format chunk
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(kRate, 24);
  wav.writeUInt32LE(kRate * 2, 28); // bytes a second
  wav.writeUInt16LE(2, 32); // bytes a frame
  wav.writeUInt16LE(16, 34); // bits a sample
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let at = 0; at < samples; at += 1) {
    const value = amplitude * Math.sin((2 * Math.PI * hertz * at) / kRate);
    wav.writeInt16LE(Math.round(value * 32767), kHeaderBytes + at * 2);
  }
  return wav;
}

/** The tone as a file in a directory of its own; `remove()` afterwards. */
export async function toneFile(options) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'turnpike-tone-'));
  const file = path.join(directory, 'tone.wav');
  await writeFile(file, tone(options));
  return { file, remove: () => rm(directory, { recursive: true, force: true }) };
}
