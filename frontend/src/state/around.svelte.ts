/** What lies around the point on the stage: by its code, by what it is, or in the other space. */

import { newestOnly, type Near } from "../near/near";
import type { DataSearch } from "../near/data";
import type { Explorer } from "./explorer.svelte";

export const NEARNESS = ["codes", "data", "other"] as const;
export type Nearness = (typeof NEARNESS)[number];

export class Around {
  by = $state<Nearness>("codes");
  /** Nearest rows by something else than their codes, and what is missing for them to be found. */
  private found = $state.raw<Near | null>(null);
  problem = $state("");
  private data: Promise<DataSearch | null> | null = null;

  /** The nearest rows, the one on the stage among them. */
  near: Near | null = $derived.by(() => (this.by === "codes" ? this.x.neighbours : this.found));

  constructor(private readonly x: Explorer) {}

  /** Whether rows came along that can be compared as they are. */
  get hasData(): boolean {
    const { thumbs, inputs } = this.x.space.view;
    return this.x.space.rows > 1 && (thumbs !== null || inputs !== null);
  }

  choose(by: Nearness): void {
    this.by = by;
    this.found = null;
    this.problem = "";
  }

  /** Find them anew; a later call replaces an earlier one. */
  follow(): void {
    if (this.by !== "codes") this.find(this.by);
  }

  private readonly find = newestOnly(async (by: Nearness) => {
    const found = by === "data" ? await this.byData() : await this.inOther();
    if (this.by === by) [this.found, this.problem] = typeof found === "string" ? [null, found] : [found, ""];
  }, (error) => (this.problem = error.message));

  /** By the input, or by what is decoded where there is none. */
  private async byData(): Promise<Near | string> {
    const { stage, space } = this.x;
    this.data ??= import("../near/data").then(({ DataSearch }) => DataSearch.open(space, stage.sheets));
    this.data.catch(() => (this.data = null));
    const data = await this.data;
    const values = (stage.row >= 0 && (await stage.inputValues(stage.row))) || stage.decoded?.values;
    return data && values ? data.ask(values, this.x.neighbourCount + 1) : "The rows of this space did not come along.";
  }

  private async inOther(): Promise<Near | string> {
    const { stage, second } = this.x;
    const row = stage.row >= 0 ? stage.row : (stage.input?.row ?? -1);
    const { opened, leave } = second.use();
    try {
      const twin = await opened;
      if (twin.there(row) < 0) return row < 0 ? "Only rows are in both spaces; bring one to the stage." : `${this.x.name(row)} is not among the rows of the other space.`;
      return await twin.nearest(row, this.x.neighbourCount + 1);
    } finally {
      leave();
    }
  }

  close(): void {
    void this.data?.then((data) => data?.close(), () => undefined);
  }
}
