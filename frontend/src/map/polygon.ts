/** Which places a closed line encloses. */

/** Even-odd rule over corners (x, y); a line of fewer than three corners encloses nothing. */
export function encloses(corners: readonly [number, number][], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
    const [xi, yi] = corners[i]!;
    const [xj, yj] = corners[j]!;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return corners.length > 2 && inside;
}
