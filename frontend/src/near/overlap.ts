/** How much of what is near a row in one space is near it in another. */

import type { Numbers } from "../source/files";
import { nearest, type Packed } from "./search";

/** Rows of two spaces, pair by pair, whose neighbours among themselves are compared. */
export interface Pairs {
  first: Packed;
  second: Packed;
  rows: [number, number][];
  neighbours: number;
}

/** Jaccard index of the sets of neighbours of each pair, 0 to 1: those that both have, over those that either has. */
export function overlaps({ first, second, rows, neighbours }: Pairs): Float32Array<ArrayBuffer> {
  const [own, other] = [0, 1].map((side) => picked(side ? second : first, rows.map((pair) => pair[side]!))) as [Packed, Packed];
  const count = Math.min(neighbours, rows.length - 1);
  return Float32Array.from(rows, (_, row) => jaccard(around(own, row, count), around(other, row, count)));
}

export function jaccard(a: readonly number[], b: readonly number[]): number {
  const both = a.filter((row) => b.includes(row)).length;
  const either = a.length + b.length - both;
  return either ? both / either : NaN;
}

function around(packed: Packed, row: number, count: number): number[] {
  const { scale, offset, codes } = packed;
  const z = Float32Array.from(scale, (step, d) => codes[row * scale.length + d]! * step + offset[d]!);
  return nearest(packed, z, count + 1, codes.length / scale.length).rows.filter((other) => other !== row).slice(0, count);
}

/** Codes of some rows alone. */
function picked({ codes, scale, offset }: Packed, rows: readonly number[]): Packed {
  const dim = scale.length;
  const some = codes.slice(0, rows.length * dim) as Numbers;
  rows.forEach((row, i) => some.set(codes.subarray(row * dim, (row + 1) * dim), i * dim));
  return { codes: some, scale, offset };
}
