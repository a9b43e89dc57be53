/** Rows as they are, small, in the form in which codes are searched. */

import { toPixels } from "../decode/pixels";
import { musicOf, toArray } from "../kinds/notes";
import { textArray, textOf } from "../kinds/text";
import { Inputs } from "../source/inputs";
import type { Sheets } from "../source/sheets";
import type { Space } from "../source/space";
import type { ImageKind } from "../wire";
import { Search, type Near } from "./near";

/** Rows and bytes that are compared; rows are in random order. */
const MOST_ROWS = 10_000;
const MOST_BYTES = 2 ** 25;
/** Pixels of the longer side that pictures are brought to. */
const SIDE = 32;
/** Pictures that are drawn on one canvas. */
const AT_ONCE = 256;

export class DataSearch {
  private readonly search = new Search();

  private constructor(
    /** Rows that are compared, by their places. */
    readonly rows: readonly number[],
    width: number,
    scale: number,
    codes: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
    private readonly vector: (values: Float32Array) => Float32Array,
  ) {
    this.search.open({ codes, scale: new Array<number>(width).fill(scale), offset: new Array<number>(width).fill(0) });
  }

  /** The rows of a space that came along; null where too few did. */
  static async open(space: Space, sheets: Sheets | null): Promise<DataSearch | null> {
    const { modality } = space.view;
    if (modality.kind === "image") return sheets && DataSearch.ofPictures(space, sheets, modality);
    const inputs = await Inputs.open(space);
    return inputs && DataSearch.ofInputs(space, inputs);
  }

  /** The rows nearest to `values`, which are in array units, by the distance of what they are. */
  async ask(values: Float32Array, count: number): Promise<Near> {
    const [near] = await this.search.ask([this.vector(values)], count, this.rows.length);
    return { rows: near!.rows.map((place) => this.rows[place] ?? -1), distances: near!.distances };
  }

  close(): void {
    this.search.close();
  }

  private static async ofPictures(space: Space, sheets: Sheets, kind: ImageKind): Promise<DataSearch | null> {
    const ratio = Math.min(1, SIDE / Math.max(kind.width, kind.height));
    const [wide, tall] = [Math.max(1, Math.round(kind.width * ratio)), Math.max(1, Math.round(kind.height * ratio))];
    const channels = kind.channels === 1 ? 1 : 3;
    const width = wide * tall * channels;
    const rows = placesOf(space, (row) => sheets.has(row), width);
    if (rows.length < 2) return null;
    const canvas = new OffscreenCanvas(wide, tall * AT_ONCE);
    const context = canvas.getContext("2d", { willReadFrequently: true }) as unknown as CanvasRenderingContext2D;
    const codes = new Uint8Array(rows.length * width);
    for (let from = 0; from < rows.length; from += AT_ONCE) {
      const some = rows.slice(from, from + AT_ONCE);
      for (const row of some) await sheets.ready(row);
      context.clearRect(0, 0, canvas.width, canvas.height);
      some.forEach((row, i) => sheets.draw(context, row, 0, i * tall, wide, tall));
      const { data } = context.getImageData(0, 0, wide, some.length * tall);
      for (let i = 0; i < some.length * wide * tall; i++) for (let c = 0; c < channels; c++) codes[(from * wide * tall + i) * channels + c] = data[4 * i + c]!;
    }
    const one = new OffscreenCanvas(kind.width, kind.height);
    const vector = (values: Float32Array): Float32Array => {
      one.getContext("2d")!.putImageData(toPixels(values, kind), 0, 0);
      context.clearRect(0, 0, wide, tall);
      context.drawImage(one, 0, 0, wide, tall);
      const { data } = context.getImageData(0, 0, wide, tall);
      return Float32Array.from({ length: width }, (_, i) => data[4 * Math.floor(i / channels) + (i % channels)]! / 255);
    };
    return new DataSearch(rows, width, 1 / 255, codes, vector);
  }

  private static ofInputs(space: Space, inputs: Inputs): DataSearch | null {
    const { view } = space;
    const [music, written] = [musicOf(view), textOf(view)];
    const arrayOf = (row: number): Float32Array => {
      const stored = inputs.row(row)!;
      return music ? toArray(music, stored) : written ? textArray(written, stored) : (stored as Float32Array);
    };
    const first = Array.from({ length: space.rows }, (_, row) => row).find((row) => inputs.has(row));
    if (first === undefined) return null;
    const width = arrayOf(first).length;
    // symbols are there or not; a table has numbers
    const Kind = music || written ? Uint8Array : Float32Array;
    const rows = placesOf(space, (row) => inputs.has(row), width * Kind.BYTES_PER_ELEMENT);
    if (rows.length < 2) return null;
    const codes = new Kind(rows.length * width);
    rows.forEach((row, i) => codes.set(arrayOf(row), i * width));
    return new DataSearch(rows, width, 1, codes, (values) => values);
  }
}

function placesOf(space: Space, has: (row: number) => boolean, bytes: number): number[] {
  const most = Math.min(MOST_ROWS, Math.floor(MOST_BYTES / bytes));
  const rows: number[] = [];
  for (let row = 0; row < space.rows && rows.length < most; row++) if (has(row)) rows.push(row);
  return rows;
}
