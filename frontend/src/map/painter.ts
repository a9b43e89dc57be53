/** When the points are drawn, and how many of them: all at rest, as many as a frame allows while the map moves. */

import type { Camera, Size } from "./camera";
import { makeLayer, plainLayer, type Layer, type LayerChoice } from "./layer";

export interface Painted {
  drawn: number;
  total: number;
  /** Of all that is drawn. */
  milliseconds: number;
  by: string;
}

/** Milliseconds that drawing may take in a frame while the map moves, and in one at rest. */
const FRAME = 30;
const STILL_FRAME = 120;
const REST = 140;
const LEAST = 10_000;
/** Rows that are drawn to learn how long they take. */
const FIRST = 50_000;
const MOST_RATIO = 2;

/** Milliseconds after which a lost context is not waited for any longer. */
const GIVE_UP = 4000;
const ABSENT = "This browser gives no WebGL2, so that the processor draws the points.";
const GONE = "The graphics of this browser failed and did not come back, so that the processor draws the points.";

export class Painter {
  private layer: Layer;
  private camera: Camera = { x: 0.5, y: 0.5, k: 1 };
  private size: Size = { width: 1, height: 1 };
  private rows = 0;
  /** Rows a millisecond; 0 while it is not known. */
  private pace = 0;
  /** Rows that are on the canvas as they are to be, and what they took. */
  private done = 0;
  private spent = 0;
  private moving = false;
  /** Grows with everything that makes what is drawn stale. */
  private version = 0;
  private drawing = false;
  private waiting = 0;
  private rest = 0;
  private gone = false;
  private lost: ReturnType<typeof setTimeout> | undefined;
  /** What the layer was given, for another one in its place. */
  private xy = new Uint16Array();
  private colours: Parameters<Layer["setColours"]> = [new Uint8Array(), new Uint8Array(1024), 0];
  private flags = new Uint8Array();

  /** `told` is told in words where graphics are missing. */
  constructor(
    private readonly host: HTMLElement,
    rows: number,
    choice: LayerChoice,
    private readonly painted: (facts: Painted) => void,
    private readonly told: (words: string) => void = () => undefined,
  ) {
    const lost = () => (this.lost = setTimeout(() => this.giveUp(), GIVE_UP));
    const restored = () => (clearTimeout(this.lost), this.anew());
    const { layer, absent } = makeLayer(host, rows, choice, { lost, restored });
    this.layer = layer;
    if (absent) told(ABSENT);
  }

  setPoints(xy: Uint16Array<ArrayBuffer>): void {
    this.rows = xy.length / 2;
    this.xy = xy;
    this.layer.setPoints(xy);
    this.anew();
  }

  setColours(...colours: Parameters<Layer["setColours"]>): void {
    this.colours = colours;
    this.layer.setColours(...colours);
    this.anew();
  }

  setFlags(flags: Uint8Array<ArrayBuffer>): void {
    this.flags = flags;
    this.layer.setFlags(flags);
    this.anew();
  }

  setSize(size: Size): void {
    const ratio = pixelRatio();
    this.size = size;
    this.layer.canvas.width = Math.round(size.width * ratio);
    this.layer.canvas.height = Math.round(size.height * ratio);
    this.anew();
  }

  /** Look from elsewhere; more points follow once the camera rests. */
  setCamera(camera: Camera): void {
    const { x, y, k } = this.camera;
    this.moving ||= camera.x !== x || camera.y !== y || camera.k !== k;
    this.camera = camera;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.settle(), REST) as unknown as number;
    this.anew();
  }

  destroy(): void {
    this.gone = true;
    cancelAnimationFrame(this.waiting);
    clearTimeout(this.rest);
    clearTimeout(this.lost);
    this.layer.destroy();
  }

  /** Draw without the graphics that were lost. */
  private giveUp(): void {
    this.layer.destroy();
    this.layer = plainLayer(this.host);
    this.layer.setPoints(this.xy);
    this.layer.setColours(...this.colours);
    this.layer.setFlags(this.flags);
    this.pace = 0;
    this.setSize(this.size);
    this.told(GONE);
  }

  private settle(): void {
    this.moving = false;
    if (this.done < this.rows) this.schedule();
  }

  private anew(): void {
    this.version++;
    this.done = 0;
    this.schedule();
  }

  /** Draw in the next frame; not before the one under way is done, or they would pile up. */
  private schedule(): void {
    if (this.waiting || this.drawing || this.gone) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      void this.draw();
    });
  }

  private async draw(): Promise<void> {
    const { done: from, rows, version, camera, size } = this;
    const affordable = this.pace ? Math.max(LEAST, Math.floor(this.pace * (this.moving ? FRAME : STILL_FRAME))) : FIRST;
    const to = Math.min(rows, from + affordable);
    this.drawing = true;
    const milliseconds = await this.layer.draw({ camera, size, ratio: pixelRatio(), ...lookOf(rows, size, camera.k), from, to });
    this.drawing = false;
    if (this.gone) return;
    const lost = Number.isNaN(milliseconds);
    if (!lost) {
      this.learn(to - from, milliseconds);
      this.spent = milliseconds + (from ? this.spent : 0);
      this.painted({ drawn: to, total: rows, milliseconds: this.spent, by: this.layer.title });
    }
    if (version !== this.version) this.schedule();
    else if (!lost) {
      this.done = to;
      if (to < rows && !this.moving) this.schedule();
    }
  }

  /** What a frame takes tells how many rows the next ones can have. */
  private learn(rows: number, milliseconds: number): void {
    if (rows < Math.min(LEAST, this.rows)) return;
    const pace = rows / Math.max(milliseconds, 0.1);
    this.pace = this.pace ? (this.pace + pace) / 2 : pace;
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
