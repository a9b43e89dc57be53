import { expect, test } from "vitest";
import { Tray } from "../src/state/path.svelte";

test("ends of a path are set one by one, and replaced", () => {
  const tray = new Tray();
  const z = Float32Array.from([0]);
  const rows = () => tray.pins.map(({ row }) => row);
  tray.setEnd(0, z, 1, "a");
  tray.setEnd(1, z, 2, "b");
  expect(rows()).toEqual([1, 2]);
  tray.setEnd(0, z, 3, "c");
  tray.setEnd(1, z, 4, "d");
  expect(rows()).toEqual([3, 4]);
  tray.add(z, 5, "e");
  tray.setEnd(1, z, 6, "f");
  expect(rows()).toEqual([3, 4, 6]);
});

test("a path goes round to its first stop, and letters follow", () => {
  const tray = new Tray("slerp");
  expect(tray.way).toBe("slerp");
  [0, 1, 2].forEach((row) => tray.add(Float32Array.from([row]), row, ""));
  tray.way = "lerp";
  tray.frames = 3;
  expect(tray.points.map(([value]) => value)).toEqual([0, 0.5, 1, 1.5, 2]);
  tray.setLoop("round");
  expect(tray.points.map(([value]) => value)).toEqual([0, 0.5, 1, 1.5, 2, 1, 0]);
  expect(tray.points.map((_, i) => tray.letterAt(i)).join("-")).toBe("A--B--C--A");
  tray.position = 2.5;
  expect(Array.from(tray.here!)).toEqual([1]);
  tray.setLoop("back");
  expect(tray.position).toBe(2);
});
