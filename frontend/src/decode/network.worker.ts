/** Runs one network, an encoder or a decoder, by ONNX Runtime: on one thread of WebAssembly, or by WebGPU where that is faster. */

import * as ort from "onnxruntime-web/wasm";
import runtime from "virtual:ort-wasm";
import type { Answer, Open, Run } from "./messages";
import { Runner, unpacked } from "./runner";

/** Milliseconds a row from which on another runtime is worth its download. */
const SLOW = 40;
let runner: Runner;

self.onmessage = async ({ data }: MessageEvent<Open | Run>) => {
  try {
    post(data.kind === "open" ? await open(data) : await answer(data));
  } catch (error) {
    post({ ticket: data.ticket, kind: "failed", words: wordsOf(error) });
  }
};

function post(message: Answer): void {
  const moved = message.kind === "ran" ? [message.values.buffer] : [];
  self.postMessage(message, { transfer: moved });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function open(request: Open): Promise<Answer> {
  runner = await Runner.open(ort, await unpacked(runtime), "wasm", request);
  await runner.check();
  const opened = { ticket: request.ticket, kind: "opened" } as const;
  if (request.gpu === "never") return { ...opened, runtime: "WebAssembly", remark: "" };
  const pace = await runner.pace();
  if (request.gpu === "slow" && pace < SLOW) return { ...opened, runtime: "WebAssembly", remark: "" };
  try {
    await takeGpu(request, pace);
    return { ...opened, runtime: "WebGPU", remark: "" };
  } catch (error) {
    const remark = request.gpu === "asked" ? `WebGPU is not used: ${wordsOf(error)}.` : "";
    return { ...opened, runtime: "WebAssembly", remark };
  }
}

/** Change to WebGPU; fails where it is missing, wrong, or no faster than `pace` milliseconds. */
async function takeGpu(request: Open, pace: number): Promise<void> {
  const { graphics, openOnGpu } = await import("./gpu");
  const kind = await graphics();
  if (kind === "none") throw new Error("this browser has none");
  if (kind === "software" && request.gpu !== "asked") throw new Error("the processor would do its work");
  const other = await openOnGpu(request);
  await other.check();
  const found = await other.pace();
  if (found >= pace) {
    await other.close();
    throw new Error(`it takes ${found.toFixed(1)} ms, WebAssembly ${pace.toFixed(1)} ms`);
  }
  await runner.close();
  runner = other;
}

async function answer(request: Run): Promise<Answer> {
  const began = performance.now();
  const values = await runner.run(request.values, request.rows);
  return { ticket: request.ticket, kind: "ran", values, milliseconds: performance.now() - began };
}
