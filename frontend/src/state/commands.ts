/** What single keys do; the help lists the same table. */

import type { Explorer } from "./explorer.svelte";
import { TABS } from "./look.svelte";

export interface Command {
  keys: string[];
  shown: string;
  words: string;
  run: (x: Explorer, event: KeyboardEvent) => void;
}

const FINE = 0.1;
const COARSE = 0.5;

function turn(x: Explorer, by: number): void {
  const { order } = x;
  const at = order.indexOf(x.dimension);
  x.dimension = order[(at + by + order.length) % order.length]!;
  x.look.tab = "latent";
  x.look.say(`Dimension ${x.basis.dimensions[x.dimension]!.name}`);
}

function nudge(x: Explorer, sign: number, event: KeyboardEvent): void {
  const { std, name } = x.basis.dimensions[x.dimension]!;
  const value = x.coordinate(x.dimension) + sign * (event.shiftKey ? COARSE : FINE) * std;
  const z = x.movedAlong(x.dimension, value);
  if (!z) return;
  x.adjust(z, `slide ${x.basis.name} ${x.dimension}`);
  x.look.say(`${name} ${value.toFixed(2)}`);
}

/** Keys that work anywhere on the page. */
export const COMMANDS: Command[] = [
  { keys: TABS.map((_, i) => String(i + 1)), shown: `1 to ${TABS.length}`, words: "open a tab", run: (x, e) => x.openTab(TABS[Number(e.key) - 1]!) },
  { keys: ["p"], shown: "P", words: "pin the point to the tray", run: (x) => x.pin() },
  { keys: [" "], shown: "Space", words: "play or stop a melody; pin any other point", run: (x) => (x.player ? x.listen() : x.pin()) },
  { keys: ["a"], shown: "A", words: "begin the path here", run: (x) => x.setEnd(0) },
  { keys: ["b"], shown: "B", words: "end the path here", run: (x) => x.setEnd(1) },
  { keys: ["["], shown: "[", words: "previous dimension", run: (x) => turn(x, -1) },
  { keys: ["]"], shown: "]", words: "next dimension", run: (x) => turn(x, 1) },
  { keys: [",", "<"], shown: ",", words: "dimension down by 0.1 σ, with Shift by 0.5", run: (x, e) => nudge(x, -1, e) },
  { keys: [".", ">"], shown: ".", words: "dimension up by 0.1 σ, with Shift by 0.5", run: (x, e) => nudge(x, 1, e) },
  { keys: ["r"], shown: "R", words: "a random point", run: (x) => x.resample() },
  { keys: ["n"], shown: "N", words: "neighbours", run: (x) => x.openTab("neighbours") },
  { keys: ["c"], shown: "C", words: "compare with a second space", run: (x) => x.openTab("compare") },
  {
    keys: ["i"],
    shown: "I",
    words: "play or pause the path",
    run: (x) => {
      x.openTab("path");
      x.playPath();
    },
  },
  { keys: ["z"], shown: "Z", words: "undo, with Shift redo", run: (x, e) => (e.shiftKey ? x.editing.redo() : x.editing.undo()) },
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
];

/** Whether a key pressed at `target` belongs to what is typed there. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), select, textarea") || target.isContentEditable);
}

export function runCommand(x: Explorer, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  if (!x.look.keys && key !== "escape") return;
  // what is open closes first
  if (key === "escape" && document.querySelector(":popover-open")) return;
  // space and digits do what the focused control wants of them
  if (key === " " && event.target instanceof Element && event.target.closest("button, a, summary, [role=tab], input")) return;
  const command = COMMANDS.find(({ keys }) => keys.includes(key));
  if (!command) return;
  event.preventDefault();
  command.run(x, event);
}
