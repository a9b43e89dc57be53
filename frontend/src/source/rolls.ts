/** Small piano rolls of rows, drawn from their notes. */

import { notesOf, stepsOf, type MusicKind } from "../kinds/notes";
import { rollSize } from "../kinds/picture";
import { drawRoll } from "../kinds/roll";
import { Inputs } from "./inputs";
import type { Thumbnails } from "./sheets";
import type { Space } from "./space";

export class Rolls implements Thumbnails {
  readonly thumbs: { width: number; height: number };

  private constructor(
    private readonly kind: MusicKind,
    private readonly inputs: Inputs,
    private readonly dark: () => boolean,
  ) {
    this.thumbs = rollSize(stepsOf(kind));
  }

  static async open(space: Space, kind: MusicKind, dark: () => boolean): Promise<Rolls | null> {
    const inputs = await Inputs.open(space);
    return inputs && new Rolls(kind, inputs, dark);
  }

  has(row: number): boolean {
    return this.inputs.has(row);
  }

  draw(context: CanvasRenderingContext2D, row: number, x: number, y: number, width: number, height: number): boolean {
    const raw = this.inputs.row(row);
    if (!raw) return false;
    drawRoll(context, this.kind, [{ notes: notesOf(this.kind, raw), tone: "note" }], { x, y, width, height }, this.dark(), false);
    return true;
  }
}
