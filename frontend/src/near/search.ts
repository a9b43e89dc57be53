/** Nearest codes by looking at all of them; equal distances keep the order of the rows. */

import type { Numbers } from "../source/files";

export interface Packed {
  codes: Numbers;
  scale: number[];
  offset: number[];
}

export interface Near {
  rows: number[];
  distances: number[];
}

/** Whether a code at this distance is `z` itself: as near as numbers of 32 bits of its length can be told apart. */
export function isSame(distance: number, z: Float32Array): boolean {
  return distance <= 1e-6 * Math.max(1, Math.hypot(...z));
}

/** The `count` codes nearest to `z` among the first `limit`. */
export function nearest({ codes, scale, offset }: Packed, z: Float32Array, count: number, limit: number): Near {
  const dim = scale.length;
  const target = scale.map((_, d) => z[d]! - offset[d]!);
  const kept = Math.min(count, limit);
  const rows = new Int32Array(kept).fill(-1);
  const least = new Float64Array(kept).fill(Infinity);
  for (let row = 0, at = 0; row < limit; row++, at += dim) {
    const bound = least[kept - 1]!;
    let sum = 0;
    for (let d = 0; d < dim && sum < bound; d++) {
      const gap = codes[at + d]! * scale[d]! - target[d]!;
      sum += gap * gap;
    }
    if (sum < bound) insert(rows, least, row, sum);
  }
  return { rows: Array.from(rows), distances: Array.from(least, Math.sqrt) };
}

function insert(rows: Int32Array, least: Float64Array, row: number, sum: number): void {
  let place = rows.length - 1;
  while (place > 0 && least[place - 1]! > sum) {
    least[place] = least[place - 1]!;
    rows[place] = rows[place - 1]!;
    place--;
  }
  least[place] = sum;
  rows[place] = row;
}
