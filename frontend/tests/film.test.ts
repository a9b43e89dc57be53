import { expect, test } from "vitest";
import { layout, runOf } from "../src/source/film";

test("a sheet is one line while that fits, then lines of about one length, then smaller pictures", () => {
  expect(layout(17, 28, 28)).toEqual({ across: 17, scale: 4 });
  const long = layout(321, 28, 28);
  expect(long).toEqual({ across: 65, scale: 4 });
  expect(long.across * 28 * 4).toBeLessThanOrEqual(8192);
  const large = layout(801, 512, 512);
  expect(large.scale).toBeLessThan(1);
  expect(large.across * 512 * large.scale * Math.ceil(801 / large.across) * 512 * large.scale).toBeLessThan(2 ** 26 * 1.1);
  expect(layout(2, 20_000, 10).scale).toBeLessThan(0.5);
});

test("an animation rests on no frame twice", () => {
  expect(runOf(4, "back")).toEqual([0, 1, 2, 3, 2, 1]);
  expect(runOf(4, "round")).toEqual([0, 1, 2]);
});
