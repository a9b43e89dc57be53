/** The search for nearest codes, off the page's own thread. */

import type { Packed, Near } from "./search";
import type { Question } from "./near.worker";

export type { Near } from "./search";

export class Search {
  private readonly worker = new Worker(new URL("./near.worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, (found: Near[]) => void>();
  private ticket = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<{ ticket: number; found: Near[] }>) => {
      this.waiting.get(data.ticket)?.(data.found);
      this.waiting.delete(data.ticket);
    };
  }

  /** Hand over the codes; questions come after. */
  open(packed: Packed): void {
    this.worker.postMessage(packed);
  }

  /** The `count` nearest of the first `limit` codes, for each point. */
  ask(points: Float32Array[], count: number, limit: number): Promise<Near[]> {
    const ticket = ++this.ticket;
    return new Promise((done) => {
      this.waiting.set(ticket, done);
      this.worker.postMessage({ ticket, points, count, limit } satisfies Question);
    });
  }

  close(): void {
    this.worker.terminate();
  }
}

/** Asks one question at a time; of those that come meanwhile only the newest is asked. */
export function newestOnly<T>(ask: (value: T) => Promise<void>): (value: T) => void {
  let waiting: { value: T } | null = null;
  let busy = false;
  const work = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    while (waiting) {
      const { value } = waiting as { value: T };
      waiting = null;
      await ask(value);
    }
    busy = false;
  };
  return (value) => {
    waiting = { value };
    void work();
  };
}
