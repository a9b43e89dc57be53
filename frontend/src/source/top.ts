/** The largest of many numbers. */

/** Places of the `count` largest values, the largest first; equal ones in their order, NaN and those not `wanted` left out. */
export function largest(values: ArrayLike<number>, count: number, wanted: (place: number) => boolean): number[] {
  const found: number[] = [];
  for (let place = 0; place < values.length; place++) {
    const value = values[place]!;
    if (Number.isNaN(value) || (found.length === count && value <= values[found.at(-1)!]!) || !wanted(place)) continue;
    let at = found.length === count ? count - 1 : found.length;
    for (; at > 0 && values[found[at - 1]!]! < value; at--) found[at] = found[at - 1]!;
    found[at] = place;
  }
  return found;
}
