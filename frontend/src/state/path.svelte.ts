/** Stops pinned to the tray, and the way through them. */

import { along, walk, type Curve, type Route, type Way } from "./paths";

export interface Pin {
  key: number;
  z: Float32Array;
  row: number;
  name: string;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SECONDS_A_LEG = 2.4;
/** Frames a leg that are offered. */
export const FRAMES = [3, 5, 9, 17, 33] as const;
/** At its end a path goes back the way it came, or on to its first stop. */
export const LOOPS = ["back", "round"] as const;
export type Loop = (typeof LOOPS)[number];

export function letterOf(stop: number): string {
  return LETTERS[stop % LETTERS.length]!;
}

export class Tray {
  pins = $state.raw<readonly Pin[]>([]);
  way = $state<Way>("lerp");
  loop = $state<Loop>("back");
  frames = $state<number>(FRAMES[2]);
  position = $state(0);
  playing = $state(false);
  /** What the points decode to, as far as they are. */
  decoded = $state.raw<readonly (Float32Array | undefined)[]>([]);
  /** Someone wants to hear the path once all of it is decoded. */
  waits = $state(false);
  /** Geodesics that were found, by the pins at their ends; and how far the search for one is. */
  curves = $state.raw<ReadonlyMap<string, Curve>>(new Map());
  searching = $state<{ leg: number; share: number } | null>(null);
  private next = 0;
  private clock = 0;

  /** The pinned points in order; where the path goes round the first comes again at the end. */
  stops: Float32Array[] = $derived.by(() => {
    const stops = this.pins.map((pin) => pin.z);
    return this.loop === "round" && stops.length > 1 ? [...stops, stops[0]!] : stops;
  });
  legs: number = $derived(Math.max(0, this.stops.length - 1));
  /** Names of the legs, by the pins at their ends. */
  legNames: string[] = $derived.by(() => {
    const keys = this.pins.map((pin) => pin.key);
    return Array.from({ length: this.legs }, (_, leg) => `${keys[leg]} ${keys[(leg + 1) % keys.length]}`);
  });
  private route: Route = $derived({ stops: this.stops, way: this.way, curves: this.legNames.map((name) => this.curves.get(name)) });
  points: Float32Array[] = $derived(this.legs ? walk(this.route, this.frames) : []);
  here: Float32Array | null = $derived(this.legs ? along(this.route, this.position) : null);
  complete: boolean = $derived(this.points.length > 0 && this.points.every((_, i) => this.decoded[i]));

  /** Paths go as the space's own geometry does, until another way is chosen. */
  constructor(way: Way = "lerp") {
    this.way = way;
  }

  /** Find the geodesics of legs that have none yet; `find` gives null where it was stopped. */
  async findCurves(find: (a: Float32Array, b: Float32Array, told: (share: number) => void) => Promise<Curve | null>): Promise<void> {
    const { stops, legNames } = this;
    for (const [leg, name] of legNames.entries()) {
      if (this.curves.has(name)) continue;
      this.searching = { leg, share: 0 };
      const curve = await find(stops[leg]!, stops[leg + 1]!, (share) => (this.searching = { leg, share }));
      if (!curve) return;
      this.curves = new Map([...this.curves, [name, curve]]);
    }
    this.searching = null;
  }

  /** Letter of the stop that a frame shows, nothing for those between. */
  letterAt(frame: number): string {
    const stop = frame / (this.frames - 1);
    return Number.isInteger(stop) ? letterOf(stop % this.pins.length) : "";
  }

  add(z: Float32Array, row: number, name: string): Pin {
    const pin = { key: this.next++, z: z.slice(), row, name };
    this.pins = [...this.pins, pin];
    return pin;
  }

  /** Put a point in place of the first stop or of the last; where there is none yet it becomes one. */
  setEnd(side: 0 | 1, z: Float32Array, row: number, name: string): void {
    const replaced = this.pins.length > side ? this.pins.at(-side) : undefined;
    const pin = { key: this.next++, z: z.slice(), row, name };
    this.pins = replaced ? this.pins.map((one) => (one === replaced ? pin : one)) : [...this.pins, pin];
  }

  remove(key: number): void {
    this.pins = this.pins.filter((pin) => pin.key !== key);
    this.position = Math.min(this.position, this.legs);
    if (this.pins.length < 2) this.pause();
  }

  move(key: number, by: number): void {
    const pins = this.pins.slice();
    const from = pins.findIndex((pin) => pin.key === key);
    const to = from + by;
    if (from < 0 || to < 0 || to >= pins.length) return;
    [pins[from], pins[to]] = [pins[to]!, pins[from]!];
    this.pins = pins;
  }

  clear(): void {
    this.pause();
    this.pins = [];
    this.position = 0;
  }

  setLoop(loop: Loop): void {
    this.loop = loop;
    this.position = Math.min(this.position, this.legs);
  }

  /** Walk back and forth, or round and round; `moved` is called with each point on the way. */
  play(moved: (z: Float32Array) => void): void {
    if (this.legs === 0) return;
    this.playing = true;
    let before = performance.now();
    let forwards = this.position < this.legs;
    const tick = (now: number) => {
      const step = (now - before) / 1000 / SECONDS_A_LEG;
      before = now;
      if (this.loop === "round") this.position = (this.position + step) % this.legs;
      else this.position = Math.max(0, Math.min(this.legs, this.position + (forwards ? step : -step)));
      if (this.position === this.legs) forwards = false;
      if (this.position === 0) forwards = true;
      if (this.here) moved(this.here);
      if (this.playing) this.clock = requestAnimationFrame(tick);
    };
    this.clock = requestAnimationFrame(tick);
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.clock);
  }
}
