/** Bases of the space: directions to slide along. */

import type { Basis } from "../wire";

/** Standard deviations that a histogram reaches to both sides together, and parts of one that are told apart. */
const REACH = 8;
const FINE = 1000;

/** A point as text that is the same for points which nobody could tell apart, however small the numbers of a space are. */
export function keyOf(z: Float32Array, { dimensions }: Basis): string {
  return Array.from(z, (value, d) => {
    const { low, high } = dimensions[d]!.histogram;
    return Math.round((value / (high - low)) * REACH * FINE);
  }).join();
}
