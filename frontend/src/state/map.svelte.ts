/** The map: which one, where it is looked at, what is coloured, filtered, selected and under the pointer. */

import { toMap, toScreen, WHOLE, type Camera, type Size } from "../map/camera";
import { Grid } from "../map/grid";
import { CHOSEN, FADED } from "../map/layer";
import { encloses } from "../map/polygon";
import type { Ground } from "../map/back";
import type { Painted } from "../map/painter";
import type { Numbers } from "../source/files";
import type { Column, Space } from "../source/space";
import type { LinearMap, NumberColumn } from "../wire";

/** Name of the map of any two dimensions. */
export const DIMENSIONS = "dims";
export type Tool = "select" | "lasso" | "probe";

export class MapState {
  name = $state("");
  pair = $state.raw<[number, number]>([0, 1]);
  ground = $state.raw<Ground | null>(null);
  camera = $state.raw<Camera>(WHOLE);
  size = $state.raw<Size>({ width: 1, height: 1 });
  /** Pixels at the lower edge that a drawer lies over. */
  covered = $state(0);
  tool = $state<Tool>("select");
  pictures = $state(false);
  colour = $state("");
  values = $state.raw<Numbers | null>(null);
  hidden = $state.raw<ReadonlySet<number>>(new Set());
  chosen = $state.raw<Uint8Array<ArrayBuffer> | null>(null);
  /** Rows that a search found; null without one. */
  found = $state.raw<Uint8Array<ArrayBuffer> | null>(null);
  hover = $state(-1);
  /** Rows that are ringed, because a pane lists them. */
  marks = $state.raw<readonly number[]>([]);
  painted = $state.raw<Painted | null>(null);
  /** Why the map, or its colours, cannot be had. */
  private groundProblem = $state("");
  private colourProblem = $state("");

  /** Columns that were found out here, and no file holds. */
  added = $state.raw<ReadonlyMap<string, [NumberColumn, Numbers]>>(new Map());
  columns: Column[] = $derived.by(() => [...this.space.view.columns, ...[...this.added.values()].map(([column]) => column)]);
  column: Column | null = $derived.by(() => this.columns.find((c) => c.name === this.colour) ?? null);
  chosenRows: number[] = $derived.by(() => {
    const rows: number[] = [];
    this.chosen?.forEach((on, row) => on && rows.push(row));
    return rows;
  });
  /** What is left after the legend's boxes. */
  flags: Uint8Array<ArrayBuffer> = $derived.by(() => this.makeFlags());
  matching: number = $derived.by(() => this.flags.reduce((count, flag) => count + (flag & FADED ? 0 : 1), 0));

  /** The map that is shown at first, and what its rows are coloured by. */
  readonly firstName: string;
  readonly firstColour: string;

  constructor(readonly space: Space) {
    const { view } = space;
    this.name = this.firstName = view.maps[0]?.name ?? DIMENSIONS;
    const label = view.columns.find((c) => c.name === "label") ?? view.columns.find((c) => c.kind === "category");
    this.firstColour = (label ?? view.columns[0])?.name ?? "";
    this.colour = this.firstColour;
  }

  /** Load what the chosen map needs. */
  async open(): Promise<void> {
    const wanted = `${this.name} ${this.pair.join()}`;
    const { space } = this;
    const stored = space.view.maps.find((map) => map.name === this.name);
    try {
      if (!stored) await space.loadCodes();
      const points = stored ? await space.points(stored) : space.dimensionPoints(...this.pair);
      if (wanted !== `${this.name} ${this.pair.join()}`) return;
      const linear = stored ? stored.linear : this.dimensionAxes();
      this.ground = { space, points, grid: new Grid(points.xy), linear };
      this.groundProblem = "";
    } catch (error) {
      this.groundProblem = error instanceof Error ? error.message : String(error);
    }
  }

  get problem(): string {
    return this.groundProblem || this.colourProblem;
  }

  async show(name: string, pair: [number, number] = this.pair): Promise<void> {
    this.name = name;
    this.pair = pair;
    this.camera = WHOLE;
    this.hover = -1;
    await this.open();
  }

  async colourBy(name: string): Promise<void> {
    this.colour = name;
    this.hidden = new Set();
    this.values = null;
    this.colourProblem = "";
    const column = this.column;
    if (!column) return;
    try {
      const values = this.added.get(name)?.[1] ?? (await this.space.array(column.values));
      if (this.colour === name) this.values = values;
    } catch (error) {
      if (this.colour === name) this.colourProblem = error instanceof Error ? error.message : String(error);
    }
  }

