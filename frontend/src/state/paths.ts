/** Ways from stop to stop, as the Python package walks them. */

export const WAYS = ["lerp", "slerp", "geodesic"] as const;
export type Way = (typeof WAYS)[number];

/** Points joined by straight lines, and the times from 0 to 1 at which each is passed. */
export interface Curve {
  nodes: readonly Float32Array[];
  clock: readonly number[];
}

/** A way through `stops`; legs of a geodesic that have no curve yet are straight. */
export interface Route {
  stops: readonly Float32Array[];
  way: Way;
  curves?: readonly (Curve | undefined)[];
}

/** `steps` points a leg, stops shown once. */
export function walk(route: Route, steps: number): Float32Array[] {
  const { stops } = route;
  if (stops.length < 2) return stops.slice();
  const points = [stops[0]!];
  for (let leg = 0; leg < stops.length - 1; leg++) {
    for (let step = 1; step < steps; step++) points.push(between(route, leg, step / (steps - 1)));
  }
  return points;
}

/** The point at `position`, counted in legs from the first stop. */
export function along(route: Route, position: number): Float32Array {
  const leg = Math.max(0, Math.min(route.stops.length - 2, Math.floor(position)));
  return between(route, leg, position - leg);
}

function between({ stops, way, curves }: Route, leg: number, t: number): Float32Array {
  const [a, b] = [stops[leg]!, stops[leg + 1]!];
  if (t <= 0) return a.slice();
  if (t >= 1) return b.slice();
  const curve = way === "geodesic" ? curves?.[leg] : undefined;
  return curve ? onCurve(curve, t) : way === "slerp" ? slerp(a, b, t) : lerp(a, b, t);
}

function lerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  return a.map((value, d) => (1 - t) * value + t * b[d]!);
}

function onCurve({ nodes, clock }: Curve, t: number): Float32Array {
  const next = Math.max(1, clock.findIndex((time) => time >= t));
  const [before, after] = [clock[next - 1]!, clock[next]!];
  return lerp(nodes[next - 1]!, nodes[next]!, after > before ? (t - before) / (after - before) : 1);
}

/** Great circle for the direction, straight line for the length (Shoemake 1985; White 2016). */
function slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  const [lengthA, lengthB] = [Math.hypot(...a), Math.hypot(...b)];
  const cosine = a.reduce((sum, value, d) => sum + value * b[d]!, 0) / (lengthA * lengthB);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  // parallel and opposite directions have no great circle of their own
  if (!(Math.sin(angle) > 1e-6)) return lerp(a, b, t);
  const [wa, wb] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  const length = (1 - t) * lengthA + t * lengthB;
  return a.map((value, d) => ((wa * value) / lengthA + (wb * b[d]!) / lengthB) * length);
}
