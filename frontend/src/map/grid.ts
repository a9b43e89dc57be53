/** Points in cells, to find what is near a place without looking at all of them. */

const PER_CELL = 8;
const MOST_SIDE = 512;

export class Grid {
  private readonly starts: Uint32Array;
  private readonly rows: Uint32Array;
  private readonly side: number;

  /** `xy` holds x and y of each row in [0, 65535]. */
  constructor(private readonly xy: Uint16Array) {
    const count = xy.length / 2;
    this.side = Math.max(1, Math.min(MOST_SIDE, Math.ceil(Math.sqrt(count / PER_CELL))));
    this.starts = new Uint32Array(this.side * this.side + 1);
    for (let row = 0; row < count; row++) this.starts[this.cell(row) + 1]!++;
    for (let cell = 0; cell < this.side * this.side; cell++) this.starts[cell + 1]! += this.starts[cell]!;
    this.rows = new Uint32Array(count);
    const next = this.starts.slice();
    for (let row = 0; row < count; row++) this.rows[next[this.cell(row)]!++] = row;
  }

  /** The row nearest to (x, y) within `reach`, among those that `wanted` accepts; -1 where there is none. */
  nearest(x: number, y: number, reach: number, wanted: (row: number) => boolean = () => true): number {
    let best = -1;
    let least = reach * reach;
    this.visit(x, y, reach, (row, squared) => {
      if ((squared < least || (squared === least && (best < 0 || row < best))) && wanted(row)) {
        least = squared;
        best = row;
      }
    });
    return best;
  }

  /** The `count` rows nearest to (x, y), nearest first, with their squared distances. */
  several(x: number, y: number, count: number, wanted: (row: number) => boolean = () => true): [number, number][] {
    let reach = (65536 / this.side) * 1.5;
    for (;;) {
      const found: [number, number][] = [];
      this.visit(x, y, reach, (row, squared) => {
        if (squared <= reach * reach && wanted(row)) found.push([row, squared]);
      });
      if (found.length >= count || reach > 2 * 65536) {
        return found.sort((a, b) => a[1] - b[1] || a[0] - b[0]).slice(0, count);
      }
      reach *= 2;
    }
  }

  /** The nearest row whose direction from (x, y) is closer to (dx, dy) than to any other arrow; -1 where there is none. */
  towards([x, y]: [number, number], [dx, dy]: [number, number], wanted: (row: number) => boolean): number {
    const ahead = (row: number): boolean => {
      const [ax, ay] = [this.xy[2 * row]! - x, this.xy[2 * row + 1]! - y];
      const forward = ax * dx + ay * dy;
      return forward > 0 && forward >= Math.abs(ax * dy - ay * dx) && wanted(row);
    };
    return this.several(x, y, 1, ahead)[0]?.[0] ?? -1;
  }

  /** Every row in the rectangle, and perhaps a few around it. */
  within(left: number, bottom: number, right: number, top: number, visit: (row: number) => void): void {
    const [c0, r0, c1, r1] = [this.line(left), this.line(bottom), this.line(right), this.line(top)];
    for (let r = r0; r <= r1; r++) {
      for (let i = this.starts[r * this.side + c0]!; i < this.starts[r * this.side + c1 + 1]!; i++) visit(this.rows[i]!);
    }
  }

  private visit(x: number, y: number, reach: number, seen: (row: number, squared: number) => void): void {
    this.within(x - reach, y - reach, x + reach, y + reach, (row) => {
      const dx = this.xy[2 * row]! - x;
      const dy = this.xy[2 * row + 1]! - y;
      seen(row, dx * dx + dy * dy);
    });
  }

  private cell(row: number): number {
    return this.line(this.xy[2 * row + 1]!) * this.side + this.line(this.xy[2 * row]!);
  }

  private line(value: number): number {
    return Math.max(0, Math.min(this.side - 1, Math.floor((value * this.side) / 65536)));
  }
}
