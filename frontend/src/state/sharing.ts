/** Between the explorer and the address that brings it back. */

import { packNamed, packNumbers, packPoint, unpackNamed, unpackNumbers, unpackPoint, type Address } from "./address";
import { own } from "./edits.svelte";
import type { Explorer } from "./explorer.svelte";
import { DRAWERS, TABS, type Drawer, type Tab } from "./look.svelte";
import { DIMENSIONS, MapState } from "./map.svelte";

export function addressOf(x: Explorer): Address {
  const { map, stage, look, tray, space } = x;
  const { edits } = x.editing;
  const first = new MapState(space);
  const mapName = map.name === DIMENSIONS ? `${DIMENSIONS}:${map.pair.join(":")}` : map.name;
  const moved = map.camera.k !== 1 || map.camera.x !== 0.5 || map.camera.y !== 0.5;
  return {
    space: x.host.spaces.length > 1 ? space.path : undefined,
    made: space.view.made_from.slice(0, 8),
    map: map.name === first.name ? undefined : mapName,
    camera: moved ? ([map.camera.x, map.camera.y, map.camera.k].map((v) => Number(v.toPrecision(4))) as [number, number, number]) : undefined,
    colour: map.colour === first.colour ? undefined : map.colour || "none",
    hidden: [...map.hidden],
    row: edits.row >= 0 ? edits.row : undefined,
    z: edits.row < 0 && edits.base ? packPoint(edits.base, stage.raw) : undefined,
    edits: edits.list.map(({ name, strength }) => packNamed(name, String(Number(strength.toPrecision(3))))),
    others: edits.keep ? "keep" : undefined,
    directions: edits.directions.filter(({ kind }) => kind === "own").map((one) => packNamed(one.name, packNumbers(Float32Array.from([...one.vector, one.bias])))),
    tray: tray.pins.map((pin) => (pin.row >= 0 ? String(pin.row) : packPoint(pin.z, stage.raw))),
    tab: look.tab === "latent" ? undefined : look.tab,
    drawer: look.drawer ?? undefined,
    find: x.finder.query || undefined,
    theme: look.chosenTheme ?? undefined,
  };
}

/** Whether an address was made for this space, so that rows and points in it mean something. */
function isOwn(x: Explorer, { made }: Address): boolean {
  return !made || x.space.view.made_from.startsWith(made);
}

/** The map as an address has it. */
export function takeView(x: Explorer, address: Address): void {
  const { map, space } = x;
  if (TABS.includes(address.tab as Tab)) x.look.tab = address.tab as Tab;
  if (DRAWERS.includes(address.drawer as Drawer)) x.look.drawer = address.drawer as Drawer;
  if (!isOwn(x, address)) return;
  const [name, ...pair] = (address.map ?? "").split(":");
  if (name === DIMENSIONS && pair.every((d) => Number(d) < space.dim)) {
    map.name = DIMENSIONS;
    map.pair = [Number(pair[0] ?? 0), Number(pair[1] ?? 1)];
  } else if (space.view.maps.some((known) => known.name === name)) map.name = name!;
  if (address.find) x.finder.look(address.find);
  if (address.camera) map.camera = { x: address.camera[0], y: address.camera[1], k: address.camera[2] };
  // a colour that is found out on the page, such as shared neighbours, comes later
  if (address.colour) map.colour = address.colour === "none" ? "" : address.colour;
}

/** The stage, its edits and the tray as an address has them; the codes must have been loaded. */
export function takePoints(x: Explorer, address: Address): void {
  const { space, stage } = x;
  if (!isOwn(x, address)) {
    x.showFirst();
    x.remark = "This link was made for another space; what it pointed at is left out.";
    return;
  }
  const row = address.row !== undefined && address.row < space.rows ? address.row : -1;
  const z = address.z ? unpackPoint(address.z, stage.raw) : null;
  if (row >= 0) x.showRow(row);
  else if (z) x.showPoint(z);
  if (stage.z) takeEdits(x, address);
  for (const item of address.tray ?? []) {
    const known = /^\d+$/.test(item) && Number(item) < space.rows ? Number(item) : -1;
    const point = known >= 0 ? space.code(known) : unpackPoint(item, stage.raw);
    if (point) x.tray.add(point, known, known >= 0 ? x.name(known) : "point");
  }
}

function takeEdits({ editing, space }: Explorer, { edits = [], others, directions = [] }: Address): void {
  for (const [name, packed] of directions.map(unpackNamed).filter((item) => item !== null)) {
    const numbers = unpackNumbers(packed, space.dim + 1);
    if (numbers && !editing.edits.isTaken(name)) editing.edits.add(own(name, numbers.slice(0, -1), numbers.at(-1)!));
  }
  editing.edits.keep = others === "keep";
  for (const [name, text] of edits.map(unpackNamed).filter((item) => item !== null)) {
    const strength = Number(text);
    const known = editing.edits.directions.some((one) => one.name === name);
    if (known && Number.isFinite(strength)) editing.edits.set(name, strength);
  }
  if (editing.edits.list.length) editing.show();
}
