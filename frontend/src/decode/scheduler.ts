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

/** Frames of a strip that are decoded at once; larger ones would keep the stage waiting. */
const AT_ONCE = 4;

/**
 * Gives one network work: a point for the stage replaces any that still waits, strips fill up while nothing else is to
 * be done, from their middle outwards.
 */
export class Scheduler {
  private newest: Float32Array | null = null;
  private strips: Strip[] = [];
  private busy = false;

  /** `failed` is told of which point for the stage, or null for a strip, and may give a network to go on with. */
  constructor(
    private network: Network,
    private readonly shown: (z: Float32Array, outcome: Outcome) => void,
    private readonly failed: (error: Error, z: Float32Array | null) => Network | null,
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
        else if (!(await this.some())) break;
      }
    } finally {
      this.busy = false;
    }
  }

  /** What the network makes of some rows; null where it failed and no other took its place. */
  private async run(values: Float32Array, rows: number, z: Float32Array | null): Promise<Outcome | null> {
    try {
      return await this.network.run(values.slice(), rows);
    } catch (error) {
      const other = this.failed(error instanceof Error ? error : new Error(String(error)), z);
      if (!other) return null;
      this.network = other;
      return this.run(values, rows, z);
    }
  }

  private async one(): Promise<void> {
    const z = this.newest!;
    this.newest = null;
    const outcome = await this.run(z, 1, z);
    if (outcome) this.shown(z, outcome);
  }

  /** A few frames of the first strip that still wants any; false where none does. */
  private async some(): Promise<boolean> {
    this.strips = this.strips.filter((strip) => !strip.signal.aborted && strip.next < strip.order.length);
    const strip = this.strips[0];
    if (!strip) return false;
    const chosen = strip.order.slice(strip.next, strip.next + AT_ONCE);
    strip.next += chosen.length;
    const width = strip.points[0]!.length;
    const stacked = new Float32Array(chosen.length * width);
    chosen.forEach((index, i) => stacked.set(strip.points[index]!, i * width));
    const outcome = await this.run(stacked, chosen.length, null);
    if (!outcome) {
      strip.next = strip.order.length;
      return true;
    }
    const { values } = outcome;
    const size = values.length / chosen.length;
    if (!strip.signal.aborted) chosen.forEach((index, i) => strip.frame(index, values.slice(i * size, (i + 1) * size)));
    return true;
  }
}
