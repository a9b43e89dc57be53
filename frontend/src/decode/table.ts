/** Rows of a table from arrays: standardised numbers, then missing-value indicators, then one-hot categories. */

import type { TableColumn } from "../wire";

export interface Cell {
  text: string;
  /** Deviation of a number from its mean, three standard deviations being 1. */
  share?: number;
}

const REACH = 3;

export function cellsOf(columns: readonly TableColumn[], values: Float32Array): Cell[] {
  const numeric = columns.filter(({ kind }) => kind === "numeric");
  const missing = columns.filter((column) => column.has_missing);
  let group = numeric.length + missing.length;
  return columns.map((column) => {
    const start = group;
    if (column.kind === "categorical") group += column.categories.length;
    if (column.has_missing && values[numeric.length + missing.indexOf(column)]! > 0.5) return { text: "missing" };
    if (column.kind === "numeric") return numberCell(column, values[numeric.indexOf(column)]!);
    const shares = Array.from(values.subarray(start, group));
    return { text: column.categories[shares.indexOf(Math.max(...shares))] ?? "" };
  });
}

function numberCell({ mean, std }: TableColumn, standardised: number): Cell {
  const share = Math.max(-1, Math.min(1, standardised / REACH));
  return { text: Number((standardised * std + mean).toPrecision(4)).toLocaleString("en"), share };
}
