/** Between the map and the space: the latent point behind a place, and the place of a latent point. */

import type { LinearMap } from "../wire";
import type { Points, Space } from "../source/space";
import type { Grid } from "./grid";

/** What a map needs to be walked in both directions. */
export interface Ground {
  space: Space;
  points: Points;
  grid: Grid;
  linear: LinearMap | null;
}

/** A latent point found on the map, and the rows it was made from. */
export interface Found {
  z: Float32Array;
  from: number[];
}

const BLENDED = 8;

/**
 * The latent point at (x, y), in map units [0, 1].
 *
 * On a linear map the nearest row is moved along the map's axes, which is exact; elsewhere the eight nearest rows are
 * blended by the inverse of their squared distances (Shepard 1968).
 */
export function pointAt(ground: Ground, x: number, y: number): Found | null {
  const [px, py] = [x * 65535, y * 65535];
  const near = ground.grid.several(px, py, ground.linear ? 1 : BLENDED);
  if (!near.length) return null;
  const first = near[0]![0];
  if (ground.linear) return { z: moved(ground, first, px, py), from: [first] };
  const weights = near.map(([, squared]) => 1 / (squared + 1));
  const total = weights.reduce((a, b) => a + b, 0);
  const z = new Float32Array(ground.space.dim);
  near.forEach(([row], i) => ground.space.code(row).forEach((value, d) => (z[d]! += (value * weights[i]!) / total)));
  return { z, from: near.map(([row]) => row) };
}

function moved(ground: Ground, row: number, px: number, py: number): Float32Array {
  const z = ground.space.code(row);
  const { xy, scale } = ground.points;
  const steps = [(px - xy[2 * row]!) * scale[0], (py - xy[2 * row + 1]!) * scale[1]];
  ground.linear!.axes.forEach((axis, k) => axis.forEach((value, d) => (z[d]! += steps[k]! * value)));
  return z;
}

/** Where `z` lies on a linear map, in map units; null on others. */
export function placeOf(ground: Ground, z: Float32Array): [number, number] | null {
  const { linear, points } = ground;
  if (!linear) return null;
  return linear.axes.map((axis, k) => {
    const value = axis.reduce((sum, a, d) => sum + a * (z[d]! - linear.mean[d]!), 0);
    return (value - points.offset[k]!) / points.scale[k]! / 65535;
  }) as [number, number];
}

/** The mean place of rows, those at small distances counting most. */
export function placeAmong(points: Points, rows: readonly number[], distances: readonly number[]): [number, number] {
  let [x, y, total] = [0, 0, 0];
  rows.forEach((row, i) => {
    const weight = 1 / (distances[i]! ** 2 + 1e-6);
    x += points.xy[2 * row]! * weight;
    y += points.xy[2 * row + 1]! * weight;
    total += weight;
  });
  return [x / total / 65535, y / total / 65535];
}
