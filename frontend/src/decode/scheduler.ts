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

/** What the visitor's hand does. */
export interface Hand {
  /** Whether something is being dragged. */
  held: () => boolean;
  /** Told that a point is not decoded before the hand lets go. */
  waits: () => void;
}

/** Frames of a strip that are decoded at once; more would keep the stage waiting, fewer the way to a server. */
const AT_ONCE = { page: 4, server: 16 } as const;
/** Milliseconds a point: up to the first a drag decodes all along, up to the second now and then, above it at its end. */
const QUICK = 40;
const SLOW = 150;
/** Milliseconds from one point to the next where decoding is not quick. */
const INTERVAL = 100;
const FREE: Hand = { held: () => false, waits: () => undefined };

/**
 * Gives one network work: a point for the stage replaces any that still waits, strips fill up while nothing else is to
 * be done, from their middle outwards. How often a drag asks for a point depends on how long the last ones took.
 */
export class Scheduler {
  private newest: Float32Array | null = null;
  private strips: Strip[] = [];
  private busy = false;
  /** Whether the newest point may be decoded now. */
  private due = false;
  private began = -Infinity;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Milliseconds that points took, the latest counting most; 0 before the first. */
  private pace = 0;

  /** `failed` is told of which point for the stage, or null for a strip, and may give a network to go on with. */
  constructor(
    private network: Network,
    private readonly shown: (z: Float32Array, outcome: Outcome) => void,
    private readonly failed: (error: Error, z: Float32Array | null) => Network | null,
    private readonly hand: Hand = FREE,
  ) {}

  /** Decode `z` for the stage as soon as its network is quick enough for, unless a newer one comes first. */
  show(z: Float32Array): void {
    this.newest = z;
    clearTimeout(this.timer);
    const wait = this.wait();
    this.due = wait <= 0;
    if (this.due) void this.work();
    else if (wait === Infinity) this.hand.waits();
    else this.timer = setTimeout(() => this.release(), wait);
  }

  /** The hand let go: what waited for it is decoded. */
  release(): void {
    clearTimeout(this.timer);
    if (!this.newest) return;
    this.due = true;
    void this.work();
  }

  /** Milliseconds until a point of the stage may be decoded, without end while the hand decides. */
  private wait(): number {
    if (this.pace < QUICK) return 0;
    if (this.pace <= SLOW) return this.began + INTERVAL - performance.now();
    return this.hand.held() ? Infinity : 0;
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
        if (this.newest && this.due) await this.one();
        else if (this.wanted()) await this.some();
        else break;
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
      this.pace = 0;
      return this.run(values, rows, z);
    }
  }

  private async one(): Promise<void> {
    const z = this.newest!;
    this.newest = null;
    this.began = performance.now();
    const outcome = await this.run(z, 1, z);
    if (!outcome) return;
    this.pace = this.pace ? (this.pace + outcome.milliseconds) / 2 : outcome.milliseconds;
    this.shown(z, outcome);
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
    const outcome = await this.run(stacked, chosen.length, null);
    if (!outcome) {
      strip.next = strip.order.length;
      return;
    }
    const { values } = outcome;
    const size = values.length / chosen.length;
    if (!strip.signal.aborted) chosen.forEach((index, i) => strip.frame(index, values.slice(i * size, (i + 1) * size)));
  }
}
