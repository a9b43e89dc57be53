/** Rows of one space found again in another, by their ids. */

/** Name of the column that says how many neighbours a row shares in two spaces. */
export const OVERLAP = "shared_neighbours";

export interface Joined {
  /** For each row of the first its row in the second, -1 where it has none; and the other way. */
  there: Int32Array<ArrayBuffer>;
  back: Int32Array<ArrayBuffer>;
  shared: number;
}

export function join(first: readonly string[], second: readonly string[]): Joined {
  const places = new Map(second.map((id, row) => [id, row]));
  const there = Int32Array.from(first, (id) => places.get(id) ?? -1);
  const back = new Int32Array(second.length).fill(-1);
  let shared = 0;
  there.forEach((other, row) => {
    if (other < 0) return;
    back[other] = row;
    shared++;
  });
  return { there, back, shared };
}
