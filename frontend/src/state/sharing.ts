/** Between the explorer and the address that brings it back. */

import type { Theme } from "../map/colours";
import { FRAMES, LOOPS, type Loop } from "./path.svelte";
import { WAYS, type Way } from "./paths";
import type { Address } from "./address";
import { NEARNESS, type Nearness } from "./around.svelte";
import { LOCAL } from "./bases";
import { own } from "./edits.svelte";
import type { Explorer } from "./explorer.svelte";
import { OVERLAP } from "./join";
import { DRAWERS, TABS, type Drawer, type Tab } from "./look.svelte";
import { DIMENSIONS } from "./map.svelte";
import { packNamed, packNumbers, packPoint, packRows, unpackNamed, unpackNumbers, unpackPoint, unpackRows } from "./packing";

const whereNot = <T>(value: T, usual: T): T | undefined => (value === usual ? undefined : value);

export function addressOf(x: Explorer): Address {
  const { look, space, host } = x;
  return {
    space: host.spaces.length > 1 ? space.path : undefined,
    other: host.spaces.length > 2 ? x.second.entry?.path : undefined,
    made: space.view.made_from.slice(0, 8),
    ...viewOf(x),
    ...pointOf(x),
    ...pathOf(x),
    tab: whereNot(look.tab, "latent"),
    drawer: look.drawer ?? undefined,
    theme: look.chosenTheme ?? undefined,
  };
}

/** The map, and what is seen of it. */
function viewOf(x: Explorer): Address {
  const { map } = x;
  const { x: left, y: top, k } = map.camera;
  const moved = k !== 1 || left !== 0.5 || top !== 0.5;
  const chosen = map.chosenRows;
  return {
    map: whereNot(map.name === DIMENSIONS ? `${DIMENSIONS}:${map.pair.join(":")}` : map.name, map.firstName),
    camera: moved ? ([left, top, k].map((v) => Number(v.toPrecision(5))) as [number, number, number]) : undefined,
    pictures: whereNot(map.pictures, x.fewPictures) === undefined ? undefined : map.pictures ? "on" : "off",
    colour: map.colour === map.firstColour ? undefined : map.colour || "none",
    hidden: [...map.hidden],
    chosen: chosen.length ? packRows(chosen, x.space.rows) : undefined,
    find: x.finder.query || undefined,
  };
}

/** The stage, its edits, and how it is moved. */
function pointOf(x: Explorer): Address {
  const { edits } = x.editing;
  const basis = x.sliders.dimension === x.sliders.order[0] || x.sliders.basis.name === LOCAL ? x.sliders.basis.name : `${x.sliders.basis.name}:${x.sliders.dimension}`;
  return {
    row: edits.row >= 0 ? edits.row : undefined,
    z: edits.row < 0 && edits.base ? packPoint(edits.base, x.stage.raw) : undefined,
    edits: edits.list.map(({ name, strength }) => packNamed(name, String(Number(strength.toPrecision(3))))),
    others: edits.keep ? "keep" : undefined,
    directions: edits.directions.filter(({ kind }) => kind === "own").map((one) => packNamed(one.name, packNumbers(Float32Array.from([...one.vector, one.bias])))),
    basis: whereNot(basis, x.space.view.bases[0]!.name),
    near: whereNot(x.around.by === "codes" ? String(x.neighbourCount) : `${x.neighbourCount}:${x.around.by}`, String(x.usualCount)),
  };
}

function pathOf({ tray, stage, space }: Explorer): Address {
  return {
    tray: tray.pins.map((pin) => (pin.row >= 0 ? String(pin.row) : packPoint(pin.z, stage.raw))),
    way: whereNot<string>(tray.way, space.view.path),
    loop: whereNot<string>(tray.loop, "back"),
    frames: whereNot(tray.frames, FRAMES[2]),
    position: tray.position ? Number(tray.position.toFixed(3)) : undefined,
  };
}

/** Whether an address was made for this space, so that rows and points in it mean something. */
function isOwn(x: Explorer, { made }: Address): boolean {
  return !made || x.space.view.made_from.startsWith(made);
}

/** The map as an address has it, before the codes have come. */
export function takeView(x: Explorer, address: Address): void {
  const { map, look } = x;
  look.tab = TABS.find((tab: Tab) => tab === address.tab) ?? "latent";
  look.drawer = DRAWERS.find((drawer: Drawer) => drawer === address.drawer) ?? null;
  const { camera, colour, map: name } = isOwn(x, address) ? address : ({} as Address);
  takeMap(x, name);
  map.camera = camera ? { x: camera[0], y: camera[1], k: camera[2] } : { x: 0.5, y: 0.5, k: 1 };
  // shared neighbours are found out on the page, and come later
  const known = map.columns.some((column) => column.name === colour) || (colour === OVERLAP && x.second.entry !== null);
  map.colour = colour === "none" ? "" : known ? colour! : map.firstColour;
}

