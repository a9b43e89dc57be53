import { expect, onTestFinished, test, vi } from "vitest";
import { pointAt, placeOf, type Ground } from "../src/map/back";
import { Grid } from "../src/map/grid";
import { isSame, nearest } from "../src/near/search";
import { newestOnly } from "../src/near/near";
import { cellsOf } from "../src/decode/table";
import { Scheduler } from "../src/decode/scheduler";
import type { Network } from "../src/decode/network";
import { readAddress, stepsOf, writeAddress, type Address } from "../src/state/address";
import { packPoint, packRows, unpackPoint, unpackRows } from "../src/state/packing";
import { readSaved, savedState } from "../src/state/saved";
import { along, walk } from "../src/state/paths";
import type { Space } from "../src/source/space";
import type { Basis } from "../src/wire";

const f32 = (...values: number[]) => Float32Array.from(values);

test("walks as the Python package does", () => {
  const [a, b, c] = [f32(1, 0), f32(0, 2), f32(4, 0)];
  const line = { stops: [a, b, c], way: "lerp" as const };
  expect(walk({ ...line, stops: [a, b] }, 3).map((z) => Array.from(z))).toEqual([[1, 0], [0.5, 1], [0, 2]]);
  expect(walk(line, 5)).toHaveLength(9);
  const middle = walk({ stops: [a, b], way: "slerp" }, 3)[1]!;
  expect(Math.hypot(...middle)).toBeCloseTo(1.5, 5);
  expect(middle[0]).toBeCloseTo(middle[1]!, 5);
  // opposite ends have no great circle of their own
  expect(Array.from(walk({ stops: [f32(1, 0), f32(-1, 0)], way: "slerp" }, 3)[1]!)).toEqual([0, 0]);
  expect(Array.from(along(line, 1.5))).toEqual([2, 1]);
  expect(Array.from(along(line, 2))).toEqual([4, 0]);
});

test("a leg with a curve keeps its time, one without is straight", () => {
  const curve = { nodes: [f32(0, 0), f32(0, 4), f32(4, 4)], clock: [0, 0.25, 1] };
  const route = { stops: [f32(0, 0), f32(4, 4), f32(0, 0)], way: "geodesic" as const, curves: [curve, undefined] };
  expect(walk(route, 5).map((z) => Array.from(z))).toEqual([[0, 0], [0, 4], [4 / 3, 4].map(Math.fround), [8 / 3, 4].map(Math.fround), [4, 4], [3, 3], [2, 2], [1, 1], [0, 0]]);
});

test("the nearest codes, equal ones in the order of the rows", () => {
  const packed = { codes: Uint8Array.from([0, 0, 10, 0, 20, 0, 10, 0]), scale: [0.1, 1], offset: [0, 0] };
  const found = nearest(packed, f32(1.1, 0), 3, 4);
  expect(found.rows).toEqual([1, 3, 2]);
  expect(found.distances[0]).toBeCloseTo(0.1, 5);
  expect(nearest(packed, f32(2, 0), 9, 2).rows).toEqual([1, 0]);
});

test("a long code is its own nearest although its numbers are rounded", () => {
  const dim = 512;
  const scale = Array.from({ length: dim }, (_, d) => 0.001 + d / 1e5);
  const offset = Array.from({ length: dim }, (_, d) => 40 + d / 7);
  const codes = Uint16Array.from({ length: 3 * dim }, (_, i) => (i * 7919) % 65536);
  const z = Float32Array.from(scale, (step, d) => codes[dim + d]! * step + offset[d]!);
  const { rows, distances } = nearest({ codes, scale, offset }, z, 2, 3);
  expect([rows[0], distances[0]! > 1e-6]).toEqual([1, true]);
  expect([isSame(distances[0]!, z), isSame(distances[1]!, z)]).toEqual([true, false]);
  expect([isSame(0, f32(0)), isSame(1e-3, f32(2))]).toEqual([true, false]);
});

