/** Rows that can be drawn small: pictures as they are, melodies and drums as piano rolls. */

import { toPixels } from "../decode/pixels";
import type { View } from "../wire";
import { musicOf, notesOf, stepsOf, toRaw } from "./notes";
import { drawRoll } from "./roll";

export interface Small {
  /** Of the canvas. */
  width: number;
  height: number;
  /** Whether its pixels are to be seen as squares. */
  crisp: boolean;
  draw: (context: CanvasRenderingContext2D, values: Float32Array, dark: boolean) => void;
}

const ROLL = { width: 128, height: 96 };
const MANY_STEPS = 64;

/** How rows of a space are drawn; null where they are none to draw. */
export function smallOf(view: View): Small | null {
  const { modality } = view;
  if (modality.kind === "image") {
    const { width, height } = modality;
    return { width, height, crisp: width <= 40, draw: (context, values) => context.putImageData(toPixels(values, modality), 0, 0) };
  }
  const music = musicOf(view);
  if (!music) return null;
  const box = { x: 0, y: 0, ...rollSize(stepsOf(music)) };
  return {
    ...box,
    crisp: false,
    draw: (context, values, dark) => drawRoll(context, music, [{ notes: notesOf(music, toRaw(music, values), values), tone: "note" }], box, dark, false),
  };
}

export function rollSize(steps: number): { width: number; height: number } {
  return steps > MANY_STEPS ? { width: 2 * ROLL.width, height: ROLL.height } : ROLL;
}
