import { expect, test } from "vitest";
import { panned, toMap, toScreen, WHOLE, zoomed } from "../src/map/camera";
import { percentileOf } from "../src/map/colours";
import { Grid } from "../src/map/grid";
import { encloses } from "../src/map/polygon";
import { largest } from "../src/source/top";

const size = { width: 800, height: 600 };

function scattered(count: number): Uint16Array<ArrayBuffer> {
  let state = 12345;
  const next = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  return Uint16Array.from({ length: 2 * count }, () => next() * 65535);
}

test("the screen and the map are each other's way back, and zooming leaves what is under the pointer", () => {
  const camera = { x: 0.3, y: 0.8, k: 5 };
  const [left, top] = toScreen(camera, size, 0.31, 0.79);
  const [x, y] = toMap(camera, size, left, top);
  expect([x, y].map((v) => v.toFixed(6))).toEqual(["0.310000", "0.790000"]);
  const closer = zoomed(camera, size, 2, left, top);
  expect(closer.k).toBe(10);
  toScreen(closer, size, 0.31, 0.79).forEach((v, i) => expect(v).toBeCloseTo([left, top][i]!, 6));
  const right = panned(WHOLE, size, 100, 0);
  expect(toScreen(right, size, 0.5, 0.5)[0]).toBeCloseTo(500);
});

test("the grid finds what looking at all points finds", () => {
  const xy = scattered(3000);
  const grid = new Grid(xy);
  const squared = (row: number, x: number, y: number) => (xy[2 * row]! - x) ** 2 + (xy[2 * row + 1]! - y) ** 2;
  for (let trial = 0; trial < 50; trial++) {
    const [x, y] = [(trial * 7919) % 65536, (trial * 104729) % 65536];
    const all = Array.from({ length: 3000 }, (_, row) => row).sort((a, b) => squared(a, x, y) - squared(b, x, y) || a - b);
    expect(grid.several(x, y, 8).map(([row]) => row)).toEqual(all.slice(0, 8));
    expect(grid.nearest(x, y, 65536)).toBe(all[0]);
    expect(grid.nearest(x, y, 65536, (row) => row !== all[0])).toBe(all[1]);
  }
  expect(grid.nearest(0, 0, 0)).toBe(-1);
});

test("points that all lie in one place are found", () => {
  const grid = new Grid(new Uint16Array(20).fill(32767));
  expect(grid.several(0, 0, 3).map(([row]) => row)).toEqual([0, 1, 2]);
  expect(new Grid(new Uint16Array(0)).several(0, 0, 3)).toEqual([]);
});

test("a line encloses what is inside, also where it is hollow", () => {
  const hook: [number, number][] = [[0, 0], [4, 0], [4, 4], [3, 4], [3, 1], [0, 1]]; // prettier-ignore
  expect(encloses(hook, 3.5, 3)).toBe(true);
  expect(encloses(hook, 1, 3)).toBe(false);
  expect(encloses(hook.slice(0, 2), 1, 0)).toBe(false);
});

test("percentiles are read between their entries", () => {
  const shares = Array.from({ length: 101 }, (_, i) => i * 2);
  expect(percentileOf(31, shares)).toBeCloseTo(15.5);
  expect(percentileOf(-1, shares)).toBe(0);
  expect(percentileOf(500, shares)).toBe(100);
  expect(percentileOf(NaN, shares)).toBeNaN();
  expect(percentileOf(3, new Array<number>(101).fill(3))).toBe(0);
});

test("the largest numbers come first, equal ones in their order, without those that are none", () => {
  const values = [3, NaN, 9, 3, -1, 9, 4];
  expect(largest(values, 4, () => true)).toEqual([2, 5, 6, 0]);
  expect(largest(values, 9, (place) => place !== 2)).toEqual([5, 6, 0, 3, 4]);
  expect(largest([], 3, () => true)).toEqual([]);
});
