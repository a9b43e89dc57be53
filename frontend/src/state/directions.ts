/** The little linear algebra of directions. */

/** What `conditional` needs: the vector moves the reading `weights` by 1. */
export interface Reader {
  vector: Float32Array;
  weights: Float32Array;
}

type Floats = Float64Array<ArrayBuffer>;

/** Share of a vector's effect on its own reading that must be left: it is made up for by going further. */
const LEAST = 0.2;

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}

/**
 * The vector of `one` without what moves the readings of `others`, scaled so that its own reading moves as before.
 *
 * It is the shortest that does so in the measure in which each vector is the shortest for its own reading (Shen et al.
 * 2020, 3.2, with the covariance of the codes). Not all others can always be kept: those that the vector moves most
 * come first, and one that leaves too little of the vector to move its own reading is not kept.
 */
export function conditional(one: Reader, others: readonly Reader[]): Float32Array {
  const ranked = others.slice().sort((a, b) => Math.abs(dot(b.weights, one.vector)) - Math.abs(dot(a.weights, one.vector)));
  const own = dot(one.weights, one.vector);
  const kept: [Floats, Floats][] = [];
  let left = Float64Array.from(one.vector);
  for (const other of ranked) {
    const pair = apart(other, kept);
    if (!pair) continue;
    const next = minus(left, pair[1], dot(pair[0], left));
    if (Math.abs(dot(one.weights, next)) < LEAST * Math.abs(own)) continue;
    left = next;
    kept.push(pair);
  }
  const rest = dot(one.weights, left);
  return Float32Array.from(left, (value) => (value * own) / rest);
}

/** Reading and vector of `other` without those of `kept`; null where nothing is left. */
function apart(other: Reader, kept: readonly [Floats, Floats][]): [Floats, Floats] | null {
  let weights = Float64Array.from(other.weights);
  let vector = Float64Array.from(other.vector);
  const whole = dot(weights, vector);
  for (const [w, v] of kept) {
    weights = minus(weights, w, dot(weights, v));
    vector = minus(vector, v, dot(w, vector));
  }
  const size = dot(weights, vector);
  return size > 1e-6 * whole ? [weights, vector.map((value) => value / size)] : null;
}

function minus(a: Floats, b: Floats, times: number): Floats {
  return a.map((value, d) => value - times * b[d]!);
}
