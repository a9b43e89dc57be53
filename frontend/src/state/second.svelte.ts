/** The space that the opened one is compared with: there while somebody uses it, and once for all who do. */

import type { SpaceEntry } from "../wire";
import type { Explorer } from "./explorer.svelte";
import type { Twin } from "./twin.svelte";

export class Second {
  twin = $state.raw<Twin | null>(null);
  private opening: Promise<Twin> | null = null;
  private users = 0;

  constructor(private readonly x: Explorer) {}

  /** What it is; null where one space is open alone. */
  get entry(): SpaceEntry | null {
    return this.x.host.spaces.find(({ path }) => path !== this.x.space.path) ?? null;
  }

  /** Open it, or have it where it is open; it is closed when all who use it have called `leave`. */
  use(): { opened: Promise<Twin>; leave: () => void } {
    this.users++;
    return { opened: (this.opening ??= this.open()), leave: () => this.leave() };
  }

  private open(): Promise<Twin> {
    const opening = this.make();
    opening.then(
      (twin) => {
        if (this.opening === opening) this.twin = twin;
        else twin.close();
      },
      () => {
        if (this.opening === opening) this.opening = null;
      },
    );
    return opening;
  }

  private async make(): Promise<Twin> {
    const { entry } = this;
    if (!entry) throw new Error("There is no second space.");
    const [{ Twin }] = await Promise.all([import("./twin.svelte"), this.x.space.loadCodes()]);
    return Twin.open(this.x, entry);
  }

  private leave(): void {
    if (--this.users) return;
    this.twin?.close();
    this.twin = this.opening = null;
  }
}
