/** The search for nearest codes, off the page's own thread. */

import type { Packed, Near } from "./search";
import type { Question } from "./near.worker";

export type { Near } from "./search";

type Waiting = [(found: Near[]) => void, (error: Error) => void];

export class Search {
  private worker: Worker | null = null;
  private packed: Packed | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private ticket = 0;

  /** Hand over the codes; questions come after. */
  open(packed: Packed): void {
    this.packed = packed;
    this.start();
  }

  /** The `count` nearest of the first `limit` codes, for each point; fails where the worker does, which is then started anew. */
  ask(points: Float32Array[], count: number, limit: number): Promise<Near[]> {
    const ticket = ++this.ticket;
    return new Promise((done, failed) => {
      this.waiting.set(ticket, [done, failed]);
      (this.worker ?? this.start()).postMessage({ ticket, points, count, limit } satisfies Question);
    });
  }

  close(): void {
    this.worker?.terminate();
  }

  private start(): Worker {
    const worker = new Worker(new URL("./near.worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<{ ticket: number; found: Near[] }>) => {
      this.waiting.get(data.ticket)?.[0](data.found);
      this.waiting.delete(data.ticket);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      this.worker = null;
      this.waiting.forEach(([, failed]) => failed(new Error("the worker that searches failed")));
      this.waiting.clear();
    };
    if (this.packed) worker.postMessage(this.packed);
    return (this.worker = worker);
  }
}

/** Asks one question at a time; of those that come meanwhile only the newest is asked. One that fails stands in no other's way. */
export function newestOnly<T>(ask: (value: T) => Promise<void>, failed: (error: Error) => void): (value: T) => void {
  let waiting: { value: T } | null = null;
  let busy = false;
  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    while (waiting) {
      const { value } = waiting as { value: T };
      waiting = null;
      try {
        await ask(value);
      } catch (error) {
        failed(error instanceof Error ? error : new Error(String(error)));
      }
    }
    busy = false;
  };
  return (value) => {
    waiting = { value };
    void work();
  };
}
