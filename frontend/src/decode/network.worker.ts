/** Runs one network, an encoder or a decoder, by ONNX Runtime on one thread of WebAssembly. */

import * as ort from "onnxruntime-web/wasm";
import runtime from "virtual:ort-wasm";
import type { Answer, Open, Run } from "./messages";

let session: ort.InferenceSession;
let opened: Open;

self.onmessage = async ({ data }: MessageEvent<Open | Run>) => {
  try {
    post(data.kind === "open" ? await open(data) : await answer(data));
  } catch (error) {
    post({ ticket: data.ticket, kind: "failed", words: error instanceof Error ? error.message : String(error) });
  }
};

function post(message: Answer): void {
  const moved = message.kind === "ran" ? [message.values.buffer] : [];
  self.postMessage(message, { transfer: moved });
}

async function open(request: Open): Promise<Answer> {
  opened = request;
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked(runtime);
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(request.network, { executionProviders: ["wasm"] });
  const rows = request.graph.inputs.shape[0]!;
  const values = await run(request.given, rows);
  const difference = values.reduce((most, value, i) => Math.max(most, Math.abs(value - request.expected[i]!)), 0);
  // a NaN must not pass either
  if (!(difference <= request.graph.tolerance)) {
    throw new Error(`it differs from the trained network by ${difference.toExponential(1)}`);
  }
  return { ticket: request.ticket, kind: "opened", difference };
}

async function answer(request: Run): Promise<Answer> {
  const began = performance.now();
  const values = await run(request.values, request.rows);
  return { ticket: request.ticket, kind: "ran", values, milliseconds: performance.now() - began };
}

async function run(values: Float32Array, rows: number): Promise<Float32Array> {
  const feeds: Record<string, ort.Tensor> = {
    [session.inputNames[0]!]: new ort.Tensor("float32", values, [rows, ...opened.shape]),
  };
  const { conditions } = opened.graph;
  // zeros are what a conditional decoder takes for "not known"
  if (conditions) feeds["condition"] = new ort.Tensor("float32", new Float32Array(rows * conditions), [rows, conditions]);
  const results = await session.run(feeds);
  const found = results[opened.output] ?? results[session.outputNames[0]!]!;
  return Float32Array.from((await found.getData()) as Float32Array);
}

async function unpacked(url: string): Promise<ArrayBuffer> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the runtime could not be fetched (${answer.status})`);
  const bytes = await answer.arrayBuffer();
  const start = new Uint8Array(bytes, 0, 2);
  // some hosts send files that end in .gz already unpacked
  if (start[0] !== 0x1f || start[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
