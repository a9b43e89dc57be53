/** One decoder or encoder on one runtime: a graph, or a graph and the step that is looped over. */

import type * as Ort from "onnxruntime-web/wasm";
import { greedy, type Stepper } from "./greedy";
import type { Open } from "./messages";

/** What both builds of ONNX Runtime offer. */
export type Runtime = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env">;

const TRIALS = 5;

export class Runner {
  private constructor(
    private readonly ort: Runtime,
    private readonly opened: Open,
    private readonly session: Ort.InferenceSession,
    private readonly step: Ort.InferenceSession | null,
  ) {}

  static async open(ort: Runtime, wasmBinary: ArrayBuffer, provider: "wasm" | "webgpu", request: Open): Promise<Runner> {
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmBinary = wasmBinary;
    ort.env.logLevel = "error";
    const options = { executionProviders: [provider] };
    const session = await ort.InferenceSession.create(request.network, options);
    return new Runner(ort, request, session, request.step && (await ort.InferenceSession.create(request.step, options)));
  }

  async run(values: Float32Array, rows: number): Promise<Float32Array> {
    const { conditions, loop } = this.opened.graph;
    const feeds = { [this.session.inputNames[0]!]: new this.ort.Tensor("float32", values, [rows, ...this.opened.shape]) };
    // zeros are what a conditional decoder takes for "not known"
    if (conditions) feeds["condition"] = new this.ort.Tensor("float32", new Float32Array(rows * conditions), [rows, conditions]);
    const results = await this.session.run(feeds);
    const found = await numbers(results[this.opened.output] ?? results[this.session.outputNames[0]!]!);
    return loop && this.step ? greedy(loop, found, rows, this.stepper(this.step, rows)) : found;
  }

  private stepper(network: Ort.InferenceSession, rows: number): Stepper {
    const table = (values: Float32Array) => new this.ort.Tensor("float32", values, [rows, values.length / rows]);
    return async (context, before, state) => {
      const feeds = { context: table(context), before: new this.ort.Tensor("int64", before, [rows]), state: table(state) };
      const results = await network.run(feeds);
      return { logProbability: await numbers(results["log_probability"]!), after: await numbers(results["after"]!) };
    };
  }

  /** Fail where the pairs that came with the network are not reproduced. */
  async check(): Promise<void> {
    const { given, expected, graph } = this.opened;
    const values = await this.run(given, graph.inputs.shape[0]!);
    const difference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
    // a NaN must not pass either
    if (!(difference <= graph.tolerance)) throw new Error(`it differs from the trained network by ${difference.toExponential(1)}`);
  }

  /** Milliseconds that one row takes, the median of a few. */
  async pace(): Promise<number> {
    const { given, graph } = this.opened;
    const row = given.slice(0, given.length / graph.inputs.shape[0]!);
    const times: number[] = [];
    for (let i = 0; i < TRIALS; i++) {
      const began = performance.now();
      await this.run(row, 1);
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b)[TRIALS >> 1]!;
  }

  async close(): Promise<void> {
    await this.session.release();
    await this.step?.release();
  }
}

async function numbers(tensor: Ort.Tensor): Promise<Float32Array> {
  return Float32Array.from((await tensor.getData()) as Float32Array);
}

/** A gzipped file, whether or not the host has unpacked it already. */
export async function unpacked(url: string): Promise<ArrayBuffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the runtime could not be fetched (${answer.status})`);
  const bytes = await answer.arrayBuffer();
  const start = new Uint8Array(bytes, 0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