  /** Offer another column to colour by. */
  add(column: NumberColumn, values: Numbers): void {
    this.added = new Map([...this.added, [column.name, [column, values]]]);
    if (this.colour === column.name) void this.colourBy(column.name);
  }

  toggle(index: number): void {
    const next = new Set(this.hidden);
    if (!next.delete(index)) next.add(index);
    this.hidden = next;
  }

  /** Show one class alone, or all again where it is alone already. */
  only(index: number): void {
    const { column } = this;
    if (column?.kind !== "category") return;
    const others = column.names.map((_, i) => i).filter((i) => i !== index);
    const alone = !this.hidden.has(index) && others.every((i) => this.hidden.has(i));
    this.hidden = new Set(alone ? [] : others);
  }

  /** Take a row into the selection, or out of it. */
  toggleChosen(row: number): void {
    const rows = this.chosenRows;
    this.choose(rows.includes(row) ? rows.filter((one) => one !== row) : [...rows, row]);
  }

  /** Rows that the legend and the search show and that lie within sight. */
  rowsInSight(): number[] {
    const { camera, size } = this;
    const [left, top] = toMap(camera, size, 0, 0);
    const [right, bottom] = toMap(camera, size, size.width, size.height);
    const rows: number[] = [];
    for (let row = 0; row < this.space.rows; row++) {
      const [x, y] = this.place(row);
      if (x >= left && x <= right && y >= bottom && y <= top && !this.isHidden(row)) rows.push(row);
    }
    return rows;
  }

  choose(rows: readonly number[]): void {
    if (!rows.length) {
      this.chosen = null;
      return;
    }
    const chosen = new Uint8Array(this.space.rows);
    rows.forEach((row) => (chosen[row] = 1));
    this.chosen = chosen;
  }

  /** Select what a line of corners in map units encloses. */
  chooseWithin(corners: readonly [number, number][]): void {
    const { ground } = this;
    if (!ground || corners.length < 3) return this.choose([]);
    const scaled = corners.map(([x, y]) => [x * 65535, y * 65535] as [number, number]);
    const [xs, ys] = [scaled.map(([x]) => x), scaled.map(([, y]) => y)];
    const found: number[] = [];
    ground.grid.within(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys), (row) => {
      if (this.isHidden(row)) return;
      if (encloses(scaled, ground.points.xy[2 * row]!, ground.points.xy[2 * row + 1]!)) found.push(row);
    });
    this.choose(found);
  }

  isHidden(row: number): boolean {
    if (this.found && !this.found[row]) return true;
    return this.hidden.size > 0 && this.column?.kind === "category" && this.hidden.has(this.values?.[row] ?? -1);
  }

  /** Map units of a row. */
  place(row: number): [number, number] {
    const xy = this.ground?.points.xy;
    return xy ? [xy[2 * row]! / 65535, xy[2 * row + 1]! / 65535] : [0.5, 0.5];
  }

  /** Move the map where a row is out of sight, so that it is in the middle of what can be seen. */
  keepInSight(row: number): void {
    const { size, camera, covered } = this;
    const [px, py] = this.place(row);
    const [left, top] = toScreen(camera, size, px, py);
    const margin = 40;
    const inside = left > margin && top > margin && left < size.width - margin && top < size.height - covered - margin;
    if (inside) return;
    const centred = { ...camera, x: px, y: py };
    const [, lowered] = toScreen(centred, size, px, py - 0.01);
    const [, middle] = toScreen(centred, size, px, py);
    this.camera = { ...centred, y: py - (0.01 * covered) / 2 / (lowered - middle) };
  }

  private dimensionAxes(): LinearMap {
    const unit = (at: number) => Array.from({ length: this.space.dim }, (_, d) => Number(d === at));
    return { mean: new Array<number>(this.space.dim).fill(0), axes: this.pair.map(unit) };
  }

  private makeFlags(): Uint8Array<ArrayBuffer> {
    const flags = new Uint8Array(this.space.rows);
    const { chosen } = this;
    for (let row = 0; row < flags.length; row++) {
      const out = this.isHidden(row) || (chosen !== null && !chosen[row]);
      flags[row] = out ? FADED : chosen ? CHOSEN : 0;
    }
    return flags;
  }
}
