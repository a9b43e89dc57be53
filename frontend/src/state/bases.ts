/** Bases of the space: directions to slide along, also those of the codes around one point. */

import type { Packed } from "../near/search";
import type { Basis, Dimension } from "../wire";
import { dot } from "./directions";

/** Name of the basis that is found around a point, and how many codes it is found from. */
export const LOCAL = "local";
export const AROUND = 64;

/** Standard deviations that a histogram reaches to both sides together, parts of one that are told apart, and its bars. */
const REACH = 8;
const FINE = 1000;
const BARS = 48;
/** Rows that a histogram counts; they are in random order. */
const COUNTED = 5000;
/** Variances below this part of the largest are rounding. */
const LEAST = 1e-7;
const SWEEPS = 12;

/** A point as text that is the same for points which nobody could tell apart, however small the numbers of a space are. */
export function keyOf(z: Float32Array, { dimensions }: Basis): string {
  return Array.from(z, (value, d) => {
    const { low, high } = dimensions[d]!.histogram;
    return Math.round((value / (high - low)) * REACH * FINE);
  }).join();
}

/** The principal directions of some codes, the widest first, over hills of all codes. */
export function localBasis(near: readonly Float32Array[], all: Packed): Basis {
  const mean = near[0]!.map((_, d) => near.reduce((sum, z) => sum + z[d]!, 0) / near.length);
  const centred = near.map((z) => Float64Array.from(z, (value, d) => value - mean[d]!));
  // few rows of many dimensions: the products of rows have the same spectrum as those of dimensions
  const products = centred.map((a) => Float64Array.from(centred, (b) => dot(a, b) / near.length));
  const { values, vectors } = eigen(products);
  const order = values.map((_, i) => i).sort((i, j) => values[j]! - values[i]!);
  const kept = order.filter((i) => values[i]! > LEAST * values[order[0]!]!).slice(0, mean.length);
  const axes = kept.map((i) => axisOf(centred, vectors.map((row) => row[i]!)));
  const dimensions = axes.map((axis, k) => dimensionOf(`L${k + 1}`, axis, mean, Math.sqrt(values[kept[k]!]!), all));
  return { name: LOCAL, title: "Local", mean: Array.from(mean), axes: axes.map((axis) => Array.from(axis)), order: dimensions.map((_, k) => k), dimensions };
}

/** A weighted sum of rows at length 1, its largest entry positive. */
function axisOf(rows: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const axis = new Float64Array(rows[0]!.length);
  rows.forEach((row, i) => row.forEach((value, d) => (axis[d]! += weights[i]! * value)));
  const largest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
  const scale = Math.sign(largest) / Math.sqrt(dot(axis, axis));
  return axis.map((value) => value * scale);
}

function dimensionOf(name: string, axis: Float64Array, mean: Float32Array, std: number, { codes, scale, offset }: Packed): Dimension {
  const dim = scale.length;
  const rows = Math.min(COUNTED, codes.length / dim);
  const along = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < dim; d++) along[row]! += axis[d]! * (codes[row * dim + d]! * scale[d]! + offset[d]! - mean[d]!);
  }
  const middle = along.reduce((a, b) => a + b, 0) / rows;
  const spread = Math.sqrt(along.reduce((sum, value) => sum + (value - middle) ** 2, 0) / rows) || std;
  const [low, high] = [middle - (REACH / 2) * spread, middle + (REACH / 2) * spread];
  const counts = new Array<number>(BARS).fill(0);
  for (const value of along) counts[Math.max(0, Math.min(BARS - 1, Math.floor(((value - low) / (high - low)) * BARS)))]!++;
  return { name, mean: 0, std, effect: null, active: true, histogram: { low, high, counts } };
}

/** Eigenvalues of a symmetric matrix and, column by column, its eigenvectors, by Jacobi's rotations. */
function eigen(matrix: readonly Float64Array[]): { values: number[]; vectors: Float64Array[] } {
  const size = matrix.length;
  const a = matrix.map((row) => row.slice());
  const vectors = a.map((_, i) => Float64Array.from({ length: size }, (_, j) => Number(i === j)));
  const scale = a.reduce((sum, row) => sum + dot(row, row), 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) off += a[p]![q]! ** 2;
    if (off <= 1e-22 * scale) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, vectors, p, q);
  }
  return { values: a.map((row, i) => Math.max(0, row[i]!)), vectors };
}

/** Make entry (p, q) of `a` zero. */
function rotate(a: Float64Array[], vectors: Float64Array[], p: number, q: number): void {
  if (a[p]![q] === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
  const [above, below] = [a[p]!, a[q]!];
  for (let k = 0; k < a.length; k++) [above[k], below[k]] = [c * above[k]! - s * below[k]!, s * above[k]! + c * below[k]!];
  for (const row of vectors) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
}
