/**
 * The shortest way between two points as the decoder sees it, approximately.
 *
 * The inner nodes of the straight line are moved until the sum of squared distances between what neighbouring nodes decode
 * to is least (Arvanitidis et al. 2018, as in the Python package), by damped Gauss-Newton steps. The decoder's derivatives
 * are differences of what it decodes to, along `directions` alone: any decoder will do, in the page or on a server.
 */

import { dot } from "./directions";
import type { Basis } from "../wire";
import type { Curve } from "./paths";

const SEGMENTS = 12;
const MOST_STEPS = 10;
/** Length of a difference, in units of a direction. */
const STEP = 0.05;
const [DAMPING, MOST_DAMPING] = [1e-2, 1e3];
/** Share of the energy that one more step has to save. */
const LEAST_GAIN = 5e-3;

export interface Sought {
  decode: (points: Float32Array[]) => Promise<Float32Array[]>;
  /** Vectors in which nodes may move, each about as long as the codes spread along it. */
  directions: readonly Float32Array[];
  /** Told the share of the work that is done, 0 to 1. */
  told: (share: number) => void;
  signal: AbortSignal;
}

/** Dimensions in which a node moves; the rest change little of what is decoded. */
const MOST_DIRECTIONS = 16;

/** The dimensions that change most, each as long as its standard deviation. */
export function strongest({ order, dimensions }: Basis): Float32Array[] {
  return order.slice(0, MOST_DIRECTIONS).map((index) => Float32Array.from(dimensions, ({ std }, d) => (d === index ? std : 0)));
}

interface Path {
  nodes: Float32Array[];
  images: Float32Array[];
  energy: number;
}

/** The curve from `a` to `b`; null where it was not wanted any more. */
export async function geodesic(a: Float32Array, b: Float32Array, sought: Sought): Promise<Curve | null> {
  const line = Array.from({ length: SEGMENTS + 1 }, (_, i) => a.map((value, d) => value + (i / SEGMENTS) * (b[d]! - value)));
  let path = pathOf(line, await sought.decode(line));
  let damping = DAMPING;
  for (let step = 0; step < MOST_STEPS && damping < MOST_DAMPING; step++) {
    if (sought.signal.aborted) return null;
    sought.told(step / MOST_STEPS);
    const jacobians = await jacobiansOf(path, sought);
    const better = await relaxed(path, jacobians, sought, damping);
    if (sought.signal.aborted) return null;
    if (!better) break;
    const gain = (path.energy - better.path.energy) / path.energy;
    [path, damping] = [better.path, better.damping / 4];
    if (gain < LEAST_GAIN) break;
  }
  sought.told(1);
  return { nodes: path.nodes, clock: clockOf(path.images) };
}

/** One step that saves energy, with as little damping as it takes; null where none does. */
async function relaxed(path: Path, jacobians: Float64Array[][], sought: Sought, from: number): Promise<{ path: Path; damping: number } | null> {
  const { gradient, hessian } = systemOf(path, jacobians);
  for (let damping = from; damping < MOST_DAMPING && !sought.signal.aborted; damping *= 8) {
    const moves = solve(hessian, gradient, damping);
    const nodes = path.nodes.map((z, i) => (i === 0 || i === SEGMENTS ? z : moved(z, sought.directions, moves.subarray((i - 1) * sought.directions.length))));
    const inner = await sought.decode(nodes.slice(1, -1));
    const trial = pathOf(nodes, [path.images[0]!, ...inner, path.images[SEGMENTS]!]);
    if (trial.energy < path.energy) return { path: trial, damping };
  }
  return null;
}

function moved(z: Float32Array, directions: readonly Float32Array[], by: ArrayLike<number>): Float32Array {
  const next = z.slice();
  directions.forEach((direction, k) => direction.forEach((value, d) => (next[d]! += by[k]! * value)));
  return next;
}

function pathOf(nodes: Float32Array[], images: Float32Array[]): Path {
  const energy = lengths(images).reduce((sum, length) => sum + length * length, 0);
  return { nodes, images, energy };
}

function lengths(images: readonly Float32Array[]): number[] {
  return images.slice(1).map((image, i) => Math.sqrt(image.reduce((sum, value, j) => sum + (value - images[i]![j]!) ** 2, 0)));
}

/** Times at which the nodes are passed when what is decoded changes evenly, from 0 to 1. */
function clockOf(images: readonly Float32Array[]): number[] {
  const steps = lengths(images);
  const total = steps.reduce((a, b) => a + b, 0);
  if (!(total > 0)) return images.map((_, i) => i / steps.length);
  let passed = 0;
  return [0, ...steps.map((step) => (passed += step) / total)];
}

/** For each inner node how what it decodes to changes along each direction. */
async function jacobiansOf({ nodes, images }: Path, { decode, directions }: Sought): Promise<Float64Array[][]> {
  const inner = nodes.slice(1, -1);
  const ahead = await decode(inner.flatMap((z) => directions.map((direction) => z.map((value, d) => value + STEP * direction[d]!))));
  return inner.map((_, i) => directions.map((_, k) => Float64Array.from(ahead[i * directions.length + k]!, (value, j) => (value - images[i + 1]![j]!) / STEP)));
}

/** The normal equations of one step: block tridiagonal, as a full matrix of some hundred rows. */
function systemOf({ images }: Path, jacobians: Float64Array[][]): { gradient: Float64Array; hessian: Float64Array[] } {
  const count = jacobians[0]!.length;
  const size = jacobians.length * count;
  const gradient = new Float64Array(size);
  const hessian = Array.from({ length: size }, () => new Float64Array(size));
  jacobians.forEach((columns, i) => {
    const [before, here, after] = [images[i]!, images[i + 1]!, images[i + 2]!];
    const pull = Float64Array.from(here, (value, j) => before[j]! + after[j]! - 2 * value);
    columns.forEach((column, k) => {
      const row = i * count + k;
      gradient[row] = dot(column, pull);
      for (let l = 0; l <= k; l++) hessian[row]![i * count + l] = hessian[i * count + l]![row] = 2 * dot(column, columns[l]!);
      jacobians[i + 1]?.forEach((next, l) => {
        const other = (i + 1) * count + l;
        hessian[row]![other] = hessian[other]![row] = -dot(column, next);
      });
    });
  });
  return { gradient, hessian };
}

/** The solution of (hessian + damping times its mean diagonal) x = gradient, by Cholesky's factors. */
function solve(hessian: readonly Float64Array[], gradient: Float64Array, damping: number): Float64Array {
  const size = gradient.length;
  const extra = damping * (hessian.reduce((sum, row, i) => sum + row[i]!, 0) / size) + 1e-12;
  const factor = hessian.map((row) => row.slice());
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = hessian[i]![j]! + (i === j ? extra : 0);
      for (let k = 0; k < j; k++) sum -= factor[i]![k]! * factor[j]![k]!;
      factor[i]![j] = i === j ? Math.sqrt(Math.max(sum, 1e-18)) : sum / factor[j]![j]!;
    }
  }
  const x = gradient.slice();
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) x[i]! -= factor[i]![k]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) x[i]! -= factor[k]![i]! * x[k]!;
    x[i]! /= factor[i]![i]!;
  }
  return x;
}
