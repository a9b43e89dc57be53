/** What the rows say, where they are lines of text. */

import type { Space } from "./space";

export async function loadLines(space: Space): Promise<readonly string[]> {
  const { lines } = space.view;
  if (!lines) return [];
  return space.json<string[]>(lines.file);
}
