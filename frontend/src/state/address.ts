/** The state in the page's address: short, readable, and shared by copying it. */

import type { Basis } from "../wire";

const ADDRESS_VERSION = 1;

/** What an address can hold; what is absent is as when the page is opened. */
export interface Address {
  /** Folder of the space. */
  space?: string;
  /** First characters of what the view was made from: a point means nothing in another space. */
  made?: string;
  map?: string;
  camera?: [number, number, number];
  colour?: string;
  hidden?: number[];
  row?: number;
  z?: string;
  tray?: string[];
  /** Names and strengths of edits. */
  edits?: string[];
  /** "keep" where edits leave what other attributes read as it was. */
  others?: string;
  /** Directions of the visitor's own, packed. */
  directions?: string[];
  tab?: string;
  drawer?: string;
  /** What is searched for. */
  find?: string;
  theme?: string;
}

const NAMES: Record<keyof Address, string> = {
  space: "s", made: "b", map: "map", camera: "cam", colour: "c", hidden: "off", row: "sel", z: "z", tray: "p", edits: "e", others: "o", directions: "d",
  tab: "tab", drawer: "dr", find: "q", theme: "th",
}; // prettier-ignore

export function writeAddress(address: Address): string {
  const parts = new URLSearchParams({ v: String(ADDRESS_VERSION) });
  for (const [key, name] of Object.entries(NAMES) as [keyof Address, string][]) {
    const value = address[key];
    if (value !== undefined && !(Array.isArray(value) && !value.length)) parts.set(name, String(value));
  }
  // commas and slashes are allowed in a fragment and easier to read
  return `#${parts.toString().replaceAll("%2C", ",").replaceAll("%2F", "/")}`;
}

/** What `text`, a fragment with its #, says; parts that make no sense are left out. */
export function readAddress(text: string): Address {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  if (parts.get("v") !== String(ADDRESS_VERSION)) return {};
  const get = (key: keyof Address) => parts.get(NAMES[key]) || undefined;
  const numbers = (key: keyof Address) => get(key)?.split(",").map(Number).filter(Number.isFinite);
  const camera = numbers("camera");
  const row = Number(get("row") ?? NaN);
  const address: Address = {
    space: get("space"),
    made: get("made"),
    map: get("map"),
    camera: camera?.length === 3 ? (camera as [number, number, number]) : undefined,
    colour: get("colour"),
    hidden: numbers("hidden"),
    row: Number.isInteger(row) && row >= 0 ? row : undefined,
    z: get("z"),
    tray: get("tray")?.split(","),
    edits: get("edits")?.split(","),
    others: get("others"),
    directions: get("directions")?.split(","),
    tab: get("tab"),
    drawer: get("drawer"),
    find: get("find"),
    theme: get("theme"),
  };
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined));
}

/** A latent point in 16 bits a number, over each dimension's slider and once more to either side. */
export function packPoint(z: Float32Array, raw: Basis): string {
  const bytes = new Uint8Array(2 * z.length);
  z.forEach((value, d) => {
    const [low, span] = range(raw, d);
    const number = Math.round(Math.max(0, Math.min(1, (value - low) / span)) * 65535);
    bytes.set([number & 255, number >> 8], 2 * d);
  });
  return toText(bytes);
}

/** A name and a value, in an item of a list. */
export function packNamed(name: string, value: string): string {
  // escaped once more than the address does by itself, since commas and colons part items
  return `${encodeURIComponent(name).replaceAll("'", "%27")}:${value}`;
}

export function unpackNamed(text: string): [string, string] | null {
  const [name, value, ...rest] = text.split(":");
  if (!name || !value || rest.length) return null;
  try {
    return [decodeURIComponent(name), value];
  } catch {
    return null;
  }
}

/** Numbers in 16 bits each, over the range of the largest. */
export function packNumbers(values: Float32Array): string {
  const most = Math.fround(Math.max(...values.map(Math.abs), 1e-9));
  const view = new DataView(new ArrayBuffer(4 + 2 * values.length));
  view.setFloat32(0, most, true);
  values.forEach((value, d) => view.setInt16(4 + 2 * d, Math.round((value / most) * 32767), true));
  return toText(new Uint8Array(view.buffer));
}

/** The `count` numbers that `packNumbers` wrote; null where the text is something else. */
export function unpackNumbers(text: string, count: number): Float32Array | null {
  const bytes = toBytes(text);
  if (bytes?.length !== 4 + 2 * count) return null;
  const view = new DataView(bytes.buffer);
  const most = view.getFloat32(0, true);
  const values = Float32Array.from({ length: count }, (_, d) => (view.getInt16(4 + 2 * d, true) / 32767) * most);
  return values.every(Number.isFinite) ? values : null;
}

function toText(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function toBytes(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The point that `packPoint` wrote; null where the text is no point of this space. */
export function unpackPoint(text: string, raw: Basis): Float32Array | null {
  const bytes = toBytes(text);
  if (bytes?.length !== 2 * raw.dimensions.length) return null;
  return Float32Array.from(raw.dimensions, (_, d) => {
    const [low, span] = range(raw, d);
    return low + ((bytes[2 * d]! + 256 * bytes[2 * d + 1]!) / 65535) * span;
  });
}

function range(raw: Basis, d: number): [number, number] {
  const { low, high } = raw.dimensions[d]!.histogram;
  return [low - (high - low), 3 * (high - low)];
}
