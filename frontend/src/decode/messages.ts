/** What the page and its decoding worker say to each other. */

import type { Graph } from "../wire";

export interface Ask {
  kind: "open" | "run";
  ticket: number;
}

/** Get ready: fetch the runtime and the network, then reproduce the pairs that came with it. */
export interface Open extends Ask {
  kind: "open";
  graph: Graph;
  network: ArrayBuffer;
  /** The network of one step, where symbols follow one another. */
  step: ArrayBuffer | null;
  given: Float32Array;
  expected: Float32Array;
  /** Shape of one row of the network's input. */
  shape: number[];
  /** Whether WebGPU is tried: never, where WebAssembly is slow, or since the visitor asked for it. */
  gpu: "never" | "slow" | "asked";
  /** Name of the output that is wanted. */
  output: string;
}

export interface Run extends Ask {
  kind: "run";
  values: Float32Array;
  rows: number;
}

export type Answer =
  | { ticket: number; kind: "opened"; runtime: "WebAssembly" | "WebGPU"; remark: string }
  | { ticket: number; kind: "ran"; values: Float32Array; milliseconds: number }
  | { ticket: number; kind: "failed"; words: string };