function ground(linear: boolean): Ground {
  const codes = [f32(0, 0, 5), f32(1, 0, 6), f32(0, 1, 7)];
  const xy = Uint16Array.from([0, 0, 65535, 0, 0, 65535]);
  const points = { xy, scale: [1 / 65535, 1 / 65535] as [number, number], offset: [0, 0] as [number, number] };
  const axes = { mean: [0, 0, 0], axes: [[1, 0, 0], [0, 1, 0]] }; // prettier-ignore
  const space = { dim: 3, code: (row: number) => codes[row]!.slice() } as unknown as Space;
  return { space, points, grid: new Grid(xy), linear: linear ? axes : null };
}

test("a place of a linear map is walked back exactly, the rest from the nearest row", () => {
  const found = pointAt(ground(true), 0.8, 0.1)!;
  expect(found.from).toEqual([1]);
  Array.from(found.z).forEach((value, d) => expect(value).toBeCloseTo([0.8, 0.1, 6][d]!, 3));
  placeOf(ground(true), found.z)!.forEach((value, k) => expect(value).toBeCloseTo([0.8, 0.1][k]!, 3));
});

test("a place of any other map is a blend of what lies around it", () => {
  const { z, from } = pointAt(ground(false), 0.0001, 0)!;
  expect(from[0]).toBe(0);
  expect(z[2]).toBeCloseTo(5, 2);
  expect(placeOf(ground(false), z)).toBeNull();
});

const raw = {
  dimensions: [
    { histogram: { low: -4, high: 4 } },
    { histogram: { low: 0, high: 1 } },
  ],
} as unknown as Basis;

test("an address holds what was written into it", () => {
  const address: Address = {
    space: "spaces/a", other: "spaces/b", made: "0a1b2c3d", map: "dims:3:1", camera: [0.25, 0.5, 3], pictures: "off", colour: "label", hidden: [1, 4],
    row: 812, z: "AA", tray: ["3", "AAAA"], way: "slerp", loop: "round", frames: 17, position: 1.25, edits: ["smile:1.5"], others: "keep",
    directions: ["mine:AA"], basis: "pca:3", near: "20", chosen: "~AQ", tab: "path", drawer: "rows", find: "a, b", theme: "dark",
  }; // prettier-ignore
  expect(readAddress(writeAddress(address))).toEqual(address);
  expect(readAddress("")).toEqual({});
  expect(readAddress("#v=99&sel=1")).toEqual({});
});

test("what is out of range in an address is left out", () => {
  const bad = ["sel=-3", "sel=1.5", "cam=1,2", "cam=0.5,0.5,0", "cam=0.5,0.5,NaN", "cam=9,0.5,1", "cam=0.5,0.5,1,1", "off=x", "at=-1", "at=x", "th=red", "pic=1", "f=2.5"];
  for (const one of bad) expect(readAddress(`#v=1&${one}`), one).toEqual({});
  expect(readAddress("#v=1&off=2,-1,x")).toEqual({ hidden: [2] });
});

test("a step is what one goes back from; a drag is not", () => {
  expect(stepsOf({ row: 3, camera: [0.5, 0.5, 2], z: "AA", position: 1 })).toBe(stepsOf({ row: 3 }));
  for (const step of [{ row: 4 }, { tab: "path" }, { tray: ["1"] }, { map: "pca" }, { hidden: [1] }]) expect(stepsOf({ row: 3, ...step })).not.toBe(stepsOf({ row: 3 }));
});

test("a selection survives its packing, few rows or most of them", () => {
  const all = Array.from({ length: 1000 }, (_, row) => row);
  for (const rows of [[0], [999], [3, 200, 201, 999], all, all.filter((row) => row % 3), all.slice(0, 500)]) {
    expect(unpackRows(packRows(rows, 1000), 1000)).toEqual(rows);
  }
  expect(packRows(all.slice(1), 1000).length).toBeLessThan(5);
  expect(packRows(all.filter((row) => row % 9 === 0), 1000).length).toBeLessThan(160);
  expect(unpackRows(packRows([999], 1000), 999)).toBeNull();
  expect(unpackRows("!", 9)).toBeNull();
  expect(unpackRows("gA", 9), "a gap without an end").toBeNull();
});

