/** Colours of rows by a column: a palette of 256 entries, the last of which is what faded rows fall back to. */

import type { Column } from "../source/space";
import type { Numbers } from "../source/files";

export type Theme = "light" | "dark";

/** Six of Okabe and Ito (2008), told apart by the colour-blind, then six more; the same as in the reports. */
const CLASSES = [
  "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
  "#7A5CC6", "#8C5A2B", "#DCCB2E", "#6B8E23", "#E5718A", "#3B8EA5",
]; // prettier-ignore
/** The same hues, lighter, where the ground is dark. */
const CLASSES_DARK = [
  "#4A9FE0", "#F0B03C", "#2BBF95", "#DB8FBB", "#7CC8F2", "#F07F3C",
  "#A48CEB", "#C08A57", "#E9DC5B", "#9DBF4E", "#F291A5", "#62B7CE",
]; // prettier-ignore
const RAMP: Record<Theme, string[]> = {
  light: ["#d9e2ec", "#8fb8d8", "#3f87bd", "#1a5a96", "#0b2f5e"],
  dark: ["#23384d", "#2c628f", "#3f93cf", "#8cc7ef", "#eaf6ff"],
};
const GREY: Record<Theme, string> = { light: "#a9adb2", dark: "#5b636c" };
const PLAIN: Record<Theme, string> = { light: "#2d6f9f", dark: "#63a9d8" };
const STEPS = 250;
/** Entry of rows without a value. */
export const NONE = 254;

export function classColour(index: number, theme: Theme): string {
  const colours = theme === "dark" ? CLASSES_DARK : CLASSES;
  return colours[index % colours.length]!;
}

export function rampColours(theme: Theme): string[] {
  return RAMP[theme];
}

export function plainColour(theme: Theme): string {
  return PLAIN[theme];
}

/** Palette for a column, or for none. */
export function paletteFor(column: Column | null, theme: Theme): Uint8Array<ArrayBuffer> {
  const palette = new Uint8Array(1024);
  const put = (index: number, colour: string) => palette.set([...rgb(colour), 255], 4 * index);
  if (!column) put(0, PLAIN[theme]);
  else if (column.kind === "category") column.names.forEach((_, index) => put(index, classColour(index, theme)));
  else for (let step = 0; step <= STEPS; step++) put(step, ramp(step / STEPS, theme));
  if (!(column?.kind === "category" && column.names.length > NONE)) put(NONE, GREY[theme]);
  put(255, GREY[theme]);
  return palette;
}

/** Palette index of each row; numbers are spread by rank, so that one outlier does not take all the colours. */
export function indicesFor(column: Column | null, values: Numbers | null, rows: number): Uint8Array<ArrayBuffer> {
  if (!column || !values) return new Uint8Array(rows);
  if (column.kind === "category") return values as Uint8Array<ArrayBuffer>;
  const indices = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) {
    const share = percentileOf(values[row]!, column.percentiles);
    indices[row] = Number.isNaN(share) ? NONE : Math.round((share / 100) * STEPS);
  }
  return indices;
}

/** Where `value` lies among percentiles 0 to 100; NaN for NaN. */
export function percentileOf(value: number, percentiles: readonly number[]): number {
  if (Number.isNaN(value)) return NaN;
  const last = percentiles.length - 1;
  if (value <= percentiles[0]!) return 0;
  if (value >= percentiles[last]!) return 100;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (percentiles[middle]! <= value) low = middle;
    else high = middle;
  }
  const span = percentiles[high]! - percentiles[low]!;
  return ((low + (span > 0 ? (value - percentiles[low]!) / span : 0)) / last) * 100;
}

function ramp(share: number, theme: Theme): string {
  const stops = RAMP[theme].map(rgb);
  const at = share * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const mixed = stops[low]!.map((v, i) => Math.round(v + (stops[low + 1]![i]! - v) * (at - low)));
  return `#${mixed.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

function rgb(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
