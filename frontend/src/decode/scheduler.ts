/** Who is decoded next: always the newest point of the stage, and strips of frames in between. */

import type { Network, Outcome } from "./network";

export type Frame = (index: number, values: Float32Array) => void;

interface Strip {
  points: Float32Array[];
  next: number;
  order: number[];
  frame: Frame;
  signal: AbortSignal;
}

/** Frames of a strip that are decoded at once; more would keep the stage waiting, fewer the way to a server. */
const AT_ONCE = { page: 4, server: 16 } as const;

/**
 * Gives one network work: a point for the stage replaces any that still waits, strips fill up while nothing else is to
 * be done, from their middle outwards.
 */
export class Scheduler {
  private newest: Float32Array | null = null;
  private strips: Strip[] = [];
  private busy = false;

  constructor(
    private readonly network: Network,
    private readonly shown: (z: Float32Array, outcome: Outcome) => void,
    private readonly failed: (error: Error) => void,
  ) {}

  /** Decode `z` for the stage as soon as possible, unless a newer one comes first. */
  show(z: Float32Array): void {
    this.newest = z;
    void this.work();
  }

  /** Decode all `points`; `frame` is called for each until `signal` is aborted. */
  strip(points: Float32Array[], frame: Frame, signal: AbortSignal): void {
    const middle = (points.length - 1) / 2;
    const order = points.map((_, i) => i).sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
    this.strips.push({ points, next: 0, order, frame, signal });
    void this.work();
  }

  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (;;) {
        if (this.newest) await this.one();
        else if (this.wanted()) await this.some();
        else break;
      }
    } catch (error) {
      this.newest = null;
      this.strips = [];
      this.failed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.busy = false;
    }
  }

  private async one(): Promise<void> {
    const z = this.newest!;
    this.newest = null;
    this.shown(z, await this.network.run(z.slice(), 1));
  }

  /** Whether a strip still wants frames; asked and acted upon at once, or one that comes in between would wait for ever. */
  private wanted(): boolean {
    this.strips = this.strips.filter((strip) => !strip.signal.aborted && strip.next < strip.order.length);
    return this.strips.length > 0;
  }

  /** A few frames of the first strip. */
  private async some(): Promise<void> {
    const strip = this.strips[0]!;
    const chosen = strip.order.slice(strip.next, strip.next + AT_ONCE[this.network.where]);
    strip.next += chosen.length;
    const width = strip.points[0]!.length;
    const stacked = new Float32Array(chosen.length * width);
    chosen.forEach((index, i) => stacked.set(strip.points[index]!, i * width));
    const { values } = await this.network.run(stacked, chosen.length);
    const size = values.length / chosen.length;
    if (!strip.signal.aborted) chosen.forEach((index, i) => strip.frame(index, values.slice(i * size, (i + 1) * size)));
  }
}
