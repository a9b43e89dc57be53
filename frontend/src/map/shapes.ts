/** Shapes of points, which tell a few classes apart where colours do not. */

import type { Column } from "../source/space";

/** Classes that have a shape of their own each. */
export const MOST_SHAPES = 6;
/** How far shapes reach, in radii of the disc that they stand for. */
export const REACH = 1.25;

/** How far (x, y) is outside of a shape of radius `r`, in pixels; y grows downwards. */
type Outside = (x: number, y: number, r: number) => number;

const triangle: Outside = (x, y, r) => Math.max(Math.abs(x) * 0.866 - y * 0.5, y) - 0.6 * r;

/** Disc, square, triangle, diamond, plus, triangle upside down: the same as in the point shader. */
export const OUTSIDE: readonly Outside[] = [
  (x, y, r) => Math.hypot(x, y) - r,
  (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) - 0.85 * r,
  triangle,
  (x, y, r) => (Math.abs(x) + Math.abs(y)) * 0.7071 - 0.85 * r,
  (x, y, r) => Math.max(Math.min(Math.abs(x), Math.abs(y)) - 0.4 * r, Math.max(Math.abs(x), Math.abs(y)) - 1.1 * r),
  (x, y, r) => triangle(x, -y, r),
];

/** The same as paths around (0, 0) with a radius of 1. */
export const PATHS: readonly string[] = [
  "M-1,0A1,1 0 1,1 1,0A1,1 0 1,1 -1,0Z",
  "M-.85,-.85H.85V.85H-.85Z",
  "M0,-1.2L1.04,.6H-1.04Z",
  "M0,-1.2L1.2,0L0,1.2L-1.2,0Z",
  "M-.4,-1.1H.4V-.4H1.1V.4H.4V1.1H-.4V.4H-1.1V-.4H-.4Z",
  "M0,1.2L1.04,-.6H-1.04Z",
];

/** How many classes are told apart by shape: all of them, or none. */
export function shapesFor(column: Column | null): number {
  const count = column?.kind === "category" ? column.names.length : 0;
  return count > 1 && count <= MOST_SHAPES ? count : 0;
}
