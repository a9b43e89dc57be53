/** A network somewhere: in a worker of this page, or on the server that the page came from. */

import type { EncodeAnswer, ErrorAnswer, Graph } from "../wire";
import type { Space } from "../source/space";
import type { Answer, Open, Run } from "./messages";

export interface Outcome {
  values: Float32Array;
  milliseconds: number;
}

export interface Network {
  readonly where: "page" | "server";
  /** Of a network in the page: what runs it, and why it is not what was asked for. */
  readonly runtime?: "WebAssembly" | "WebGPU";
  readonly remark?: string;
  run(values: Float32Array, rows: number): Promise<Outcome>;
  close(): void;
}

/** A graph in a worker; the promise fails where it cannot be run or does not reproduce its pairs. */
export async function openInPage(space: Space, graph: Graph, shape: number[], output: string, gpu: Open["gpu"] = "never"): Promise<Network> {
  const [network, step, given, expected] = await Promise.all([
    space.bytes(graph.file),
    graph.loop ? space.bytes(graph.loop.file) : null,
    space.array(graph.inputs),
    space.array(graph.outputs),
  ]);
  const line = new Line(new Worker(new URL("./network.worker.ts", import.meta.url), { type: "module" }));
  const open = { kind: "open", graph, network, step, shape, gpu, output, given, expected } as Omit<Open, "ticket">;
  let opened: Answer;
  try {
    opened = await line.ask(open);
  } catch (error) {
    line.close();
    throw error;
  }
  return {
    where: "page",
    ...(opened.kind === "opened" && { runtime: opened.runtime, remark: opened.remark }),
    close: () => line.close(),
    async run(values, rows) {
      const answer = await line.ask({ kind: "run", values, rows } as Omit<Run, "ticket">);
      if (answer.kind !== "ran") throw new Error("the worker gave no values");
      return answer;
    },
  };
}

/** One worker, and who waits for which of its answers. */
class Line {
  private ticket = 0;
  private readonly waiting = new Map<number, [(answer: Answer) => void, (error: Error) => void]>();

  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const [done, failed] = this.waiting.get(data.ticket) ?? [];
      this.waiting.delete(data.ticket);
      if (data.kind === "failed") failed?.(new Error(data.words));
      else done?.(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.fail("its worker could not be started");
    };
  }

  private fail(words: string): void {
    this.waiting.forEach(([, failed]) => failed(new Error(words)));
    this.waiting.clear();
  }

  ask(request: Omit<Open, "ticket"> | Omit<Run, "ticket">): Promise<Answer> {
    const ticket = ++this.ticket;
    return new Promise((done, failed) => {
      this.waiting.set(ticket, [done, failed]);
      this.worker.postMessage({ ...request, ticket });
    });
  }

  close(): void {
    this.worker.terminate();
    this.fail("it was closed");
  }
}

/** Told when the server stops answering, and when it does again. */
export type Away = (gone: boolean) => void;

/** The decoder on the server. */
export function serverDecoder(space: Space, away: Away): Network {
  return {
    where: "server",
    close: () => undefined,
    async run(values, rows) {
      const began = performance.now();
      const answer = await post("api/decode", { space: space.path, z: rowsOf(values, rows) }, away);
      return { values: new Float32Array(await answer.arrayBuffer()), milliseconds: performance.now() - began };
    },
  };
}

/** The encoder on the server. */
export function serverEncoder(space: Space, away: Away): Network {
  return {
    where: "server",
    close: () => undefined,
    async run(values, rows) {
      const began = performance.now();
      const answer = await post("api/encode", { space: space.path, x: rowsOf(values, rows) }, away);
      const { z } = (await answer.json()) as EncodeAnswer;
      return { values: Float32Array.from(z.flat()), milliseconds: performance.now() - began };
    },
  };
}

/** A row as it was stored, in array units. */
export async function serverRow(space: Space, row: number, away: Away): Promise<Float32Array> {
  const answer = await post("api/rows", { space: space.path, rows: [row] }, away);
  return new Float32Array(await answer.arrayBuffer());
}

const AGAIN = 1000;

/** An answer of the server; while it is away, as during a restart, it is asked again every second. */
async function post(url: string, body: unknown, away: Away): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const ask = () => fetch(url, { method: "POST", headers, body: JSON.stringify(body) }).catch(() => null);
  let answer = await ask();
  while (!answer) {
    away(true);
    await new Promise((done) => setTimeout(done, AGAIN));
    answer = await ask();
  }
  away(false);
  if (!answer.ok) {
    const { error } = (await answer.json().catch(() => ({ error: { message: `status ${answer.status}` } }))) as ErrorAnswer;
    throw new Error(`the server refused: ${error.message}`);
  }
  return answer;
}

function rowsOf(values: Float32Array, rows: number): number[][] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, row) => Array.from(values.subarray(row * width, (row + 1) * width)));
}
