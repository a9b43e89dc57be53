import { expect, test } from "vitest";
import { keyOf, localBasis } from "../src/state/bases";
import { dot } from "../src/state/directions";
import type { Basis } from "../src/wire";

const f32 = (...values: number[]) => Float32Array.from(values);

/** A basis of dimensions with the given spreads. */
function basis(...spreads: number[]): Basis {
  return { dimensions: spreads.map((std) => ({ histogram: { low: -4 * std, high: 4 * std } })) } as unknown as Basis;
}

test("points of a space of small numbers are told apart by their spread, and equal ones are not", () => {
  const tiny = basis(1e-3, 1);
  expect(keyOf(f32(1e-4, 0), tiny)).not.toBe(keyOf(f32(2e-4, 0), tiny));
  expect(keyOf(f32(1e-4, 0.5), tiny)).toBe(keyOf(f32(1e-4 + 1e-9, 0.5 + 1e-6), tiny));
});

/** Draws of a normal distribution from a fixed generator. */
function normal(count: number): number[] {
  let state = 1;
  const uniform = () => ((state = (state * 48271) % 2147483647) / 2147483647);
  return Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

test("the local basis has the directions and spreads of the codes around, and hills of all codes", () => {
  const [a, b] = [[0.6, 0.8, 0], [-0.8, 0.6, 0]]; // prettier-ignore
  const draws = normal(128);
  const near = Array.from({ length: 64 }, (_, i) => f32(...[0, 1, 2].map((d) => 5 + 2 * draws[2 * i]! * a[d]! + 0.5 * draws[2 * i + 1]! * b[d]!)));
  const codes = Float32Array.from(near.flatMap((z) => Array.from(z)));
  const found = localBasis(near, { codes, scale: [1, 1, 1], offset: [0, 0, 0] });
  expect(found.dimensions.map(({ name }) => name)).toEqual(["L1", "L2"]);
  const axes = found.axes!;
  // the sample's own directions are near those that were drawn along
  expect(Math.abs(dot(axes[0]!, a))).toBeGreaterThan(0.99);
  expect(dot(axes[0]!, axes[1]!)).toBeCloseTo(0, 9);
  expect(dot(axes[1]!, axes[1]!)).toBeCloseTo(1, 9);
  const along = axes.map((axis) => near.map((z) => dot(axis, z.map((value, d) => value - found.mean[d]!))));
  expect(dot(along[0]!, along[1]!) / 64).toBeCloseTo(0, 4);
  along.forEach((values, k) => expect(Math.sqrt(dot(values, values) / 64)).toBeCloseTo(found.dimensions[k]!.std, 4));
  expect(found.dimensions[0]!.histogram.counts.reduce((x, y) => x + y)).toBe(64);
  expect(found.dimensions[0]!.histogram.high).toBeCloseTo(4 * found.dimensions[0]!.std, 3);
});

test("there are no more local directions than codes around", () => {
  const near = [f32(1, 0, 0, 0, 0), f32(0, 1, 0, 0, 0), f32(0, 0, 1, 0, 0)];
  const found = localBasis(near, { codes: Float32Array.from(near.flatMap((z) => Array.from(z))), scale: new Array<number>(5).fill(1), offset: new Array<number>(5).fill(0) });
  expect(found.axes).toHaveLength(2);
});
