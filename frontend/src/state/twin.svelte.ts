/** A second space on the same rows: what becomes of the row on the stage there, and what lies around it. */

import { Search, type Near } from "../near/near";
import type { Pairs } from "../near/overlap";
import { Sheets } from "../source/sheets";
import { Space } from "../source/space";
import type { NumberColumn, Report, SpaceEntry } from "../wire";
import type { Explorer } from "./explorer.svelte";
import { join, OVERLAP, type Joined } from "./join";
import { MapState } from "./map.svelte";
import { Stage } from "./stage.svelte";

export const NEIGHBOURS = 10;
/** Shared rows whose neighbours are compared among themselves: what a page can do in about a second. */
const COMPARED = 4000;

/** Neighbours of one row in both spaces, as rows of the first. */
export interface Around {
  row: number;
  here: number[];
  there: number[];
}

export class Twin {
  readonly map: MapState;
  readonly stage: Stage;
  around = $state.raw<Around | null>(null);
  /** Mean overlap of neighbours, and over how many rows; null until it is known. */
  overlap = $state.raw<{ mean: number; rows: number } | null>(null);
  reports = $state.raw<[Report | null, Report | null]>([null, null]);
  private comparing: Worker | null = null;
  /** Done when the overlap is known, or never will be. */
  compared: Promise<void> = Promise.resolve();

  private constructor(
    private readonly x: Explorer,
    readonly space: Space,
    readonly joined: Joined,
    private readonly search: Search,
  ) {
    this.map = new MapState(space);
    const same = space.view.maps.find(({ name }) => name === x.map.name);
    if (same) this.map.name = same.name;
    this.stage = new Stage(space, x.host.api, search, x.choices.decoder);
  }

  static async open(x: Explorer, entry: SpaceEntry): Promise<Twin> {
    const space = await Space.open(entry.path);
    const [codes, own, other] = await Promise.all([space.loadCodes(), x.space.ids(), space.ids()]);
    const search = new Search();
    const { scale, offset } = space.view.latent;
    search.open({ codes, scale, offset });
    const twin = new Twin(x, space, join(own, other), search);
    if (!twin.joined.shared) return twin;
    try {
      twin.stage.sheets = await Sheets.open(space, () => undefined, x.tell);
      await twin.map.open();
    } catch (error) {
      twin.close();
      throw error;
    }
    void twin.stage.open();
    void Promise.all([x.space.report(), space.report()]).then((reports) => (twin.reports = reports), () => undefined);
    twin.compared = twin.compare();
    twin.compared.catch(() => undefined);
    return twin;
  }

  close(): void {
    this.search.close();
    this.stage.close();
    this.comparing?.terminate();
  }

  /** Row of the second space for a row of the first, -1 where it has none. */
  there(row: number): number {
    return row >= 0 ? this.joined.there[row]! : -1;
  }

  /** The rows of the first space whose codes in the second are nearest to that of a row they share, -1 for those of the second alone. */
  async nearest(row: number, count: number): Promise<Near> {
    const [near] = await this.search.ask([this.space.code(this.there(row))], count, this.space.rows);
    return { rows: near!.rows.map((one) => (one < 0 ? -1 : this.joined.back[one]!)), distances: near!.distances };
  }

  /** Bring the row that is on the first stage to the second. */
  async follow(row: number): Promise<void> {
    const other = this.there(row);
    if (other < 0) {
      this.around = null;
      return;
    }
    this.stage.showRow(other);
    const ask = (search: Search, z: Float32Array, rows: number) => search.ask([z], NEIGHBOURS + 1, rows);
    const [[here], [there]] = await Promise.all([
      ask(this.x.search, this.x.space.code(row), this.x.space.rows),
      ask(this.search, this.space.code(other), this.space.rows),
    ]);
    if (this.stage.row !== other || !here || !there) return;
    const others = (rows: readonly number[], itself: number) => rows.filter((one) => one >= 0 && one !== itself).slice(0, NEIGHBOURS);
    const back = others(there.rows, other).map((one) => this.joined.back[one]!);
    this.around = { row, here: others(here.rows, row), there: back };
  }

  /** Find how much the neighbours of rows agree, and offer it as a colour. */
  private compare(): Promise<void> {
    const { there } = this.joined;
    const rows: [number, number][] = [];
    for (let row = 0; row < there.length && rows.length < COMPARED; row++) if (there[row]! >= 0) rows.push([row, there[row]!]);
    const worker = new Worker(new URL("../near/overlap.worker.ts", import.meta.url), { type: "module" });
    this.comparing = worker;
    worker.postMessage({ first: packed(this.x.space), second: packed(this.space), rows, neighbours: NEIGHBOURS } satisfies Pairs);
    return new Promise<Float32Array<ArrayBuffer>>((done, failed) => {
      worker.onerror = failed;
      worker.onmessage = ({ data }: MessageEvent<Float32Array<ArrayBuffer>>) => done(data);
    }).finally(() => worker.terminate()).then((data) => {
      const values = new Float32Array(there.length).fill(NaN);
      rows.forEach(([row], i) => (values[row] = data[i]!));
      const known = data.filter((value) => !Number.isNaN(value));
      this.overlap = { mean: known.reduce((sum, value) => sum + value, 0) / known.length, rows: known.length };
      this.x.map.add(columnOf(known), values);
    });
  }
}

function packed(space: Space): Pairs["first"] {
  const { scale, offset } = space.view.latent;
  return { codes: space.codeNumbers, scale, offset };
}

function columnOf(values: Float32Array<ArrayBuffer>): NumberColumn {
  const sorted = values.slice().sort();
  const percentiles = Array.from({ length: 101 }, (_, p) => sorted[Math.round((p / 100) * (sorted.length - 1))] ?? 0);
  const array = { file: "", dtype: "f32" as const, shape: [values.length] };
  return { kind: "number", name: OVERLAP, title: "Shared neighbours", values: array, low: percentiles[0]!, high: percentiles[100]!, percentiles };
}
