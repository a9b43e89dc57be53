/** Arrays in [0, 1], channels first, as pixels and back. */

import type { ImageKind } from "../wire";

export function toPixels(values: Float32Array, { channels, width, height }: ImageKind): ImageData {
  const image = new ImageData(width, height);
  const plane = width * height;
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      // grey is shown by all three, two channels are red and green
      const own = channels === 1 ? values[i]! : c < channels ? values[c * plane + i]! : 0;
      image.data[4 * i + c] = Math.round(255 * Math.min(1, Math.max(0, own)));
    }
    image.data[4 * i + 3] = channels === 4 ? Math.round(255 * Math.min(1, Math.max(0, values[3 * plane + i]!))) : 255;
  }
  return image;
}

/** Pixels of any size as values of the space's size, channels first. */
export function toValues(image: ImageData, { channels }: ImageKind): Float32Array {
  const plane = image.width * image.height;
  const values = new Float32Array(channels * plane);
  for (let i = 0; i < plane; i++) {
    const [r, g, b, a] = image.data.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const own = channels === 1 ? [0.299 * r + 0.587 * g + 0.114 * b] : [r, g, b, a];
    for (let c = 0; c < channels; c++) values[c * plane + i] = own[c]! / 255;
  }
  return values;
}

/** Values of a picture at a smaller size: means over what each pixel covers. */
export function shrunk(values: Float32Array, from: ImageKind, to: ImageKind): Float32Array {
  const [rows, columns] = [parts(from.height, to.height), parts(from.width, to.width)];
  const small = new Float32Array(from.channels * to.height * to.width);
  for (let c = 0, at = 0; c < from.channels; c++) {
    for (const row of rows) {
      for (const column of columns) {
        let sum = 0;
        for (const [y, tall] of row) for (const [x, wide] of column) sum += values[(c * from.height + y) * from.width + x]! * tall * wide;
        small[at++] = sum;
      }
    }
  }
  return small;
}

/** For each of `count` parts of a line, which of its `length` pixels it covers, and the share of each. */
function parts(length: number, count: number): [number, number][][] {
  const step = length / count;
  return Array.from({ length: count }, (_, i) => {
    const covered: [number, number][] = [];
    for (let y = Math.floor(i * step); y < Math.min(length, (i + 1) * step); y++) {
      const share = (Math.min(y + 1, (i + 1) * step) - Math.max(y, i * step)) / step;
      if (share > 0) covered.push([y, share]);
    }
    return covered;
  });
}

/** Where `decoded` is brighter than `input` (orange) and where darker (blue), the mean over the channels. */
export function toDifference(decoded: Float32Array, input: Float32Array, kind: ImageKind, ground: number): ImageData {
  const { channels, width, height } = kind;
  const image = new ImageData(width, height);
  const plane = width * height;
  const colours = Math.min(channels, 3);
  for (let i = 0; i < plane; i++) {
    let sum = 0;
    for (let c = 0; c < colours; c++) sum += decoded[c * plane + i]! - input[c * plane + i]!;
    const share = Math.max(-1, Math.min(1, (2 * sum) / colours));
    const goal = share > 0 ? [240, 127, 60] : [74, 159, 224];
    goal.forEach((value, c) => (image.data[4 * i + c] = ground + (value - ground) * Math.abs(share)));
    image.data[4 * i + 3] = 255;
  }
  return image;
}

/** A picture cut to the space's proportions around its middle and brought to its size. */
export function fitted(source: ImageBitmap, { width, height }: ImageKind): ImageData {
  const scale = Math.max(width / source.width, height / source.height);
  const [w, h] = [source.width * scale, source.height * scale];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h);
  return context.getImageData(0, 0, width, height);
}
