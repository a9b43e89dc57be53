/** What a score of the report rests on, found among the rows of the page. */

import { largest } from "../source/top";
import type { Behind, CategoryColumn } from "../wire";
import type { Explorer } from "./explorer.svelte";

/** Rows that are listed. */
export const LISTED = 40;

/** Rows to look at, the first ones in their order; `values` has a number for each row of the space. */
export interface Found {
  rows: number[];
  listed: number[];
  values: ArrayLike<number>;
  number: string;
}

/** Whether the page can show what is behind a score. */
export function canShow(x: Explorer, behind: Behind | null): behind is Behind {
  if (!behind) return false;
  if (behind.kind === "errors") return errorsOf(x) !== undefined;
  if (behind.kind === "classes") return classesOf(x, behind) !== undefined;
  return true;
}

function errorsOf(x: Explorer) {
  return x.space.view.columns.find(({ name }) => name === "reconstruction_error");
}

/** The column that has all the classes of a score. */
export function classesOf(x: Explorer, { parts }: Behind): CategoryColumn | undefined {
  return x.space.view.columns.find((column): column is CategoryColumn => column.kind === "category" && parts.every(({ name }) => column.names.includes(name)));
}

/** The rows behind a score: the worst, the outermost, or those of the class `part`. */
export async function rowsBehind(x: Explorer, behind: Behind, part: string): Promise<Found> {
  const column = errorsOf(x);
  const errors = column ? await x.space.array(column.values) : null;
  if (behind.kind === "errors") return ranked(errors!, "squared error");
  if (behind.kind === "codes") return ranked(lengths(x), "distance from the mean");
  const labels = classesOf(x, behind)!;
  const classes = await x.space.array(labels.values);
  const index = labels.names.indexOf(part);
  const rows = Array.from(classes, (_, row) => row).filter((row) => classes[row] === index);
  const values = errors ?? lengths(x);
  const listed = largest(values, LISTED, (row) => classes[row] === index);
  return { rows, listed, values, number: errors ? "squared error" : "distance from the mean" };
}

function ranked(values: ArrayLike<number>, number: string): Found {
  const rows = largest(values, LISTED, () => true);
  return { rows, listed: rows, values, number };
}

/** How far each code is from the mean of all. */
function lengths(x: Explorer): Float32Array {
  const { centre } = x.space.view.typicality;
  const { scale, offset } = x.space.view.latent;
  const codes = x.space.codeNumbers;
  const found = new Float32Array(x.space.rows);
  for (let row = 0, at = 0; row < found.length; row++) {
    let sum = 0;
    for (let d = 0; d < scale.length; d++, at++) sum += (codes[at]! * scale[d]! + offset[d]! - centre[d]!) ** 2;
    found[row] = Math.sqrt(sum);
  }
  return found;
}
