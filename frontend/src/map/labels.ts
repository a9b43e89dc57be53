/** Names of classes at the middle of their rows. */

import type { CategoryColumn } from "../wire";

export interface Label {
  index: number;
  name: string;
  count: number;
  /** Map units [0, 1]. */
  x: number;
  y: number;
}

const MOST = 24;
const SAMPLED = 20_000;

/** The median place of each class's rows, the largest class first; none where there are too many classes. */
export function labelsOf(column: CategoryColumn, values: Uint8Array, xy: Uint16Array): Label[] {
  if (column.names.length > MOST || column.names.length < 2) return [];
  const places = column.names.map(() => [[], []] as [number[], number[]]);
  const rows = Math.min(values.length, SAMPLED);
  for (let row = 0; row < rows; row++) {
    const [xs, ys] = places[values[row]!]!;
    xs.push(xy[2 * row]!);
    ys.push(xy[2 * row + 1]!);
  }
  return column.names
    .map((name, index) => ({ index, name, count: column.counts[index]!, x: middle(places[index]![0]), y: middle(places[index]![1]) }))
    .filter((label) => Number.isFinite(label.x))
    .sort((a, b) => b.count - a.count);
}

function middle(values: number[]): number {
  return values.length ? values.sort((a, b) => a - b)[values.length >> 1]! / 65535 : NaN;
}
