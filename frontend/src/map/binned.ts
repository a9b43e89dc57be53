/** Points without a graphics card: colours are added up pixel by pixel, and shown by how many came together. */

import { pixelsPerUnit } from "./camera";
import { OUTSIDE, REACH } from "./shapes";
import { CHOSEN, FADED, type Layer, type Scene } from "./layer";

/** Pixel writes that a frame may cost; discs shrink to stay below. */
const MOST_WRITES = 4_000_000;
const GREY = 255;

interface Stamp {
  dx: Int32Array;
  dy: Int32Array;
  cover: Float32Array;
}

export class BinnedLayer implements Layer {
  readonly title = "canvas";
  private readonly context: CanvasRenderingContext2D;
  private xy = new Uint16Array();
  private colours = new Uint8Array();
  private palette = new Uint8Array(1024);
  private flags = new Uint8Array();
  private shapes = 0;
  private sums = new Float32Array();
  private image: ImageData | null = null;
  private width = 0;
  private height = 0;

  constructor(readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser can draw on no canvas");
    this.context = context;
  }

  setPoints(xy: Uint16Array<ArrayBuffer>): void {
    this.xy = xy;
  }

  setColours(colours: Uint8Array<ArrayBuffer>, palette: Uint8Array<ArrayBuffer>, shapes: number): void {
    this.colours = colours;
    this.shapes = shapes;
    this.palette = palette;
  }

  setFlags(flags: Uint8Array<ArrayBuffer>): void {
    this.flags = flags;
  }

  async draw(scene: Scene): Promise<number> {
    const began = performance.now();
    const { width, height } = this.canvas;
    if (!width || !height) return NaN;
    if (this.image?.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.sums = new Float32Array(4 * width * height);
      [this.width, this.height] = [width, height];
    }
    if (!scene.from) this.sums.fill(0);
    this.add(scene);
    this.resolve(scene.alpha, this.image.data);
    this.context.putImageData(this.image, 0, 0);
    return performance.now() - began;
  }

  destroy(): void {
    this.image = null;
    this.sums = new Float32Array();
    this.canvas.remove();
  }

  private add({ camera, size, ratio, radius, from, to }: Scene): void {
    const { width, height } = this;
    const unit = (pixelsPerUnit(camera, size) * ratio) / 65535;
    const left = width / 2 - camera.x * 65535 * unit;
    const top = height / 2 + camera.y * 65535 * unit;
    const rows = this.xy.length / 2;
    const affordable = Math.sqrt(MOST_WRITES / Math.max(1, rows) / Math.PI);
    const plain = this.stamps(Math.min(radius * ratio, affordable));
    const large = this.stamps(radius * ratio * 1.5);
    for (let row = from; row < Math.min(to, rows); row++) {
      const x = Math.round(this.xy[2 * row]! * unit + left);
      const y = Math.round(top - this.xy[2 * row + 1]! * unit);
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const flags = this.flags[row]!;
      const colour = this.colours[row]!;
      const stamps = flags & CHOSEN ? large : plain;
      this.stamp(x, y, stamps[colour] ?? stamps[0]!, flags & FADED ? GREY : colour, flags & FADED ? 0.35 : 1);
    }
  }

  /** A stamp for each shape in use. */
  private stamps(radius: number): Stamp[] {
    return OUTSIDE.slice(0, Math.max(1, this.shapes)).map((outside) => stampOf(radius, outside));
  }

  private stamp(x: number, y: number, stamp: Stamp, colour: number, weight: number): void {
    const { width, height } = this;
    const [red, green, blue] = [this.palette[4 * colour]!, this.palette[4 * colour + 1]!, this.palette[4 * colour + 2]!];
    for (let i = 0; i < stamp.cover.length; i++) {
      const px = x + stamp.dx[i]!;
      const py = y + stamp.dy[i]!;
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const at = 4 * (py * width + px);
      const cover = stamp.cover[i]! * weight;
      this.sums[at]! += red * cover;
      this.sums[at + 1]! += green * cover;
      this.sums[at + 2]! += blue * cover;
      this.sums[at + 3]! += cover;
    }
  }

  /** Mean colour of what fell on a pixel; several layers of `alpha` let less through than one. */
  private resolve(alpha: number, pixels: Uint8ClampedArray): void {
    const through = Math.log(1 - Math.min(alpha, 0.98));
    for (let at = 0; at < this.sums.length; at += 4) {
      const weight = this.sums[at + 3]!;
      if (weight === 0) {
        pixels[at + 3] = 0;
        continue;
      }
      pixels[at] = this.sums[at]! / weight;
      pixels[at + 1] = this.sums[at + 1]! / weight;
      pixels[at + 2] = this.sums[at + 2]! / weight;
      pixels[at + 3] = 255 * (1 - Math.exp(through * weight));
    }
  }
}

/** A shape's pixels and how much of each it covers. */
function stampOf(radius: number, outside: (typeof OUTSIDE)[number]): Stamp {
  const reach = Math.ceil(radius * REACH);
  const found: [number, number, number][] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const cover = Math.min(1, 0.5 - outside(dx, dy, radius));
      if (cover > 0) found.push([dx, dy, cover]);
    }
  }
  const pixels = found.length ? found : [[0, 0, 1] as [number, number, number]];
  return {
    dx: Int32Array.from(pixels, (p) => p[0]),
    dy: Int32Array.from(pixels, (p) => p[1]),
    cover: Float32Array.from(pixels, (p) => p[2]),
  };
}
