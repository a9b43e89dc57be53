/** Frames as an animated GIF that goes there and back, or round. */

import { applyPalette, GIFEncoder, quantize } from "gifenc";
import type { Loop } from "../state/path.svelte";
import { FRAME_MILLISECONDS, runOf, scaleOf } from "./film";

/** At both ends, so that the eye may rest. */
const REST = 600;
const COLOURS = 256;
/** Frames that the palette is made from. */
const SAMPLED = 32;

/** The canvases in order, small ones enlarged. */
export function gifOf(frames: readonly HTMLCanvasElement[], loop: Loop): Blob {
  const scale = scaleOf(frames[0]!);
  const step = Math.ceil(frames.length / SAMPLED);
  // one palette for all, so that nothing flickers
  const palette = quantize(joined(frames.filter((_, i) => i % step === 0).map((frame) => pixelsOf(frame, 1).data)), COLOURS);
  const [wide, tall] = [frames[0]!.width * scale, frames[0]!.height * scale];
  const there = frames.map((frame) => applyPalette(pixelsOf(frame, scale).data, palette));
  const gif = GIFEncoder();
  runOf(there.length, loop).forEach((frame, i) => {
    const delay = loop === "back" && (i === 0 || i === there.length - 1) ? REST : FRAME_MILLISECONDS;
    gif.writeFrame(there[frame]!, wide, tall, { palette: i ? undefined : palette, delay });
  });
  gif.finish();
  return new Blob([gif.bytes()], { type: "image/gif" });
}

function pixelsOf(source: HTMLCanvasElement, scale: number): ImageData {
  const canvas = new OffscreenCanvas(source.width * scale, source.height * scale);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function joined(parts: Uint8ClampedArray[]): Uint8ClampedArray {
  const whole = new Uint8ClampedArray(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
