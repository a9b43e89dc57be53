/** A decoder that takes one symbol after another, always the likeliest. */

import type { Loop } from "../wire";

export interface Step {
  /** (rows, symbols) */
  logProbability: Float32Array;
  /** (rows, state) */
  after: Float32Array;
}

/** One step of the loop, of what it is told, the symbols before, and the state. */
export type Stepper = (context: Float32Array, before: BigInt64Array, state: Float32Array) => Promise<Step>;

/** Probabilities (rows, symbols, steps) met on the way, from `context` (rows, width, steps). */
export async function greedy(loop: Loop, context: Float32Array, rows: number, step: Stepper): Promise<Float32Array> {
  const { steps, symbols } = loop;
  const out = new Float32Array(rows * symbols * steps);
  const width = context.length / rows / steps;
  let state = new Float32Array(rows * loop.state);
  let before = new BigInt64Array(rows).fill(BigInt(loop.first));
  for (let t = 0; t < steps; t++) {
    if (loop.restart && t % loop.restart === 0) state = new Float32Array(rows * loop.state);
    const told = Float32Array.from({ length: rows * width }, (_, i) => context[i * steps + t]!);
    const found = await step(told, before, state);
    state = Float32Array.from(found.after);
    before = likeliest(found.logProbability, rows, symbols);
    found.logProbability.forEach((value, i) => (out[i * steps + t] = Math.exp(value)));
    if (loop.end !== null && before.every((symbol) => symbol === BigInt(loop.end!))) return ended(out, loop, rows, t + 1);
  }
  return out;
}

/** Rows that are all over after `written` steps: what follows is certain. */
function ended(out: Float32Array, { steps, symbols, end }: Loop, rows: number, written: number): Float32Array {
  for (let row = 0; row < rows; row++) out.fill(1, (row * symbols + end!) * steps + written, (row * symbols + end! + 1) * steps);
  return out;
}

function likeliest(logProbability: Float32Array, rows: number, symbols: number): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from({ length: rows }, (_, row) => {
    let best = 0;
    for (let s = 1; s < symbols; s++) if (logProbability[row * symbols + s]! > logProbability[row * symbols + best]!) best = s;
    return BigInt(best);
  });
}
