/** The state in the page's address: short, readable, and shared by copying it. */

import type { Basis } from "../wire";

export const ADDRESS_VERSION = 1;

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
  tab?: string;
  theme?: string;
}

const NAMES: Record<keyof Address, string> = {
  space: "s", made: "b", map: "map", camera: "cam", colour: "c", hidden: "off", row: "sel", z: "z", tray: "p", tab: "tab", theme: "th",
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
    tab: get("tab"),
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
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The point that `packPoint` wrote; null where the text is no point of this space. */
export function unpackPoint(text: string, raw: Basis): Float32Array | null {
  let bytes: string;
  try {
    bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
  if (bytes.length !== 2 * raw.dimensions.length) return null;
  return Float32Array.from(raw.dimensions, (_, d) => {
    const [low, span] = range(raw, d);
    return low + ((bytes.charCodeAt(2 * d) + 256 * bytes.charCodeAt(2 * d + 1)) / 65535) * span;
  });
}

function range(raw: Basis, d: number): [number, number] {
  const { low, high } = raw.dimensions[d]!.histogram;
  return [low - (high - low), 3 * (high - low)];
}
