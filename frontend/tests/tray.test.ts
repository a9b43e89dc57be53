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
