/** When the points are drawn, and how many of them: all at rest, as many as a frame allows while the map moves. */

import type { Camera, Size } from "./camera";
import { makeLayer, type Layer, type LayerChoice } from "./layer";

export interface Painted {
  drawn: number;
  total: number;
  milliseconds: number;
  by: string;
}

const FRAME = 30;
const REST = 140;
const LEAST = 10_000;
const MOST_RATIO = 2;

export class Painter {
  readonly layer: Layer;
  private camera: Camera = { x: 0.5, y: 0.5, k: 1 };
  private size: Size = { width: 1, height: 1 };
  private rows = 0;
  private cost = 0;
  private waiting = 0;
  private rest = 0;
  frames = 0;

  constructor(
    host: HTMLElement,
    rows: number,
    choice: LayerChoice,
    private readonly painted: (facts: Painted) => void,
  ) {
    this.layer = makeLayer(host, rows, choice, () => this.still());
  }

  setPoints(xy: Uint16Array<ArrayBuffer>): void {
    this.rows = xy.length / 2;
    this.layer.setPoints(xy);
    this.still();
  }

  setColours(colours: Uint8Array<ArrayBuffer>, palette: Uint8Array<ArrayBuffer>): void {
    this.layer.setColours(colours, palette);
    this.still();
  }

  setFlags(flags: Uint8Array<ArrayBuffer>): void {
    this.layer.setFlags(flags);
    this.still();
  }

  setSize(size: Size): void {
    const ratio = pixelRatio();
    this.size = size;
    this.layer.canvas.width = Math.round(size.width * ratio);
    this.layer.canvas.height = Math.round(size.height * ratio);
    this.still();
  }

  /** Look from elsewhere; more points follow once the camera rests. */
  setCamera(camera: Camera): void {
    this.camera = camera;
    const count = this.cost > FRAME ? Math.max(LEAST, Math.floor((this.rows * FRAME) / this.cost)) : this.rows;
    this.schedule(Math.min(count, this.rows));
    clearTimeout(this.rest);
    if (count < this.rows) this.rest = setTimeout(() => this.still(), REST) as unknown as number;
  }

  destroy(): void {
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.rest);
    this.layer.destroy();
  }

  private still(): void {
    this.schedule(this.rows);
  }

  private schedule(count: number): void {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => this.draw(count));
  }

  private draw(count: number): void {
    const began = performance.now();
    const { radius, alpha } = lookOf(this.rows, this.size, this.camera.k);
    this.layer.draw({ camera: this.camera, size: this.size, ratio: pixelRatio(), radius, alpha, count });
    const milliseconds = performance.now() - began;
    if (count === this.rows) this.cost = milliseconds;
    this.frames++;
    this.painted({ drawn: count, total: this.rows, milliseconds, by: this.layer.title });
  }
}

export function pixelRatio(): number {
  return Math.min(MOST_RATIO, window.devicePixelRatio || 1);
}

/** Points shrink and become transparent where there are many, and grow again as one comes closer. */
function lookOf(rows: number, { width, height }: Size, k: number): { radius: number; alpha: number } {
  const area = Math.max(1, Math.min(width, height)) ** 2;
  const spacing = Math.sqrt(area / Math.max(1, rows));
  // few points are discs that one can hit, larger on large screens
  const most = Math.max(4.2, Math.min(width, height) / 190);
  const radius = Math.min(1.7 * most, Math.max(1.1, Math.min(most, spacing * 0.17)) * k ** 0.3);
  const coverage = (rows * Math.PI * radius * radius) / (area * Math.max(1, k * k));
  return { radius, alpha: Math.min(0.92, Math.max(0.22, 0.95 / (1 + 0.8 * coverage))) };
}