test("a saved view is read again, and anything else is refused", async () => {
  expect(await readSaved(savedState("#v=1&sel=3", "t"))).toBe("#v=1&sel=3");
  for (const text of ["{", "null", "[]", '{"kind":"latentarium view","address":"javascript:1"}']) await expect(readSaved(new Blob([text]))).rejects.toThrow("not a view");
});

test("a point survives its packing to a ten-thousandth of its range, and nonsense is refused", () => {
  const z = f32(-3.21, 1.7);
  const back = unpackPoint(packPoint(z, raw), raw)!;
  expect(Math.abs(back[0]! - z[0]!)).toBeLessThan(4e-4);
  expect(Math.abs(back[1]! - z[1]!)).toBeLessThan(4e-4);
  expect(unpackPoint("!!", raw)).toBeNull();
  expect(unpackPoint("AAAA", raw)).toBeNull();
});

test("cells of a table are numbers, categories or missing", () => {
  const columns = [
    { name: "age", kind: "numeric", mean: 40, std: 10, categories: [], has_missing: true },
    { name: "town", kind: "categorical", mean: 0, std: 1, categories: ["York", "Bath"], has_missing: false },
  ] as Parameters<typeof cellsOf>[0];
  expect(cellsOf(columns, f32(1.5, 0, 0.2, 0.8))).toEqual([{ text: "55", share: 0.5 }, { text: "Bath" }]);
  expect(cellsOf(columns, f32(0, 1, 0.9, 0.1))).toEqual([{ text: "missing" }, { text: "York" }]);
});

/** A network that answers when it is told to. */
function slow(): { network: Network; asked: number[]; answer: () => Promise<void> } {
  const asked: number[] = [];
  const waiting: (() => void)[] = [];
  const network: Network = {
    where: "page",
    close: () => undefined,
    run: (values) => {
      asked.push(values[0]!);
      return new Promise((done) => waiting.push(() => done({ values, milliseconds: 1 })));
    },
  };
  const answer = async (): Promise<void> => {
    waiting.shift()?.();
    await new Promise((done) => setTimeout(done));
  };
  return { network, asked, answer };
}

test("of the points that come while the decoder is busy only the newest is decoded, before any strip", async () => {
  const { network, asked, answer } = slow();
  const shown: number[] = [];
  const frames: number[] = [];
  const scheduler = new Scheduler(network, (z) => shown.push(z[0]!), () => null);
  scheduler.show(f32(1));
  scheduler.strip([f32(10), f32(11), f32(12), f32(13), f32(14)], (i) => frames.push(i), new AbortController().signal);
  [2, 3, 4].forEach((value) => scheduler.show(f32(value)));
  for (let i = 0; i < 4; i++) await answer();
  expect(shown).toEqual([1, 4]);
  expect(asked).toEqual([1, 4, 12, 14]);
  expect(frames).toEqual([2, 1, 3, 0, 4]);
});

test("how often a drag is decoded depends on how long a point takes", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const settle = () => vi.advanceTimersByTimeAsync(0);
  let [milliseconds, held, waited] = [0, true, 0];
  const asked: number[] = [];
  const network: Network = { ...slow().network, run: async (values) => (asked.push(values[0]!), { values, milliseconds }) };
  const hand = { held: () => held, waits: () => waited++ };
  /** What is asked of sixteen points, one each 25 ms, and of a hand that lets go after them. */
  const drag = async (pace: number): Promise<[number, number]> => {
    const scheduler = new Scheduler(network, () => undefined, () => null, hand);
    [milliseconds, held, waited] = [pace, true, 0];
    scheduler.show(f32(99));
    await settle();
    await vi.advanceTimersByTimeAsync(1000);
    asked.length = 0;
    for (let i = 0; i < 16; i++) {
      scheduler.show(f32(i));
      await vi.advanceTimersByTimeAsync(25);
    }
    const during = asked.length;
    held = false;
    scheduler.release();
    await settle();
    expect(asked.at(-1)).toBe(15);
    return [during, asked.length];
  };
  expect(await drag(10)).toEqual([16, 16]);
  // over 400 ms
  expect(await drag(90)).toEqual([5, 5]);
  expect(waited).toBe(0);
  expect(await drag(300)).toEqual([0, 1]);
  expect(waited).toBe(16);
});

