/** MIDI files as rows of a space, cut as the Python package cuts them, and tunes as MIDI files. */

import { parseMidi, writeMidi, type MidiEvent } from "midi-file";
import { HOLD, REST, STEPS_PER_BAR, STEPS_PER_QUARTER, stepsOf, toArray, type MusicKind, type Note } from "./notes";
import type { Piece } from "./drop";
import type { DrumKind, MelodyKind } from "../wire";

const DRUM_CHANNEL = 9;
/** In sixteenths: notes that overlap by more sound at once. */
const TOGETHER = 0.5;
const LONGEST = 2 ** 16;
const TICKS = 120;
const MICROSECONDS_A_QUARTER = 500_000;
const VELOCITY = 90;
const FLUTE = 73;

interface Heard {
  onset: number;
  end: number;
  pitch: number;
}

/** Windows of the one tune in a MIDI file, each from a bar line on. */
export function readMidi(kind: MusicKind, bytes: Uint8Array, name: string): Piece[] {
  const { header, tracks } = parseMidi(bytes);
  if (!header.ticksPerBeat) throw new Error("its times are not told in quarters");
  const unit = header.ticksPerBeat / STEPS_PER_QUARTER;
  const heard = tracks.flatMap((track) => notesIn(track, unit, kind.kind === "drums"));
  heard.sort((a, b) => a.onset - b.onset || a.end - b.end || a.pitch - b.pitch);
  if (!heard.length) throw new Error(kind.kind === "drums" ? "it holds no drums" : "it holds no notes of a melody");
  const last = Math.max(...heard.map(({ end }) => end));
  if (last > LONGEST) throw new Error(`it is longer than ${LONGEST.toLocaleString("en")} sixteenths`);
  const bars = barsOf(tracks.flatMap((track) => signaturesIn(track, unit)), last);
  const lines = kind.kind === "melody" ? [melodyLine(kind, heard, bars)] : drumLines(kind, heard);
  const found = windows(lines, bars, stepsOf(kind), kind.kind === "melody" ? kind.first : 1);
  if (!found.length) throw new Error(`it is shorter than ${kind.bars} bars of four quarters`);
  return found.map(({ bar, raw }) => ({ name: `${name}, from bar ${bar}`, values: toArray(kind, raw) }));
}

function notesIn(track: MidiEvent[], unit: number, drums: boolean): Heard[] {
  const open = new Map<number, number[]>();
  const notes: Heard[] = [];
  let now = 0;
  for (const event of track) {
    now += event.deltaTime;
    if (event.type !== "noteOn" && event.type !== "noteOff") continue;
    if ((event.channel === DRUM_CHANNEL) !== drums) continue;
    const key = event.channel * 128 + event.noteNumber;
    if (event.type === "noteOn") open.set(key, [...(open.get(key) ?? []), now]);
    else {
      const began = open.get(key)?.shift();
      if (began !== undefined) notes.push({ onset: began / unit, end: now / unit, pitch: event.noteNumber });
    }
  }
  return notes;
}

function signaturesIn(track: MidiEvent[], unit: number): [number, number][] {
  let now = 0;
  return track.flatMap((event) => {
    now += event.deltaTime;
    return event.type === "timeSignature" ? [[now / unit, (STEPS_PER_BAR * event.numerator) / event.denominator] as [number, number]] : [];
  });
}

/** Where bars begin; a signature in the middle of a bar begins a new one. */
function barsOf(changes: [number, number][], last: number): number[] {
  changes.sort((a, b) => a[0] - b[0]);
  if (!changes.length || changes[0]![0] > 0) changes.unshift([0, STEPS_PER_BAR]);
  return changes.flatMap(([start, length], i) => {
    const end = changes[i + 1]?.[0] ?? last;
    const count = Math.max(0, Math.ceil((end - start) / Math.max(1, length)));
    return Array.from({ length: count }, (_, k) => start + k * Math.max(1, length));
  });
}

function melodyLine(kind: MelodyKind, heard: Heard[], bars: number[]): Uint8Array {
  checkOneVoice(heard, bars);
  const highest = kind.lowest + kind.symbols - kind.first - 1;
  const inside = heard.map((note) => ({ ...note, start: rounded(note.onset), stop: Math.max(rounded(note.end), rounded(note.onset) + 1) }));
  const line = new Uint8Array(Math.max(...inside.map(({ stop }) => stop))).fill(REST);
  for (const { start, stop, pitch } of inside) {
    if (pitch < kind.lowest || pitch > highest) continue;
    line.fill(HOLD, start, stop);
    line[start] = kind.first + pitch - kind.lowest;
  }
  return line;
}

