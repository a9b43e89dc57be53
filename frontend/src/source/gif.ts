/** Frames as an animated GIF that goes there and back. */

import { applyPalette, GIFEncoder, quantize } from "gifenc";

const MILLISECONDS = 90;
/** At both ends, so that the eye may rest. */
const REST = 600;
const COLOURS = 256;

/** The canvases in order, each pixel of theirs `scale` wide. */
export function gifOf(canvases: readonly HTMLCanvasElement[], scale: number): Blob {
  const there = canvases.map((canvas) => enlarged(canvas, scale));
  // one palette for all, so that nothing flickers
  const palette = quantize(joined(there.map(({ data }) => data)), COLOURS);
  const gif = GIFEncoder();
  const back = there.slice(1, -1).reverse();
  [...there, ...back].forEach((frame, i) => {
    const delay = i === 0 || i === there.length - 1 ? REST : MILLISECONDS;
    gif.writeFrame(applyPalette(frame.data, palette), frame.width, frame.height, { palette: i ? undefined : palette, delay });
  });
  gif.finish();
  return new Blob([gif.bytes()], { type: "image/gif" });
}

function enlarged(source: HTMLCanvasElement, scale: number): ImageData {
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
