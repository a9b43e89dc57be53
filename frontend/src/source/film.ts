/** The frames of a path as pictures: as one sheet, or in the order of an animation. */

import type { Small } from "../kinds/picture";
import type { Loop } from "../state/path.svelte";

/** Pixels a side that every browser makes a picture of, and of the whole of one. */
const MOST_SIDE = 8192;
const MOST_PIXELS = 2 ** 26;
/** How long an animation shows each frame. */
export const FRAME_MILLISECONDS = 90;
/** Pixels of the longer side up to which small frames are enlarged. */
const LEAST_SIDE = 128;

/** Each of the decoded rows as a picture of its own. */
export function framesOf(small: Small, decoded: readonly Float32Array[], dark: boolean): HTMLCanvasElement[] {
  return decoded.map((values) => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [small.width, small.height];
    small.draw(canvas.getContext("2d")!, values, dark);
    return canvas;
  });
}

/** Numbers of the frames of one run of an animation that goes on and on. */
export function runOf(count: number, loop: Loop): number[] {
  const there = Array.from({ length: count }, (_, i) => i);
  // of a round the last is the first again
  return loop === "round" ? there.slice(0, -1) : [...there, ...there.slice(1, -1).reverse()];
}

/** By how much the pixels of small frames are enlarged. */
export function scaleOf({ width, height }: { width: number; height: number }): number {
  return Math.max(1, Math.floor(LEAST_SIDE / Math.max(width, height)));
}

/** Frames a line of a sheet, and how large each is: one line where that fits, else lines of about one length. */
export function layout(count: number, width: number, height: number): { across: number; scale: number } {
  const area = count * width * height;
  const scale = Math.min(scaleOf({ width, height }), Math.sqrt(MOST_PIXELS / area), MOST_SIDE / width);
  const lines = Math.ceil(count / Math.max(1, Math.floor(MOST_SIDE / (width * scale))));
  return { across: Math.ceil(count / lines), scale };
}

/** The frames side by side, line after line. */
export function sheetOf(frames: readonly HTMLCanvasElement[]): Promise<Blob> {
  const { width, height } = frames[0]!;
  const { across, scale } = layout(frames.length, width, height);
  const [wide, tall] = [Math.floor(width * scale), Math.floor(height * scale)];
  const sheet = new OffscreenCanvas(across * wide, Math.ceil(frames.length / across) * tall);
  const context = sheet.getContext("2d")!;
  context.imageSmoothingEnabled = scale < 1;
  frames.forEach((frame, i) => context.drawImage(frame, (i % across) * wide, Math.floor(i / across) * tall, wide, tall));
  return sheet.convertToBlob({ type: "image/png" });
}
