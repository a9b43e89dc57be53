import { expect, test } from "vitest";
import { packNamed, packNumbers, unpackNamed, unpackNumbers } from "../src/state/packing";
import { conditional, dot, type Reader } from "../src/state/directions";
import { between, Edits, own } from "../src/state/edits.svelte";
import { Past } from "../src/state/past.svelte";
import type { Attribute } from "../src/wire";

const f32 = (...values: number[]) => Float32Array.from(values);
/** A reader whose vector is the shortest step in the measure of a covariance. */
function reader(weights: number[], covariance: number[][]): Reader {
  const way = covariance.map((row) => dot(row, weights));
  const size = dot(way, weights);
  return { weights: f32(...weights), vector: f32(...way.map((value) => value / size)) };
}
const covariance = [[1, 0.8, 0], [0.8, 1, 0.1], [0, 0.1, 0.5]]; // prettier-ignore

test("a conditional vector moves its own reading alone, and no shorter one does", () => {
  const [a, b] = [reader([1, 0, 0.2], covariance), reader([0, 2, 0], covariance)];
  expect(Math.abs(dot(b.weights, a.vector))).toBeGreaterThan(0.5);
  const kept = conditional(a, [b]);
  expect(dot(a.weights, kept)).toBeCloseTo(1, 5);
  expect(dot(b.weights, kept)).toBeCloseTo(0, 5);
  // the shortest step lies where the two vectors span a plane
  const [p, q] = [a.vector, b.vector];
  const normal = [p[1]! * q[2]! - p[2]! * q[1]!, p[2]! * q[0]! - p[0]! * q[2]!, p[0]! * q[1]! - p[1]! * q[0]!];
  expect(dot(normal, kept)).toBeCloseTo(0, 6);
});

test("what fixes an attribute itself is not kept", () => {
  const a = reader([1, 0, 0], covariance);
  const same = reader([3, 0, 0], covariance);
  expect(Array.from(conditional(a, [same]))).toEqual(Array.from(a.vector));
  expect(Array.from(conditional(a, []))).toEqual(Array.from(a.vector));
});

function attribute(name: string, weights: number[], more: Partial<Attribute> = {}): Attribute {
  const { vector } = reader(weights, covariance);
  const rest = { bias: 0, mean: 0, scale: 1, low: -4, high: 4, quality: "AUC 0.90" };
  return { name, id: name, column: name, kind: "class", weights, vector: Array.from(vector), ...rest, ...more };
}

test("edits add up, are read before and after, and leak into what goes together", () => {
  const edits = new Edits([attribute("a", [1, 0, 0]), attribute("b", [0, 1, 0]), attribute("n", [0, 0, 2], { kind: "number", mean: 50, scale: 10 })]);
  edits.start(f32(0, 0, 0), 7);
  expect(edits.leak).toBeNull();
  edits.set("a", 2);
  const [a, b, n] = edits.readings;
  expect([a!.before, a!.after]).toEqual([0.5, expect.closeTo(1 / (1 + Math.exp(-2)), 5)]);
  expect(b!.after).toBeCloseTo(1 / (1 + Math.exp(-1.6)), 5);
  expect(n!.words).toBe("50.0");
  expect(edits.leak!.most.direction.name).toBe("b");
  edits.keep = true;
  expect(edits.leak!.mean).toBeCloseTo(0, 6);
  expect(edits.readings[0]!.after).toBeCloseTo(a!.after, 5);
  edits.set("n", 1);
  expect(edits.readings[2]!.words).toBe("60.0");
  // the point is moved under its edits, which stay
  const before = edits.point!.slice();
  edits.shift(before, before.map((value) => value + 1));
  expect(edits.row).toBe(-1);
  edits.point!.forEach((value, d) => expect(value).toBeCloseTo(before[d]! + 1, 5));
  edits.set("a", 0);
  expect(edits.list).toEqual([{ name: "n", strength: 1 }]);
});

test("a direction of one's own leads from one group to the other", () => {
  const direction = between("mine", f32(1, 0, 0), f32(1, 2, 0));
  const edits = new Edits([]);
  edits.add(direction);
  edits.start(f32(1, 0, 5), -1);
  edits.set("mine", 1);
  expect(Array.from(edits.point!)).toEqual([1, 2, 5]);
  expect(edits.readings[0]).toMatchObject({ before: 0, after: 1, words: "100 %" });
  edits.remove("mine");
  expect([edits.list, edits.directions]).toEqual([[], []]);
});

test("names and directions survive the address, and nonsense is refused", () => {
  const item = packNamed("a,b:c'd é~", "1.5");
  expect(item).not.toMatch(/[,'](?!$)|:.*:/);
  expect(unpackNamed(item)).toEqual(["a,b:c'd é~", "1.5"]);
  for (const bad of ["", "a", "a:", ":1", "a:1:2", "%E0%A4%A:1"]) expect(unpackNamed(bad)).toBeNull();
  const values = f32(0.25, -3, 1e-3, 0);
  unpackNumbers(packNumbers(values), 4)!.forEach((value, d) => expect(Math.abs(value - values[d]!)).toBeLessThan(1e-4));
  expect(unpackNumbers(packNumbers(values), 3)).toBeNull();
  expect(unpackNumbers("????", 1)).toBeNull();
  const back = own("mine", f32(0, 2), -0.5);
  expect(dot(back.weights, [0, 0.5]) + back.bias).toBeCloseTo(-0.25);
});

test("undo and redo go step by step, a drag is one step, and a new step ends what could be redone", () => {
  let state = 0;
  const past = new Past(() => state, 3);
  const go = (to: number, act = "", time?: number) => (past.note(act, time), (state = to));
  expect([past.canUndo, past.undo()]).toEqual([false, null]);
  go(1);
  go(2, "slide", 1000);
  go(3, "slide", 1400);
  go(4, "slide", 5000);
  const back = () => (state = past.undo() ?? -1);
  expect([back(), back(), back()]).toEqual([3, 1, 0]);
  const forth = () => (state = past.redo() ?? -1);
  expect([forth(), forth()]).toEqual([1, 3]);
  go(9);
  expect(past.canRedo).toBe(false);
  for (let to = 10; to < 20; to++) go(to);
  expect([back(), back(), back(), past.canUndo]).toEqual([18, 17, 16, false]);
});
