import { expect, test } from "vitest";
import { jaccard, overlaps } from "../src/near/overlap";
import { join } from "../src/state/join";

test("rows are found again by their ids", () => {
  const { there, back, shared } = join(["a", "b", "c"], ["c", "x", "a", "y"]);
  expect([Array.from(there), Array.from(back), shared]).toEqual([[2, -1, 0], [2, -1, 0, -1], 2]);
  expect(join([], ["a"]).shared).toBe(0);
});

test("the overlap is of the neighbours among the pairs, whatever order the second space has", () => {
  // a line, and the same line with two ends exchanged, its rows stored backwards
  const first = { codes: Uint8Array.from([0, 10, 20, 31, 43]), scale: [1], offset: [0] };
  const second = { codes: Uint8Array.from([0, 31, 20, 10, 43]), scale: [2], offset: [5] };
  const rows = [0, 1, 2, 3, 4].map((row): [number, number] => [row, 4 - row]);
  const two = Array.from(overlaps({ first, second, rows, neighbours: 2 }));
  // in the second row 0 is at 43 and row 4 at 0
  expect(two).toEqual([1 / 3, 1 / 3, 1, 1 / 3, 1 / 3].map((value) => expect.closeTo(value, 6)));
  const own = rows.map(([row]): [number, number] => [row, row]);
  expect(Array.from(overlaps({ first, second: first, rows: own, neighbours: 10 }))).toEqual([1, 1, 1, 1, 1]);
  expect(jaccard([1, 2, 3], [3, 4])).toBe(1 / 4);
  expect(jaccard([], [])).toBeNaN();
});
