/** Melodies and drum patterns: raw symbols, arrays and notes, as the Python package has them. */

import type { DrumKind, MelodyKind, View } from "../wire";

export type MusicKind = MelodyKind | DrumKind;
export const STEPS_PER_QUARTER = 4;
export const STEPS_PER_BAR = 16;
/** Symbols of a melody that strike no note. */
export const REST = 0;
export const HOLD = 1;
const STRUCK = 0.5;
const OCTAVE = 12;

export interface Note {
  /** In sixteenths. */
  start: number;
  length: number;
  /** MIDI number, of a drum the one that is played. */
  pitch: number;
  /** Line of the roll: the pitch, of a drum its number. */
  line: number;
  /** Probability that it is struck. */
  sure: number;
}

export function musicOf({ modality }: View): MusicKind | null {
  return modality.kind === "melody" || modality.kind === "drums" ? modality : null;
}

export function stepsOf({ bars }: MusicKind): number {
  return bars * STEPS_PER_BAR;
}

/** Lines of an array: symbols of a melody, drums of a pattern. */
export function linesOf(kind: MusicKind): number {
  return kind.kind === "melody" ? kind.symbols : kind.names.length;
}

/** The likeliest symbols of a melody (steps), or what is struck of drums (drums * steps). */
export function toRaw(kind: MusicKind, values: Float32Array): Uint8Array {
  if (kind.kind === "drums") return Uint8Array.from(values, (value) => (value >= STRUCK ? 1 : 0));
  const steps = stepsOf(kind);
  return Uint8Array.from({ length: steps }, (_, t) => {
    let best = 0;
    for (let s = 1; s < kind.symbols; s++) if (values[s * steps + t]! > values[best * steps + t]!) best = s;
    return best;
  });
}

/** The array of raw symbols: certain of each of them. */
export function toArray(kind: MusicKind, raw: ArrayLike<number>): Float32Array {
  if (kind.kind === "drums") return Float32Array.from(raw);
  const steps = stepsOf(kind);
  const values = new Float32Array(kind.symbols * steps);
  for (let t = 0; t < steps; t++) values[raw[t]! * steps + t] = 1;
  return values;
}

/** The notes of raw symbols, in order of time; `values` says how sure each is. */
export function notesOf(kind: MusicKind, raw: ArrayLike<number>, values?: Float32Array): Note[] {
  const notes = kind.kind === "melody" ? melodyNotes(kind, raw, values) : drumNotes(kind, raw, values);
  return notes.sort((a, b) => a.start - b.start || a.line - b.line);
}

function melodyNotes(kind: MelodyKind, raw: ArrayLike<number>, values?: Float32Array): Note[] {
  const steps = stepsOf(kind);
  const notes: Note[] = [];
  for (let t = 0; t < steps; t++) {
    const symbol = raw[t]!;
    if (symbol >= kind.first) {
      const pitch = symbol - kind.first + kind.lowest;
      notes.push({ start: t, length: 1, pitch, line: pitch, sure: values?.[symbol * steps + t] ?? 1 });
    } else if (symbol === HOLD && notes.length && notes.at(-1)!.start + notes.at(-1)!.length === t) notes.at(-1)!.length++;
  }
  return notes;
}

function drumNotes(kind: DrumKind, raw: ArrayLike<number>, values?: Float32Array): Note[] {
  const steps = stepsOf(kind);
  return kind.pitches.flatMap(([pitch], line) =>
    Array.from({ length: steps }, (_, start) => ({ start, length: 1, pitch: pitch!, line, sure: values?.[line * steps + start] ?? 1 })).filter(
      ({ start }) => raw[line * steps + start],
    ),
  );
}

/** Lowest and highest line to draw: those of nearly all rows and of `notes`, at least an octave. */
export function linesShown(kind: MusicKind, notes: readonly Note[]): [number, number] {
  if (kind.kind === "drums") return [0, kind.names.length - 1];
  const low = notes.reduce((least, { pitch }) => Math.min(least, pitch), kind.low);
  const high = notes.reduce((most, { pitch }) => Math.max(most, pitch), kind.high);
  const spare = Math.max(0, OCTAVE - (high - low));
  return [low - Math.floor(spare / 2), high + Math.ceil(spare / 2)];
}

const same = (a: Note) => (b: Note) => a.start === b.start && a.line === b.line;

/** Notes of `a` that `b` has too, begun on the same sixteenth, and those it lacks. */
export function split(a: readonly Note[], b: readonly Note[]): [Note[], Note[]] {
  return [a.filter((note) => b.some(same(note))), a.filter((note) => !b.some(same(note)))];
}

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];

function pitchName(pitch: number): string {
  return `${NAMES[pitch % OCTAVE]}${Math.floor(pitch / OCTAVE) - 1}`;
}

/** Notes in words, for those who listen. */
export function inWords(kind: MusicKind, notes: readonly Note[]): string {
  if (!notes.length) return "silence";
  if (kind.kind === "drums") return `${notes.length} strokes`;
  const pitches = notes.map(({ pitch }) => pitch);
  return `${notes.length} notes from ${pitchName(Math.min(...pitches))} to ${pitchName(Math.max(...pitches))}`;
}
