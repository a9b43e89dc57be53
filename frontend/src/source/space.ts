/** A space as the page has it: its view, and its arrays as they are asked for. */

import type { ArrayFile, Host, MapView, NumberColumn, CategoryColumn, Report, View } from "../wire";
import { asArray, fetchChecked, fetchJson, FileProblem, parsed, type Numbers } from "./files";

const VIEW_VERSION = 1;
export type Column = CategoryColumn | NumberColumn;

/** Coordinates of the rows on a map in [0, 65535], and the way to its units. */
export interface Points {
  xy: Uint16Array<ArrayBuffer>;
  scale: [number, number];
  offset: [number, number];
}

export async function openHost(): Promise<Host> {
  const host = await fetchJson<Host>("host.json");
  refuseNewer(host.version, "host.json");
  if (!host.spaces?.length) throw new FileProblem("This site holds no space. Make one with: latentarium export BUNDLE SITE");
  return host;
}

function refuseNewer(version: unknown, file: string): void {
  if (typeof version !== "number" || version > VIEW_VERSION) {
    throw new FileProblem(`${file} is of version ${String(version)}, this page reads up to ${VIEW_VERSION}. Export again with one release.`);
  }
}

export class Space {
  private readonly waiting = new Map<string, Promise<Numbers>>();
  private codes: Numbers | null = null;

  private constructor(
    readonly path: string,
    readonly view: View,
  ) {}

  static async open(path: string): Promise<Space> {
    const view = await fetchJson<View>(`${path}/view.json`);
    refuseNewer(view.version, "view.json");
    return new Space(path, view);
  }

  get base(): string {
    return `${this.path}/`;
  }

  get rows(): number {
    return this.view.rows;
  }

  get dim(): number {
    return this.view.dim;
  }

  bytes(name: string): Promise<ArrayBuffer> {
    return fetchChecked(this.base, name, this.view.files);
  }

  async json<T>(name: string): Promise<T> {
    return parsed<T>(name, await this.bytes(name));
  }

  array(file: ArrayFile): Promise<Numbers> {
    const known = this.waiting.get(file.file);
    if (known) return known;
    const coming = this.bytes(file.file).then((bytes) => asArray(file, bytes));
    this.waiting.set(file.file, coming);
    // a file that failed is asked for again the next time
    coming.catch(() => this.waiting.delete(file.file));
    return coming;
  }

  async points(map: MapView): Promise<Points> {
    const xy = (await this.array(map.points.array)) as Uint16Array<ArrayBuffer>;
    const { scale, offset } = map.points;
    return { xy, scale: [scale[0]!, scale[1]!], offset: [offset[0]!, offset[1]!] };
  }

  /** Any two dimensions as a map, made from the codes. */
  dimensionPoints(first: number, second: number): Points {
    const { scale, offset } = this.view.latent;
    const codes = this.needCodes();
    const most = this.view.latent.array.dtype === "u8" ? 255 : 65535;
    const span = Math.max(scale[first]!, scale[second]!) * most;
    const xy = new Uint16Array(2 * this.rows);
    const low = [first, second].map((d) => offset[d]! + (scale[d]! * most) / 2 - span / 2) as [number, number];
    for (let row = 0; row < this.rows; row++) {
      const at = row * this.dim;
      xy[2 * row] = ((codes[at + first]! * scale[first]! + offset[first]! - low[0]) / span) * 65535;
      xy[2 * row + 1] = ((codes[at + second]! * scale[second]! + offset[second]! - low[1]) / span) * 65535;
    }
    return { xy, scale: [span / 65535, span / 65535], offset: low };
  }

  async loadCodes(): Promise<Numbers> {
    this.codes = await this.array(this.view.latent.array);
    return this.codes;
  }

  get hasCodes(): boolean {
    return this.codes !== null;
  }

  /** All codes as they are stored; they must have been loaded. */
  get codeNumbers(): Numbers {
    return this.needCodes();
  }

  /** The code of a row; the codes must have been loaded. */
  code(row: number): Float32Array {
    const codes = this.needCodes();
    const { scale, offset } = this.view.latent;
    return Float32Array.from({ length: this.dim }, (_, d) => codes[row * this.dim + d]! * scale[d]! + offset[d]!);
  }

  async ids(): Promise<string[]> {
    return this.json<string[]>(this.view.ids);
  }

  async report(): Promise<Report | null> {
    if (!this.view.report) return null;
    return this.json<Report>(this.view.report);
  }

  private needCodes(): Numbers {
    if (!this.codes) throw new Error("the codes are not loaded yet");
    return this.codes;
  }
}
