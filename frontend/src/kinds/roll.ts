/** Piano rolls: time to the right, pitch upwards, a bar for each note. */

import { linesShown, STEPS_PER_BAR, STEPS_PER_QUARTER, stepsOf, type MusicKind, type Note } from "./notes";

export type Tone = "note" | "extra" | "lost" | "kept";
export interface Voice {
  notes: readonly Note[];
  tone: Tone;
}

/** Where and how large a roll is drawn, in the units of its context. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const DARK_KEYS = [1, 3, 6, 8, 10];
const INKS = {
  light: { paper: "#f6f6f3", key: "#ecece8", line: "#e0e1de", bar: "#b9bdc0", note: "#1f6aa8", extra: "#d9651c", lost: "#3a8fd0", kept: "#a9aeb3" },
  dark: { paper: "#0a0d10", key: "#10151a", line: "#1b2127", bar: "#3a434c", note: "#63b3ed", extra: "#f08a4b", lost: "#4a9fe0", kept: "#4d565f" },
} as const;
const FAINTEST = 0.3;
/** Notes are no thinner than this part of the roll. */
const LEAST_THICK = 26;
/** Gap between notes that follow each other, as a share of a sixteenth. */
const GAP = 0.12;

/** Draw `voices` one over the other; `grid` adds keys, quarters and bars. */
export function drawRoll(context: CanvasRenderingContext2D, kind: MusicKind, voices: readonly Voice[], box: Box, dark: boolean, grid = true): void {
  const ink = INKS[dark ? "dark" : "light"];
  const [low, high] = linesShown(kind, voices.flatMap(({ notes }) => notes));
  const tall = box.height / (high - low + 1);
  const wide = box.width / stepsOf(kind);
  const top = (line: number): number => box.y + (high - line) * tall;
  context.fillStyle = ink.paper;
  context.fillRect(box.x, box.y, box.width, box.height);
  if (grid) {
    context.fillStyle = ink.key;
    for (let line = low; line <= high; line++) {
      if (kind.kind === "melody" ? DARK_KEYS.includes(line % 12) : line % 2) context.fillRect(box.x, top(line), box.width, tall);
    }
    for (let step = STEPS_PER_QUARTER; step < stepsOf(kind); step += STEPS_PER_QUARTER) {
      context.fillStyle = step % STEPS_PER_BAR ? ink.line : ink.bar;
      context.fillRect(Math.round(box.x + step * wide), box.y, 1, box.height);
    }
  }
  for (const { notes, tone } of voices) {
    context.fillStyle = ink[tone];
    for (const { start, length, line, sure } of notes) {
      context.globalAlpha = FAINTEST + (1 - FAINTEST) * sure;
      const thick = Math.max(box.height / LEAST_THICK, tall * 0.84);
      context.fillRect(box.x + start * wide, top(line) + (tall - thick) / 2, Math.max(1, (length - GAP) * wide), thick);
    }
  }
  context.globalAlpha = 1;
}
