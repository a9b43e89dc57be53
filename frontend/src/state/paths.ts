/** Ways from stop to stop, as the Python package walks them. */

export const WAYS = ["lerp", "slerp"] as const;
export type Way = (typeof WAYS)[number];

/** `steps` points a leg, stops shown once. */
export function walk(stops: readonly Float32Array[], steps: number, way: Way): Float32Array[] {
  if (stops.length < 2) return stops.slice();
  const points = [stops[0]!];
  for (let leg = 1; leg < stops.length; leg++) {
    for (let step = 1; step < steps; step++) points.push(between(stops[leg - 1]!, stops[leg]!, step / (steps - 1), way));
  }
  return points;
}

/** The point at `position`, counted in legs from the first stop. */
export function along(stops: readonly Float32Array[], position: number, way: Way): Float32Array {
  const leg = Math.max(0, Math.min(stops.length - 2, Math.floor(position)));
  return between(stops[leg]!, stops[leg + 1]!, position - leg, way);
}

function between(a: Float32Array, b: Float32Array, t: number, way: Way): Float32Array {
  if (t <= 0) return a.slice();
  if (t >= 1) return b.slice();
  return way === "slerp" ? slerp(a, b, t) : a.map((value, d) => (1 - t) * value + t * b[d]!);
}

/** Great circle for the direction, straight line for the length (Shoemake 1985; White 2016). */
function slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
  const [lengthA, lengthB] = [Math.hypot(...a), Math.hypot(...b)];
  const cosine = a.reduce((sum, value, d) => sum + value * b[d]!, 0) / (lengthA * lengthB);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  // parallel and opposite directions have no great circle of their own
  if (!(Math.sin(angle) > 1e-6)) return between(a, b, t, "lerp");
  const [wa, wb] = [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
  const length = (1 - t) * lengthA + t * lengthB;
  return a.map((value, d) => ((wa * value) / lengthA + (wb * b[d]!) / lengthB) * length);
}