function takeMap({ map, space }: Explorer, wanted = ""): void {
  const [name, ...pair] = wanted.split(":");
  map.name = space.view.maps.some((known) => known.name === name) ? name! : map.firstName;
  if (name !== DIMENSIONS) return;
  const known = pair.length === 2 && pair.every((d) => /^\d+$/.test(d) && Number(d) < space.dim);
  if (!known) return;
  map.name = DIMENSIONS;
  map.pair = pair.map(Number) as [number, number];
}

/** All the rest as an address has it; the codes must have been loaded. */
export function takePoints(x: Explorer, address: Address): void {
  const own = isOwn(x, address);
  const { find = "", hidden = [], chosen, pictures, basis = "", near } = own ? address : ({} as Address);
  if (hidden.join() !== [...x.map.hidden].join()) x.map.hidden = new Set(hidden);
  x.map.choose((chosen && unpackRows(chosen, x.space.rows)) || []);
  x.map.pictures = x.sheets !== null && (pictures ? pictures === "on" : x.fewPictures);
  if (find !== x.finder.query) x.finder.look(find);
  const [many, by] = (near ?? "").split(":");
  const count = Number(many);
  const known = NEARNESS.find((one: Nearness) => one === by && (one !== "other" || x.second.entry !== null)) ?? "codes";
  if (known !== x.around.by) x.around.choose(known);
  x.neighbourCount = count >= x.leastCount && count <= x.mostCount ? Math.round(count) : x.usualCount;
  takePath(x, own ? address : {});
  takePoint(x, own ? address : {});
  takeBasis(x, basis);
  if (!own) x.remark = "This link was made for another space; what it pointed at is left out.";
}

function takeBasis(x: Explorer, text: string): void {
  const [name, index] = text.split(":");
  const { bases } = x.space.view;
  x.sliders.ranking = null;
  if (name === LOCAL) return x.sliders.chooseLocal();
  x.sliders.choose(bases.find((basis) => basis.name === name) ?? bases[0]!);
  if (index !== undefined && x.sliders.basis.dimensions[Number(index)]) x.sliders.dimension = Number(index);
}

function takePath(x: Explorer, { tray: pins = [], way, loop, frames, position = 0 }: Address): void {
  const { tray, space, stage } = x;
  const now = pathOf(x).tray!;
  if (now.join() !== pins.join()) {
    tray.clear();
    for (const item of pins) {
      const known = /^\d+$/.test(item) && Number(item) < space.rows ? Number(item) : -1;
      const point = known >= 0 ? space.code(known) : unpackPoint(item, stage.raw);
      if (point) tray.add(point, known, known >= 0 ? x.name(known) : "point");
    }
  }
  tray.way = WAYS.find((one: Way) => one === way) ?? space.view.path;
  tray.loop = LOOPS.find((one: Loop) => one === loop) ?? "back";
  tray.frames = FRAMES.find((one) => one === frames) ?? FRAMES[2];
  tray.position = Math.min(position, tray.legs);
}

/** The point on the stage and its edits, where these are not there already. */
function takePoint(x: Explorer, address: Address): void {
  const { space, stage } = x;
  const now = pointOf(x);
  takeDirections(x, address);
  if ((["row", "z", "edits", "others"] as const).every((key) => String(now[key] ?? "") === String(address[key] ?? ""))) return;
  const row = address.row !== undefined && address.row < space.rows ? address.row : -1;
  const z = address.z ? unpackPoint(address.z, stage.raw) : null;
  if (row >= 0 && row === x.trail.at(-2)) x.back();
  else if (row >= 0) x.showRow(row);
  else if (z) x.showPoint(z);
  else x.showFirst();
  takeEdits(x, address);
}

/** Directions of the visitor's own are added, and none is taken away. */
function takeDirections({ editing, space }: Explorer, { directions = [] }: Address): void {
  for (const [name, packed] of directions.map(unpackNamed).filter((item) => item !== null)) {
    const numbers = unpackNumbers(packed, space.dim + 1);
    if (numbers && !editing.edits.isTaken(name)) editing.edits.add(own(name, numbers.slice(0, -1), numbers.at(-1)!));
  }
}

function takeEdits({ editing, stage }: Explorer, { edits = [], others }: Address): void {
  editing.edits.keep = others === "keep";
  for (const [name, text] of stage.z ? edits.map(unpackNamed).filter((item) => item !== null) : []) {
    const strength = Number(text);
    const known = editing.edits.directions.some((one) => one.name === name);
    if (known && Number.isFinite(strength)) editing.edits.set(name, strength);
  }
  if (editing.edits.list.length) editing.show();
}

/** Go where an address leads that came while the page was open: gone back to, or pasted. */
export async function follow(x: Explorer, address: Address): Promise<void> {
  if (address.theme) x.look.chosenTheme = address.theme as Theme;
  takeView(x, address);
  await Promise.all([x.map.open(), x.map.colourBy(x.map.colour)]);
  takePoints(x, address);
}
