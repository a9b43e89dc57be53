import { expect, test } from "vitest";
import { geodesic } from "../src/state/geodesic";
import { walk } from "../src/state/paths";

const f32 = (...values: number[]) => Float32Array.from(values);
/** A plane with a hill in its middle: over it is the straight way, around it the short one. */
const hill = ([x, y]: Float32Array) => f32(x!, y!, 2 * Math.exp(-2 * (x! * x! + y! * y!)));
const [a, b] = [f32(-1.5, -0.1), f32(1.5, 0.3)];
const directions = [f32(0.8, 0), f32(0, 0.8)];

function search(more: Partial<Parameters<typeof geodesic>[2]> = {}) {
  const asked: number[] = [];
  const shares: number[] = [];
  const decode = (points: Float32Array[]) => (asked.push(points.length), Promise.resolve(points.map(hill)));
  return { asked, shares, sought: { decode, directions, told: (share: number) => shares.push(share), signal: new AbortController().signal, ...more } };
}

/** Length as it is decoded, and how far its speed is from even: deviation over mean. */
function measured(points: Float32Array[]): [number, number] {
  const images = points.map(hill);
  const steps = images.slice(1).map((image, i) => Math.hypot(...image.map((value, j) => value - images[i]![j]!)));
  const mean = steps.reduce((x, y) => x + y) / steps.length;
  return [mean * steps.length, Math.sqrt(steps.reduce((sum, step) => sum + (step - mean) ** 2, 0) / steps.length) / mean];
}

test("a geodesic is shorter than the straight line as it is decoded, and its speed is more even", async () => {
  const { sought, shares, asked } = search();
  const curve = (await geodesic(a, b, sought))!;
  expect(curve.nodes[0]).toEqual(a);
  expect(curve.nodes.at(-1)).toEqual(b);
  expect([curve.clock[0], curve.clock.at(-1)]).toEqual([0, expect.closeTo(1, 9)]);
  const stops = [a, b];
  const [straight, uneven] = measured(walk({ stops, way: "lerp" }, 17));
  const [short, even] = measured(walk({ stops, way: "geodesic", curves: [curve] }, 17));
  // 3.03 as the crow flies, which no way on the ground can beat
  expect(straight).toBeGreaterThan(4.8);
  expect(short).toBeLessThan(3.7);
  expect(uneven).toBeGreaterThan(0.3);
  expect(even).toBeLessThan(0.05);
  expect(shares.at(-1)).toBe(1);
  expect(asked.reduce((x, y) => x + y)).toBeLessThan(1000);
});

test("where the decoder is straight so is the geodesic", async () => {
  const curve = (await geodesic(a, b, search({ decode: (points) => Promise.resolve(points.map(([x, y]) => f32(x!, 2 * y!))) }).sought))!;
  walk({ stops: [a, b], way: "geodesic", curves: [curve] }, 9).forEach((z, i) => z.forEach((value, d) => expect(value).toBeCloseTo(a[d]! + (i / 8) * (b[d]! - a[d]!), 3)));
});

test("a decoder that says the same everywhere leaves the straight line", async () => {
  const curve = (await geodesic(a, b, search({ decode: (points) => Promise.resolve(points.map(() => f32(1))) }).sought))!;
  expect(curve.clock).toHaveLength(13);
  expect(curve.nodes[6]![0]).toBeCloseTo(0, 6);
});

test("a search that is not wanted any more ends", async () => {
  const stop = new AbortController();
  const { sought, asked } = search({ signal: stop.signal });
  const coming = geodesic(a, b, { ...sought, told: () => stop.abort() });
  expect(await coming).toBeNull();
  expect(asked.length).toBeLessThanOrEqual(3);
});
