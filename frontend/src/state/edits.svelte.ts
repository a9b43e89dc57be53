/** Edits: attributes of the point on the stage made stronger or weaker along their directions. */

import type { Attribute } from "../wire";
import { conditional, dot, type Reader } from "./directions";

/** A way to go, and how far along it a point reads. */
export interface Direction extends Reader {
  name: string;
  kind: "class" | "number" | "own";
  bias: number;
  /** Most strength to either side. */
  reach: number;
  /** What a score stands for where it is a number. */
  value: (score: number) => number;
  /** Share of its bar that a score fills, 0 to 1. */
  share: (score: number) => number;
  quality: string;
}

export interface Edit {
  name: string;
  strength: number;
}

export interface Reading {
  direction: Direction;
  /** Shares from 0 to 1 before and after the edits, and what is there after them in words. */
  before: number;
  after: number;
  words: string;
  strength: number;
}

const OWN_REACH = 2;

export class Edits {
  directions = $state.raw<readonly Direction[]>([]);
  list = $state.raw<readonly Edit[]>([]);
  /** Whether an edit leaves what other attributes read as it was. */
  keep = $state(false);
  /** The point without its edits, and which row it is, -1 for none. */
  base = $state.raw<Float32Array | null>(null);
  row = $state(-1);

  /** The vectors in force, by name. */
  vectors: ReadonlyMap<string, Float32Array> = $derived.by(() => {
    const pairs = this.directions.map((one): [string, Float32Array] => [one.name, this.keep ? conditional(one, this.others(one)) : one.vector]);
    return new Map(pairs);
  });
  /** The point with its edits. */
  point: Float32Array | null = $derived.by(() => this.edited());
  readings: Reading[] = $derived.by(() => this.read());
  /** How much what was not edited moved: the mean over the attributes, and the one that moved most. */
  leak: { mean: number; most: Reading } | null = $derived.by(() => {
    const others = this.readings.filter(({ direction, strength }) => direction.kind !== "own" && strength === 0);
    if (!this.list.length || !others.length) return null;
    const moved = ({ before, after }: Reading) => Math.abs(after - before);
    const most = others.reduce((a, b) => (moved(b) > moved(a) ? b : a));
    return { mean: others.reduce((sum, one) => sum + moved(one), 0) / others.length, most };
  });

  constructor(attributes: readonly Attribute[]) {
    this.directions = attributes.map(known);
  }

  /** Start from another point, with no edits. */
  start(base: Float32Array, row: number): void {
    this.base = base;
    this.row = row;
    this.list = [];
  }

  /** Move the point under its edits. */
  shift(from: Float32Array, to: Float32Array): void {
    this.base = this.base && this.list.length ? this.base.map((value, d) => value + to[d]! - from[d]!) : to;
    this.row = -1;
  }

  strengthOf(name: string): number {
    return this.list.find((edit) => edit.name === name)?.strength ?? 0;
  }

  set(name: string, strength: number): void {
    const known = this.list.some((edit) => edit.name === name);
    const changed = this.list.map((edit) => (edit.name === name ? { name, strength } : edit));
    this.list = (known ? changed : [...this.list, { name, strength }]).filter((edit) => edit.strength !== 0);
  }

  /** A direction of the visitor's own; one of the same name of theirs is replaced. */
  add(direction: Direction): void {
    this.directions = [...this.directions.filter(({ name }) => name !== direction.name), direction];
  }

  remove(name: string): void {
    this.set(name, 0);
    this.directions = this.directions.filter((one) => one.name !== name);
  }

  isTaken(name: string): boolean {
    return this.directions.some((one) => one.kind !== "own" && one.name === name);
  }

  private others(one: Direction): Direction[] {
    return this.directions.filter((other) => other !== one && other.kind !== "own");
  }

  private edited(): Float32Array | null {
    if (!this.base) return null;
    const point = this.base.slice();
    for (const { name, strength } of this.list) this.vectors.get(name)?.forEach((value, d) => (point[d]! += strength * value));
    return point;
  }

  private read(): Reading[] {
    const { base, point } = this;
    if (!base || !point) return [];
    return this.directions.map((direction) => {
      const [before, after] = [base, point].map((z) => dot(direction.weights, z) + direction.bias) as [number, number];
      return {
        direction,
        before: direction.share(before),
        after: direction.share(after),
        words: direction.kind === "number" ? direction.value(after).toPrecision(3) : `${Math.round(100 * direction.share(after))} %`,
        strength: this.strengthOf(direction.name),
      };
    });
  }
}

/** The direction of an attribute that the space knows. */
function known({ vector, weights, low, high, mean, scale, ...rest }: Attribute): Direction {
  const spread = high - low;
  return {
    ...rest,
    vector: Float32Array.from(vector),
    weights: Float32Array.from(weights),
    reach: spread,
    value: (score) => mean + scale * score,
    share: rest.kind === "class" ? (score) => 1 / (1 + Math.exp(-score)) : (score) => within((score - low) / spread),
  };
}

/** A direction from the middle of one group of codes to that of another; its strength counts in such ways. */
export function between(name: string, from: Float32Array, to: Float32Array): Direction {
  const vector = to.map((value, d) => value - from[d]!);
  return own(name, vector, -dot(vector, from) / squared(vector));
}

/** A direction of the visitor's own by its vector and its reading at zero. */
export function own(name: string, vector: Float32Array, bias: number): Direction {
  const length = squared(vector);
  const weights = vector.map((value) => value / length);
  return { name, kind: "own", vector, weights, bias, reach: OWN_REACH, value: (score) => score, share: within, quality: "" };
}

function squared(vector: Float32Array): number {
  return Math.max(dot(vector, vector), 1e-12);
}

function within(share: number): number {
  return Math.max(0, Math.min(1, share));
}
