/** Rows found by their id, by what they say or by any of their labels. */

import { newestOnly } from "../near/near";
import type { Numbers } from "../source/files";
import type { Explorer } from "./explorer.svelte";

export class Finder {
  query = $state("");
  rows = $state.raw<readonly number[]>([]);
  /** Place among the found rows of the one that was brought to the stage last, -1 before the first. */
  at = $state(-1);
  /** Why not all could be searched. */
  problem = $state("");

  constructor(private readonly x: Explorer) {}

  /** Grey out what does not match; an empty text matches everything. */
  look(text: string): void {
    this.query = text;
    this.at = -1;
    this.search(text.trim().toLowerCase());
  }

  /** The next found row to the stage, or the one before with -1. */
  step(by: number): void {
    const { rows, x } = this;
    if (!rows.length) return x.look.say("Nothing is found");
    this.at = this.at < 0 ? (by > 0 ? 0 : rows.length - 1) : (this.at + by + rows.length) % rows.length;
    const row = rows[this.at]!;
    x.showRow(row);
    x.map.keepInSight(row);
  }

  private readonly search = newestOnly(async (text: string) => {
    const { x } = this;
    if (!text) {
      this.rows = [];
      this.problem = "";
      x.map.found = null;
      return;
    }
    const labels = await this.labels(text);
    this.problem = labels.problem;
    if (text !== this.query.trim().toLowerCase()) return;
    const found = new Uint8Array(x.space.rows);
    const rows: number[] = [];
    for (let row = 0; row < found.length; row++) {
      const said = [x.name(row), x.lines[row] ?? ""].some((words) => words.toLowerCase().includes(text));
      const hit = said || labels.found.some(([values, names]) => names.has(values[row]!));
      if (!hit) continue;
      found[row] = 1;
      rows.push(row);
    }
    this.rows = rows;
    x.map.found = found;
    x.look.say(rows.length === 1 ? "1 row found" : `${rows.length || "No"} rows found`);
  }, (error) => (this.problem = error.message));

  /** Columns with a name that holds the text: their values, and the numbers of such names. */
  private async labels(text: string): Promise<{ found: [Numbers, Set<number>][]; problem: string }> {
    const columns = this.x.space.view.columns.flatMap((column) => {
      if (column.kind !== "category") return [];
      const names = column.names.flatMap((name, index) => (name.toLowerCase().includes(text) ? [index] : []));
      return names.length ? [{ column, names: new Set(names) }] : [];
    });
    const found = await Promise.allSettled(columns.map(async ({ column, names }): Promise<[Numbers, Set<number>]> => [await this.x.space.array(column.values), names]));
    const failed = found.find((one) => one.status === "rejected");
    return { found: found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])), problem: failed ? (failed.reason as Error).message : "" };
  }
}
