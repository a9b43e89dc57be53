/** A plain instrument of sines and, for drums, of noise; the same as the Python package's. */

import type { MusicKind, Note } from "../kinds/notes";

export const STEP_SECONDS = 0.125;
const HARMONICS = [0, 1, 0.35, 0.15, 0.05];
const LOUDNESS = 0.4;
const ATTACK = 0.01;
const RELEASE = 0.05;
const DECAY = 1.2;
const STROKE = 0.12;
const KICK = 36;
const KICK_HERTZ = 60;
const TAIL = 0.5;
const RATE = 22_050;

/** Plays notes on a context, from `begin` seconds of its time on; gives back what stops them. */
export function sound(context: BaseAudioContext, kind: MusicKind, notes: readonly Note[], begin: number): () => void {
  const sources = notes.map((note) => {
    const at = begin + note.start * STEP_SECONDS;
    return kind.kind === "drums" ? stroke(context, note.pitch, at) : tone(context, note.pitch, at, note.length * STEP_SECONDS);
  });
  return () => sources.forEach((source) => source.stop());
}

function tone(context: BaseAudioContext, pitch: number, at: number, seconds: number): AudioScheduledSourceNode {
  const source = new OscillatorNode(context, { frequency: 440 * 2 ** ((pitch - 69) / 12) });
  const wave = new Float32Array(HARMONICS);
  source.setPeriodicWave(context.createPeriodicWave(new Float32Array(wave.length), wave, { disableNormalization: true }));
  const peak = LOUDNESS / HARMONICS.reduce((sum, value) => sum + value);
  const gain = new GainNode(context, { gain: 0 });
  const fade = Math.max(ATTACK, seconds - RELEASE);
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(peak, at + ATTACK);
  gain.gain.setTargetAtTime(0, at + ATTACK, DECAY);
  gain.gain.setTargetAtTime(0, at + fade, RELEASE / 4);
  source.connect(gain).connect(context.destination);
  source.start(at);
  source.stop(at + seconds + RELEASE);
  return source;
}

/** A thud for the kick, for the others a burst of noise, brighter for some drums than for others. */
function stroke(context: BaseAudioContext, pitch: number, at: number): AudioScheduledSourceNode {
  const gain = new GainNode(context, { gain: 0 });
  gain.gain.setValueAtTime(LOUDNESS, at);
  gain.gain.setTargetAtTime(0, at, STROKE / 5);
  gain.connect(context.destination);
  if (pitch === KICK) {
    const source = new OscillatorNode(context, { frequency: KICK_HERTZ });
    source.connect(gain);
    source.start(at);
    source.stop(at + STROKE);
    return source;
  }
  const source = new AudioBufferSourceNode(context, { buffer: noise(context) });
  source.connect(new BiquadFilterNode(context, { type: "highpass", frequency: 1200 * (1 + (pitch % 4)) })).connect(gain);
  source.start(at, 0, STROKE);
  return source;
}

const noises = new WeakMap<BaseAudioContext, AudioBuffer>();

function noise(context: BaseAudioContext): AudioBuffer {
  const known = noises.get(context);
  if (known) return known;
  const buffer = new AudioBuffer({ length: Math.ceil(STROKE * context.sampleRate), sampleRate: context.sampleRate });
  buffer.getChannelData(0).forEach((_, i, samples) => (samples[i] = 2 * Math.random() - 1));
  noises.set(context, buffer);
  return buffer;
}

/** Tunes of `steps` sixteenths each, one after another, as a WAV file. */
export async function waveFile(kind: MusicKind, tunes: readonly Note[][], steps: number): Promise<Blob> {
  const seconds = tunes.length * steps * STEP_SECONDS + TAIL;
  const context = new OfflineAudioContext(1, Math.ceil(seconds * RATE), RATE);
  tunes.forEach((notes, i) => sound(context, kind, notes, i * steps * STEP_SECONDS));
  const samples = (await context.startRendering()).getChannelData(0);
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at: number, words: string): void => [...words].forEach((c, i) => bytes.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  bytes.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true);
  bytes.setUint16(20, 1, true);
  bytes.setUint16(22, 1, true);
  bytes.setUint32(24, RATE, true);
  bytes.setUint32(28, 2 * RATE, true);
  bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true);
  text(36, "data");
  bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, i) => bytes.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, value))), true));
  return new Blob([bytes], { type: "audio/wav" });
}
