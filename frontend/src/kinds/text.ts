/** Lines of text: symbols, what they stand for, and the line that they make. */

import type { TextKind, View } from "../wire";

const END = 0;
const UNKNOWN = 1;
/** Characters of a line that a card shows. */
export const CARD = 80;
/** Words, or runs of signs, with the blank before them, within which pairs are merged. */
const WORDS = / ?[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+| ?[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\s]+|\s/gu;

export interface Token {
  text: string;
  symbol: number;
  /** Probability of its symbol. */
  sure: number;
}

export function textOf({ modality }: View): TextKind | null {
  return modality.kind === "text" ? modality : null;
}

/** The likeliest symbols up to the end of the line. */
export function tokensOf({ steps, pieces }: TextKind, values: Float32Array): Token[] {
  const tokens: Token[] = [];
  for (let t = 0; t < steps; t++) {
    let best = 0;
    for (let s = 1; s < pieces.length; s++) if (values[s * steps + t]! > values[best * steps + t]!) best = s;
    if (best === END) break;
    tokens.push({ text: pieces[best]!, symbol: best, sure: values[best * steps + t]! });
  }
  return tokens;
}

export function joined(tokens: readonly Token[]): string {
  return tokens.map(({ text }) => text).join("").trim();
}

export function lineOf(kind: TextKind, values: Float32Array): string {
  return joined(tokensOf(kind, values));
}

/** The array of raw symbols: certain of each of them. */
export function textArray({ steps, pieces }: TextKind, raw: ArrayLike<number>): Float32Array {
  const values = new Float32Array(pieces.length * steps);
  for (let t = 0; t < steps; t++) values[raw[t]! * steps + t] = 1;
  return values;
}

/** A text as symbols, cut or filled up to a row, as the Python package reads it. */
export function symbolsOf(kind: TextKind, text: string): Uint16Array {
  const raw = new Uint16Array(kind.steps).fill(END);
  const line = plain(text);
  const found = kind.merges.length ? (line.match(WORDS) ?? []).flatMap((word) => merged(kind, word)) : Array.from(line, characterOf(kind));
  raw.set(found.slice(0, kind.steps));
  return raw;
}

/** One line in composed form, without signs that steer, one blank wherever there are some. */
function plain(text: string): string {
  return text.trim().replace(/\s+/gu, " ").normalize("NFC").replace(/\p{Cc}/gu, "").trim();
}

function characterOf({ pieces }: TextKind): (character: string) => number {
  const numbers = new Map(pieces.map((piece, symbol) => [piece, symbol]));
  return (character) => numbers.get(character) ?? UNKNOWN;
}

/** Byte pair encoding of one word: the earliest merge first (Sennrich et al. 2016). */
function merged(kind: TextKind, word: string): number[] {
  const { pieces, merges } = kind;
  const number = characterOf(kind);
  const ranks = new Map(merges.map(([a, b], rank) => [`${a} ${b}`, rank]));
  let symbols = Array.from(word, number);
  for (;;) {
    const found = symbols.slice(1).map((symbol, i) => ranks.get(`${symbols[i]} ${symbol}`) ?? Infinity);
    const least = Math.min(...found);
    if (!Number.isFinite(least)) return symbols;
    const at = found.indexOf(least);
    const both = number(pieces[symbols[at]!]! + pieces[symbols[at + 1]!]!);
    symbols = [...symbols.slice(0, at), both, ...symbols.slice(at + 2)];
  }
}

/** For each of `a` whether it is part of what `a` and `b` have in common, in order. */
export function shared(a: readonly number[], b: readonly number[]): boolean[] {
  const most = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      most[i]![j] = a[i] === b[j] ? most[i + 1]![j + 1]! + 1 : Math.max(most[i + 1]![j]!, most[i]![j + 1]!);
    }
  }
  const kept = a.map(() => false);
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) [kept[i], i, j] = [true, i + 1, j + 1];
    else if (most[i + 1]![j]! >= most[i]![j + 1]!) i++;
    else j++;
  }
  return kept;
}

/** A line of several: its text, the first frame that says it, and how many do in a row. */
export interface Said {
  text: string;
  first: number;
  count: number;
}

/** Lines without repeats that follow each other; what is not decoded yet is left out. */
export function withoutRepeats(lines: readonly (string | undefined)[]): Said[] {
  const said: Said[] = [];
  lines.forEach((text, i) => {
    const last = said.at(-1);
    if (text === undefined) return;
    if (last?.text === text) last.count = i - last.first + 1;
    else said.push({ text, first: i, count: 1 });
  });
  return said;
}