function checkOneVoice(heard: Heard[], bars: number[]): void {
  let reached = -Infinity;
  heard.forEach((note, i) => {
    const before = heard[i - 1];
    const again = before && before.onset === note.onset && before.pitch === note.pitch;
    if (reached - note.onset > TOGETHER && !again) {
      const bar = Math.max(1, bars.filter((begin) => begin <= note.onset).length);
      throw new Error(`two notes sound at once in bar ${bar}, and this is a space of one voice`);
    }
    reached = Math.max(reached, note.end);
  });
}

function drumLines(kind: DrumKind, heard: Heard[]): Uint8Array[] {
  const steps = rounded(heard.at(-1)!.onset) + 1;
  const lines = kind.pitches.map(() => new Uint8Array(steps));
  for (const { onset, pitch } of heard) {
    const drum = kind.pitches.findIndex((pitches) => pitches.includes(pitch));
    if (drum >= 0) lines[drum]![rounded(onset)] = 1;
  }
  return lines;
}

/** Whole windows with a note in them, a quarter of their length but at least a bar apart; bars count from 1. */
function windows(lines: Uint8Array[], bars: number[], steps: number, least: number): { bar: number; raw: Uint8Array }[] {
  const length = Math.ceil(lines[0]!.length / STEPS_PER_BAR) * STEPS_PER_BAR;
  const found: { bar: number; raw: Uint8Array }[] = [];
  let free = 0;
  bars.map(rounded).forEach((start, i) => {
    if (start < free || start + steps > length) return;
    const raw = new Uint8Array(lines.length * steps);
    lines.forEach((line, k) => raw.set(line.subarray(start, start + steps), k * steps));
    if (lines.length === 1 && raw[0] === HOLD) raw[0] = lines[0]!.subarray(0, start).findLast((symbol) => symbol !== HOLD) ?? REST;
    if (!raw.some((symbol) => symbol >= least)) return;
    found.push({ bar: i + 1, raw });
    free = start + Math.max(STEPS_PER_BAR, Math.floor(steps / 4));
  });
  return found;
}

/** To the nearest whole number, halves to the even one. */
function rounded(value: number): number {
  const nearest = Math.round(value);
  return nearest - value === 0.5 && nearest % 2 ? nearest - 1 : nearest;
}

/** Tunes one after another as a MIDI file. */
export function midiFile(kind: MusicKind, tunes: readonly Note[][]): Blob {
  const channel = kind.kind === "drums" ? DRUM_CHANNEL : 0;
  const events = tunes.flatMap((notes, i) =>
    notes.flatMap(({ start, length, pitch }) => {
      const begin = (i * stepsOf(kind) + start) * TICKS;
      return [{ at: begin, type: "noteOn", pitch } as const, { at: begin + length * TICKS, type: "noteOff", pitch } as const];
    }),
  );
  // a note that ends makes room for the one that begins
  events.sort((a, b) => a.at - b.at || (a.type === b.type ? 0 : a.type === "noteOff" ? -1 : 1));
  let now = 0;
  const track: MidiEvent[] = [
    { deltaTime: 0, meta: true, type: "setTempo", microsecondsPerBeat: MICROSECONDS_A_QUARTER },
    { deltaTime: 0, meta: true, type: "timeSignature", numerator: 4, denominator: 4, metronome: 24, thirtyseconds: 8 },
    { deltaTime: 0, type: "programChange", channel, programNumber: kind.kind === "drums" ? 0 : FLUTE },
  ];
  for (const { at, type, pitch } of events) {
    track.push({ deltaTime: at - now, type, channel, noteNumber: pitch, velocity: VELOCITY });
    now = at;
  }
  track.push({ deltaTime: 0, meta: true, type: "endOfTrack" });
  const header = { format: 0 as const, numTracks: 1, ticksPerBeat: TICKS * STEPS_PER_QUARTER };
  return new Blob([Uint8Array.from(writeMidi({ header, tracks: [track] }))], { type: "audio/midi" });
}
