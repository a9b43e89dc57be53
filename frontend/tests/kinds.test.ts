import { expect, test } from "vitest";
import { greedy, type Stepper } from "../src/decode/greedy";
import { midiFile, readMidi } from "../src/kinds/midi";
import { inWords, linesShown, notesOf, split, toArray, toRaw } from "../src/kinds/notes";
import { lineOf, shared, symbolsOf, textArray, tokensOf, withoutRepeats } from "../src/kinds/text";
import type { DrumKind, Loop, MelodyKind, TextKind } from "../src/wire";

const melody: MelodyKind = { kind: "melody", bars: 1, symbols: 90, first: 2, lowest: 21, low: 60, high: 64 };
const drums: DrumKind = { kind: "drums", bars: 1, names: ["kick", "snare"], pitches: [[36, 35], [38]] };
const tune = [41, 1, 1, 0, 43, ...Array<number>(11).fill(1)];

test("symbols become notes and arrays and come back", () => {
  const values = toArray(melody, tune);
  expect(Array.from(toRaw(melody, values))).toEqual(tune);
  values[41 * 16] = 0.75;
  const notes = notesOf(melody, tune, values);
  expect(notes.map(({ start, length, pitch, sure }) => [start, length, pitch, sure])).toEqual([[0, 3, 60, 0.75], [4, 12, 62, 1]]);
  expect(inWords(melody, notes)).toBe("2 notes from C4 to D4");
  // a hold after silence holds nothing
  expect(notesOf(melody, [41, 0, 1, ...Array<number>(13).fill(0)])[0]!.length).toBe(1);
  const beat = new Float32Array(32);
  beat.set([0.9, 0.4], 0);
  beat[16 + 4] = 0.5;
  expect(notesOf(drums, toRaw(drums, beat), beat).map(({ start, line, pitch }) => [start, line, pitch])).toEqual([[0, 0, 36], [4, 1, 38]]);
});

test("a roll shows an octave or more, and every note", () => {
  expect(linesShown(melody, [])).toEqual([56, 68]);
  expect(linesShown(melody, notesOf(melody, [82, ...Array<number>(15).fill(1)]))).toEqual([60, 101]);
  expect(linesShown(drums, [])).toEqual([0, 1]);
});

test("notes are the same that begin on one sixteenth at one pitch", () => {
  const [a, b] = [notesOf(melody, tune), notesOf(melody, [41, 0, 0, 0, 44, ...Array<number>(11).fill(1)])];
  const [kept, lost] = split(a, b);
  expect([kept.map(({ pitch }) => pitch), lost.map(({ pitch }) => pitch)]).toEqual([[60], [62]]);
});

test("the loop takes the likeliest symbol, reads it, and forgets where it is told to", async () => {
  const loop: Loop = { file: "", steps: 4, symbols: 3, state: 1, first: 3, restart: 2, end: null };
  const seen: [number[], number[], number[]][] = [];
  const step: Stepper = async (context, before, state) => {
    seen.push([Array.from(context), Array.from(before, Number), Array.from(state)]);
    const chosen = Array.from(before, (symbol) => (Number(symbol) + 1) % 3);
    const logProbability = Float32Array.from(chosen.flatMap((c) => [0, 1, 2].map((s) => Math.log(s === c ? 0.8 : 0.1))));
    return { logProbability, after: state.map((value) => value + 1) };
  };
  const context = Float32Array.from([0, 1, 2, 3, 10, 11, 12, 13]);
  const values = await greedy(loop, context, 2, step);
  expect(seen.map(([told]) => told)).toEqual([[0, 10], [1, 11], [2, 12], [3, 13]]);
  expect(seen.map(([, before]) => before[0])).toEqual([3, 1, 2, 0]);
  expect(seen.map(([, , state]) => state[0])).toEqual([0, 1, 0, 1]);
  const likeliest = [0, 1, 2, 3].map((t) => [0, 1, 2].findIndex((s) => values[s * 4 + t]! > 0.7));
  expect(likeliest).toEqual([1, 2, 0, 1]);
  expect(values).toHaveLength(2 * 3 * 4);
  seen.length = 0;
  const short = await greedy({ ...loop, end: 2 }, context, 2, step);
  expect(seen, "nothing is asked once all rows are over").toHaveLength(2);
  expect(Array.from(short.slice(8, 12), (v) => Math.round(v * 10) / 10)).toEqual([0.1, 0.8, 1, 1]);
});

test("a tune that was saved can be dropped again", async () => {
  for (const [kind, raw] of [[melody, tune], [drums, Uint8Array.from({ length: 32 }, (_, i) => (i % 4 ? 0 : 1))]] as const) {
    const bytes = new Uint8Array(await midiFile(kind, [notesOf(kind, raw), notesOf(kind, raw)]).arrayBuffer());
    const found = readMidi(kind, bytes, "a.mid");
    expect(found.map(({ name }) => name)).toEqual(["a.mid, from bar 1", "a.mid, from bar 2"]);
    for (const { values } of found) expect(Array.from(toRaw(kind, values))).toEqual(Array.from(raw));
  }
});

const text: TextKind = { kind: "text", steps: 8, pieces: ["", "\ufffd", " ", "a", "b", "c", "ab", " ab"], merges: [[3, 4], [2, 6]] };

test("lines become symbols as in Python, and come back", () => {
  const letters = { ...text, pieces: text.pieces.slice(0, 6), merges: [] };
  expect(Array.from(symbolsOf(letters, "a \n cab"))).toEqual([3, 2, 5, 3, 4, 0, 0, 0]);
  expect(Array.from(symbolsOf(letters, "b?"))).toEqual([4, 1, 0, 0, 0, 0, 0, 0]);
  expect(Array.from(symbolsOf(letters, "abcabcabcabc"))).toHaveLength(8);
  expect(Array.from(symbolsOf(text, "ab cab ab"))).toEqual([6, 2, 5, 6, 7, 0, 0, 0]);
  const values = textArray(text, symbolsOf(text, "ab cab"));
  values[6 * 8] = 0.5;
  expect(lineOf(text, values)).toBe("ab cab");
  expect(tokensOf(text, values).map(({ sure }) => sure)).toEqual([0.5, 1, 1, 1]);
});

test("what two lines share, and lines without repeats", () => {
  expect(shared([1, 2, 3, 4], [2, 4, 5])).toEqual([false, true, false, true]);
  expect(withoutRepeats(["a", "a", undefined, "b", "a"])).toEqual([
    { text: "a", first: 0, count: 2 },
    { text: "b", first: 3, count: 1 },
    { text: "a", first: 4, count: 1 },
  ]);
});
