/** Rows that are no pictures, as far as they came with the view. */

import type { Numbers } from "./files";
import type { Space } from "./space";

export class Inputs {
  private constructor(
    private readonly values: Numbers,
    private readonly width: number,
    private readonly count: number,
    private readonly cells: Map<number, number> | null,
  ) {}

  static async open(space: Space): Promise<Inputs | null> {
    const { inputs } = space.view;
    if (!inputs) return null;
    const [values, rows] = await Promise.all([space.array(inputs.values), inputs.rows ? space.array(inputs.rows) : null]);
    const [count, width] = inputs.values.shape as [number, number];
    return new Inputs(values, width, count, rows && new Map(Array.from(rows, (row, cell) => [row, cell])));
  }

  has(row: number): boolean {
    return this.cell(row) >= 0;
  }

  /** A row as it was stored; null where it did not come along. */
  row(row: number): Numbers | null {
    const cell = this.cell(row);
    return cell < 0 ? null : this.values.slice(cell * this.width, (cell + 1) * this.width);
  }

  /** Whether the row was at hand when the view was made, and came along or not. */
  known(row: number): boolean {
    return !this.cells || this.cells.has(row);
  }

  private cell(row: number): number {
    if (this.cells) return this.cells.get(row) ?? -1;
    return row < this.count ? row : -1;
  }
}
