/** What single keys do; the help lists the same table. */

import type { Explorer } from "./explorer.svelte";
import { listen, playPath } from "./playing";
import { TABS } from "./look.svelte";

export interface Command {
  keys: string[];
  /** The key's place on the keyboard, for what Shift makes of it on some. */
  code?: string;
  shown: string;
  words: string;
  /** Whether it goes on while the key is held. */
  repeats?: boolean;
  run: (x: Explorer, event: KeyboardEvent) => void;
}

const FINE = 0.1;
const COARSE = 0.5;

function turn(x: Explorer, by: number): void {
  const { order } = x.sliders;
  const at = order.indexOf(x.sliders.dimension);
  x.sliders.dimension = order[(at + by + order.length) % order.length]!;
  x.look.tab = "latent";
  x.look.say(`Dimension ${x.sliders.basis.dimensions[x.sliders.dimension]!.name}`);
}

function nudge(x: Explorer, sign: number, event: KeyboardEvent): void {
  const { std, name } = x.sliders.basis.dimensions[x.sliders.dimension]!;
  const value = x.sliders.coordinate(x.sliders.dimension) + sign * (event.shiftKey ? COARSE : FINE) * std;
  const z = x.sliders.movedAlong(x.sliders.dimension, value);
  if (!z) return;
  x.adjust(z, `slide ${x.sliders.basis.name} ${x.sliders.dimension}`);
  x.look.say(`${name} ${value.toFixed(2)}`);
}

/** Keys that work anywhere on the page. */
export const COMMANDS: Command[] = [
  { keys: TABS.map((_, i) => String(i + 1)), shown: `1 to ${TABS.length}`, words: "open a tab", run: (x, e) => x.openTab(TABS[Number(e.key) - 1]!) },
  { keys: ["p"], shown: "P", words: "pin the point to the tray", run: (x) => x.pin() },
  { keys: [" "], shown: "Space", words: "play or stop a melody; pin any other point", run: (x) => (x.player ? listen(x) : x.pin()) },
  { keys: ["a"], shown: "A", words: "begin the path here", run: (x) => x.setEnd(0) },
  { keys: ["b"], shown: "B", words: "end the path here", run: (x) => x.setEnd(1) },
  { keys: ["["], shown: "[", words: "previous dimension", repeats: true, run: (x) => turn(x, -1) },
  { keys: ["]"], shown: "]", words: "next dimension", repeats: true, run: (x) => turn(x, 1) },
  { keys: [",", "<"], code: "Comma", shown: ",", words: "dimension down by 0.1 σ, with Shift by 0.5", repeats: true, run: (x, e) => nudge(x, -1, e) },
  { keys: [".", ">"], code: "Period", shown: ".", words: "dimension up by 0.1 σ, with Shift by 0.5", repeats: true, run: (x, e) => nudge(x, 1, e) },
  { keys: ["r"], shown: "R", words: "a random point", run: (x) => x.resample() },
  { keys: ["n"], shown: "N", words: "neighbours", run: (x) => x.openTab("neighbours") },
  { keys: ["c"], shown: "C", words: "compare with a second space", run: (x) => x.openTab("compare") },
  {
    keys: ["i"],
    shown: "I",
    words: "play or pause the path",
    run: (x) => {
      x.openTab("path");
      playPath(x);
    },
  },
  { keys: ["z"], shown: "Z", words: "undo, with Shift redo", repeats: true, run: (x, e) => (e.shiftKey ? x.editing.redo() : x.editing.undo()) },
  { keys: ["l"], shown: "L", words: "lasso", run: (x) => (x.map.tool = x.map.tool === "lasso" ? "select" : "lasso") },
  { keys: ["d"], shown: "D", words: "decode under the pointer", run: (x) => (x.map.tool = x.map.tool === "probe" ? "select" : "probe") },
  { keys: ["g"], shown: "G", words: "pictures instead of dots", run: (x) => (x.map.pictures = !x.map.pictures && x.sheets !== null) },
  { keys: ["v"], shown: "V", words: "the rows in sight as a table", run: (x) => x.look.openDrawer("rows") },
  { keys: ["/"], shown: "/", words: "search", run: () => document.getElementById("search")?.focus() },
  { keys: ["t"], shown: "T", words: "dark or light", run: (x) => x.look.turnTheme() },
  { keys: ["?"], shown: "?", words: "this help", run: (x) => (x.look.help = !x.look.help) },
  {
    keys: ["escape"],
    shown: "Esc",
    words: "clear the selection, leave a tool",
    run: (x) => {
      x.map.tool = "select";
      x.map.choose([]);
    },
  },
];

/** Keys that work while the map has the focus. */
export const MAP_KEYS: [string, string][] = [
  ["← → ↑ ↓", "walk to the nearest point in that direction"],
  ["Enter", "bring that point to the stage"],
  ["Shift + ← → ↑ ↓", "move the map"],
  ["+  −  0", "zoom in, out, all"],
  ["D, then ← → ↑ ↓", "decode under a cross that the arrows move"],
  ["D held + drag", "decode under the pointer until D is let go"],
  ["Shift + drag", "select what a box holds"],
];

/** Whether a key pressed at `target` belongs to what is typed there. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea") || target.isContentEditable);
}

/** Whether Shift and a command's key were pressed where the two give some other sign, as ; and : on a German keyboard. */
function isShifted({ code }: Command, event: KeyboardEvent): boolean {
  return event.shiftKey && code === event.code && !/\p{L}/u.test(event.key);
}

export function runCommand(x: Explorer, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (!x.look.keys && key !== "escape") return;
  // what is open closes first
  if (key === "escape" && document.querySelector(":popover-open")) return;
  // space and digits do what the focused control wants of them
  if (key === " " && event.target instanceof Element && event.target.closest("button, a, summary, [role=tab], input")) return;
  const command = COMMANDS.find(({ keys }) => keys.includes(key)) ?? COMMANDS.find((one) => isShifted(one, event));
  if (!command) return;
  event.preventDefault();
  if (event.repeat && !command.repeats) return;
  if (key === PROBE) held = event.timeStamp;
  command.run(x, event);
}

const PROBE = "d";
/** Milliseconds from which on a key was held and not struck. */
const HELD = 300;
let held = 0;

/** A tool whose key was held lasts as long as the key. */
export function endCommand(x: Explorer, event: KeyboardEvent): void {
  if (isTyping(event.target)) return;
  if (event.key.toLowerCase() === PROBE && x.map.tool === "probe" && event.timeStamp - held > HELD) x.map.tool = "select";
}
