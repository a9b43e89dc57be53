import { expect, test } from "vitest";
import { keyOf } from "../src/state/bases";
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
