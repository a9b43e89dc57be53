/** The browser's history: a new entry for each step that one may want to go back from, the last one kept up to date. */

import { stepsOf, writeAddress, type Address } from "./address";

export class Visits {
  private written = location.hash;
  /** What of the last address was a step; null where the next one is still the same visit. */
  private steps: string | null = null;

  write(address: Address): void {
    const [text, steps] = [writeAddress(address), stepsOf(address)];
    const isStep = this.steps !== null && steps !== this.steps;
    this.steps = steps;
    if (text === this.written) return;
    history[isStep ? "pushState" : "replaceState"](null, "", text);
    this.written = location.hash;
  }

  /** The address that the browser went to by itself, null where it is the one that was written. */
  arrived(): string | null {
    if (location.hash === this.written) return null;
    this.written = location.hash;
    this.steps = null;
    return this.written;
  }
}
