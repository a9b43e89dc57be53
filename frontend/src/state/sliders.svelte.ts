/** The directions that one slides along: which basis, in which order, and how far a point is along each. */

import { newestOnly } from "../near/near";
import type { Basis } from "../wire";
import { AROUND, localBasis } from "./bases";
import type { Explorer } from "./explorer.svelte";

/** Another order of the sliders of a basis, and whose it is. */
export interface Ranking {
  basis: string;
  order: readonly number[];
  words: string;
}

export class Sliders {
  basis = $state.raw<Basis>(null!);
  /** Where the point on the stage was moved from: a row, or the visitor's own. */
  home = $state.raw<Float32Array | null>(null);
  /** Dimension under the hand, by its place in the basis. */
  dimension = $state(0);
  /** The order that a score asked for, in place of the basis's own. */
  ranking = $state.raw<Ranking | null>(null);

  constructor(private readonly x: Explorer) {
    this.choose(x.space.view.bases[0]!);
  }

  choose(basis: Basis): void {
    this.basis = basis;
    this.dimension = this.order[0] ?? 0;
  }

  /** The principal directions of the codes around a point, the one on the stage where none is given. */
  chooseLocal(z: Float32Array | null = this.x.stage.z): void {
    if (z) this.findLocal(z);
  }

  private readonly findLocal = newestOnly(async (z: Float32Array) => {
    const { search, space } = this.x;
    const [near] = await search.ask([z], AROUND, space.rows);
    const codes = (near?.rows ?? []).filter((row) => row >= 0).map((row) => space.code(row));
    if (codes.length < 3) return;
    const { scale, offset } = space.view.latent;
    this.choose(localBasis(codes, { codes: space.codeNumbers, scale, offset }));
  }, (error) => this.x.lose(error));

  /** The sliders in the order of a score; the first one under the hand. */
  rankBy(ranking: Ranking): void {
    const basis = this.x.space.view.bases.find(({ name }) => name === ranking.basis);
    if (!basis) return;
    this.ranking = ranking;
    this.choose(basis);
    this.x.openTab("latent");
  }

  /** Sliders of the basis as they are listed. */
  get order(): readonly number[] {
    const { basis, ranking } = this;
    if (ranking?.basis !== basis.name) return basis.order;
    const known = ranking.order.filter((index) => index < basis.dimensions.length);
    return [...known, ...basis.order.filter((index) => !known.includes(index))];
  }

  /** How far a point is along a direction of the chosen basis, the one on the stage where none is given. */
  coordinate(index: number, z: Float32Array | null = this.x.stage.z): number {
    if (!z) return 0;
    const { axes, mean } = this.basis;
    return axes ? axes[index]!.reduce((sum, a, d) => sum + a * (z[d]! - mean[d]!), 0) : z[index]!;
  }

  /** The point on the stage moved along one direction to `value`. */
  movedAlong(index: number, value: number): Float32Array | null {
    const { z } = this.x.stage;
    if (!z) return null;
    const next = z.slice();
    const step = value - this.coordinate(index);
    const axis = this.basis.axes?.[index];
    if (axis) axis.forEach((a, d) => (next[d]! += a * step));
    else next[index] = value;
    return next;
  }
}
