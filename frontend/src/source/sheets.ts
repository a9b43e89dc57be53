/** Small pictures of rows, cut from sheets that are fetched when one of their rows is first shown. */

import type { Thumbs } from "../wire";
import { FileProblem } from "./files";
import type { Space } from "./space";

/** Milliseconds after which a sheet that failed is asked for again. */
const AGAIN = 10_000;

/** Where small pictures of rows come from. */
export interface Thumbnails {
  readonly thumbs: { width: number; height: number };
  has(row: number): boolean;
  /** Draw a row, or say no where it has yet to arrive. */
  draw(context: CanvasRenderingContext2D, row: number, x: number, y: number, width: number, height: number): boolean;
}

export class Sheets implements Thumbnails {
  private readonly sheets = new Map<number, ImageBitmap>();
  private readonly coming = new Map<number, Promise<void>>();
  private cells: Map<number, number> | null = null;

  private constructor(
    private readonly space: Space,
    readonly thumbs: Thumbs,
    private readonly arrived: () => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** The sheets of a space that has any; `arrived` is called whenever another one can be drawn from, `failed` where one cannot be had. */
  static async open(space: Space, arrived: () => void, failed: (error: unknown) => void): Promise<Sheets | null> {
    const thumbs = space.view.thumbs;
    if (!thumbs) return null;
    const sheets = new Sheets(space, thumbs, arrived, failed);
    if (thumbs.rows) {
      const rows = await space.array(thumbs.rows);
      sheets.cells = new Map(Array.from(rows, (row, cell) => [row, cell]));
    }
    return sheets;
  }

  has(row: number): boolean {
    return this.cell(row) >= 0;
  }

  /** Draw a row's picture, or ask for its sheet and say no. */
  draw(context: CanvasRenderingContext2D, row: number, x: number, y: number, width: number, height: number): boolean {
    const cell = this.cell(row);
    if (cell < 0) return false;
    const number = Math.floor(cell / this.thumbs.per_sheet);
    const sheet = this.sheets.get(number);
    if (!sheet) {
      void this.fetch(number);
      return false;
    }
    const [left, top] = this.corner(cell);
    context.drawImage(sheet, left, top, this.thumbs.width, this.thumbs.height, x, y, width, height);
    return true;
  }

  /** A row's picture as RGBA bytes in its stored size; null where there is none. */
  async pixels(row: number): Promise<ImageData | null> {
    const cell = this.cell(row);
    if (cell < 0) return null;
    await this.fetch(Math.floor(cell / this.thumbs.per_sheet));
    const canvas = new OffscreenCanvas(this.thumbs.width, this.thumbs.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) return null;
    this.draw(context as unknown as CanvasRenderingContext2D, row, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height);
  }

  /** Whether the row was at hand when the view was made, with a picture here or without. */
  known(row: number): boolean {
    return !this.cells || this.cells.has(row);
  }

  /** Fetch what a row is drawn from. */
  ready(row: number): Promise<void> {
    return this.fetch(Math.floor(this.cell(row) / this.thumbs.per_sheet));
  }

  private cell(row: number): number {
    if (this.cells) return this.cells.get(row) ?? -1;
    return row < this.thumbs.count ? row : -1;
  }

  private corner(cell: number): [number, number] {
    const place = cell % this.thumbs.per_sheet;
    const { across, width, height } = this.thumbs;
    return [(place % across) * width, Math.floor(place / across) * height];
  }

  private fetch(number: number): Promise<void> {
    const known = this.coming.get(number);
    if (known) return known;
    const coming = this.bitmap(this.thumbs.sheets[number]!).then((sheet) => {
      this.sheets.set(number, sheet);
      this.arrived();
    });
    this.coming.set(number, coming);
    coming.catch((error: unknown) => {
      this.failed(error);
      // it is drawn again and again, and must not be asked for as often
      setTimeout(() => this.coming.delete(number), AGAIN);
    });
    return coming;
  }

  private async bitmap(name: string): Promise<ImageBitmap> {
    const bytes = await this.space.bytes(name);
    return createImageBitmap(new Blob([bytes], { type: "image/webp" })).catch(() => {
      throw new FileProblem(`${name} is damaged: it is no picture.`);
    });
  }
}