test("a strip that is asked for while another one ends is decoded too", async () => {
  const network: Network = { where: "page", close: () => undefined, run: async (values) => ({ values, milliseconds: 1 }) };
  const scheduler = new Scheduler(network, () => undefined, () => null);
  const { signal } = new AbortController();
  for (let hops = 0; hops < 9; hops++) {
    const ended = new Promise<void>((done) => scheduler.strip([f32(1)], () => done(), signal));
    await ended;
    for (let i = 0; i < hops; i++) await null;
    let came = false;
    scheduler.strip([f32(2)], () => (came = true), signal);
    await new Promise((done) => setTimeout(done));
    expect(came, `${hops} steps later`).toBe(true);
  }
});

test("a strip that is not wanted any more is left", async () => {
  const { network, asked, answer } = slow();
  const scheduler = new Scheduler(network, () => undefined, () => null);
  const stop = new AbortController();
  const frames: number[] = [];
  scheduler.strip(Array.from({ length: 9 }, (_, i) => f32(i)), (i) => frames.push(i), stop.signal);
  stop.abort();
  for (let i = 0; i < 3; i++) await answer();
  expect(asked).toHaveLength(1);
  expect(frames).toEqual([]);
});

test("a request that fails spoils no other, and another network may take over", async () => {
  const refusing: Network = { ...slow().network, run: async (values) => (values[0] === 2 ? Promise.reject(new Error("no")) : { values, milliseconds: 1 }) };
  const told: (number | null)[] = [];
  const shown: number[] = [];
  const frames: number[] = [];
  const scheduler = new Scheduler(refusing, (z) => shown.push(z[0]!), (_, z) => (told.push(z && z[0]!), null));
  const settle = () => new Promise((done) => setTimeout(done));
  for (const value of [1, 2, 3]) {
    scheduler.show(f32(value));
    await settle();
  }
  scheduler.strip([f32(2)], () => frames.push(-1), new AbortController().signal);
  scheduler.strip([f32(7)], (i) => frames.push(i), new AbortController().signal);
  await settle();
  expect([shown, told, frames]).toEqual([[1, 3], [2, null], [0]]);
  const dead: Network = { ...refusing, run: () => Promise.reject(new Error("gone")) };
  const other = new Scheduler(dead, (z) => shown.push(z[0]!), () => refusing);
  other.show(f32(5));
  other.strip([f32(8)], () => frames.push(8), new AbortController().signal);
  await settle();
  expect([shown, frames]).toEqual([[1, 3, 5], [0, 8]]);
});

test("questions that come while one is under way are answered by the newest alone", async () => {
  const asked: number[] = [];
  let release: () => void = () => undefined;
  const ask = newestOnly(async (value: number) => {
    asked.push(value);
    await new Promise<void>((done) => (release = done));
  }, () => undefined);
  [1, 2, 3].forEach(ask);
  release();
  await new Promise((done) => setTimeout(done));
  expect(asked).toEqual([1, 3]);
});

test("a question that fails is told and stands in no other's way", async () => {
  const asked: number[] = [];
  const told: string[] = [];
  const ask = newestOnly(async (value: number) => {
    asked.push(value);
    if (value === 1) throw new Error("no file");
  }, ({ message }) => told.push(message));
  for (const value of [1, 2]) {
    ask(value);
    await new Promise((done) => setTimeout(done));
  }
  expect([asked, told]).toEqual([[1, 2], ["no file"]]);
});
