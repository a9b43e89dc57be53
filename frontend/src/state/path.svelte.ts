/** Stops pinned to the tray, and the way through them. */

import { along, walk, type Way } from "./paths";

export interface Pin {
  key: number;
  z: Float32Array;
  row: number;
  name: string;
}

export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SECONDS_A_LEG = 2.4;

export class Tray {
  pins = $state.raw<readonly Pin[]>([]);
  way = $state<Way>("lerp");
  frames = $state(9);
  position = $state(0);
  playing = $state(false);
  /** What the points decode to, as far as they are. */
  decoded = $state.raw<readonly (Float32Array | undefined)[]>([]);
  /** Someone wants to hear the path once all of it is decoded. */
  waits = $state(false);
  private next = 0;
  private clock = 0;

  legs: number = $derived(Math.max(0, this.pins.length - 1));
  points: Float32Array[] = $derived(this.pins.length > 1 ? walk(this.stops, this.frames, this.way) : []);
  here: Float32Array | null = $derived(this.pins.length > 1 ? along(this.stops, this.position, this.way) : null);
  complete: boolean = $derived(this.points.length > 0 && this.points.every((_, i) => this.decoded[i]));

  get stops(): Float32Array[] {
    return this.pins.map((pin) => pin.z);
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

  /** Walk back and forth; `moved` is called with each point on the way. */
  play(moved: (z: Float32Array) => void): void {
    if (this.legs === 0) return;
    this.playing = true;
    let before = performance.now();
    let forwards = this.position < this.legs;
    const tick = (now: number) => {
      const step = (now - before) / 1000 / SECONDS_A_LEG;
      before = now;
      this.position = Math.max(0, Math.min(this.legs, this.position + (forwards ? step : -step)));
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
