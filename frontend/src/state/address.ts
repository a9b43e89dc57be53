/** The state in the page's address: short, readable, and shared by copying it. */

import { LEAST, MOST } from "../map/camera";

const ADDRESS_VERSION = 1;

/** What an address can hold; what is absent is as when the page is opened. */
export interface Address {
  /** Folder of the space, and of the one it is compared with. */
  space?: string;
  other?: string;
  /** First characters of what the view was made from: a point means nothing in another space. */
  made?: string;
  map?: string;
  camera?: [number, number, number];
  /** "on" for pictures in place of dots, "off" for dots. */
  pictures?: string;
  colour?: string;
  hidden?: number[];
  row?: number;
  z?: string;
  tray?: string[];
  way?: string;
  loop?: string;
  frames?: number;
  /** Legs from the first stop. */
  position?: number;
  /** Names and strengths of edits. */
  edits?: string[];
  /** "keep" where edits leave what other attributes read as it was. */
  others?: string;
  /** Directions of the visitor's own, packed. */
  directions?: string[];
  /** Name of the basis of the sliders, and the number of the one under the hand. */
  basis?: string;
  /** How many neighbours, and in which space they are near. */
  near?: string;
  /** Selected rows, packed. */
  chosen?: string;
  tab?: string;
  drawer?: string;
  /** What is searched for. */
  find?: string;
  theme?: string;
}

type Reader<T> = (text: string) => T | undefined;
type Fields = { [Key in keyof Required<Address>]: [string, Reader<Required<Address>[Key]>] };

const words: Reader<string> = (text) => text || undefined;
const list: Reader<string[]> = (text) => (text ? text.split(",") : undefined);
const whole: Reader<number> = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
const wholes: Reader<number[]> = (text) => text.split(",").map(whole).filter((value) => value !== undefined);
const amount: Reader<number> = (text) => (Number.isFinite(Number(text)) && text && Number(text) >= 0 ? Number(text) : undefined);
const among = (...known: string[]): Reader<string> => (text) => (known.includes(text) ? text : undefined);

function camera(text: string): [number, number, number] | undefined {
  const [x, y, k, ...rest] = text.split(",").map(Number);
  const within = (value: number | undefined, low: number, high: number) => value !== undefined && value >= low && value <= high;
  if (rest.length || !within(x, -0.5, 1.5) || !within(y, -0.5, 1.5) || !within(k, LEAST, MOST)) return undefined;
  return [x!, y!, k!];
}

const FIELDS: Fields = {
  space: ["s", words], other: ["s2", words], made: ["b", words],
  map: ["map", words], camera: ["cam", camera], pictures: ["pic", among("on", "off")], colour: ["c", words], hidden: ["off", wholes],
  row: ["sel", whole], z: ["z", words], tray: ["p", list], way: ["w", words], loop: ["lp", words], frames: ["f", whole], position: ["at", amount],
  edits: ["e", list], others: ["o", among("keep")], directions: ["d", list], basis: ["ax", words], near: ["k", words], chosen: ["g", words],
  tab: ["tab", words], drawer: ["dr", words], find: ["q", words], theme: ["th", among("dark", "light")],
}; // prettier-ignore

export function writeAddress(address: Address): string {
  const parts = new URLSearchParams({ v: String(ADDRESS_VERSION) });
  for (const [key, [name]] of Object.entries(FIELDS)) {
    const value = address[key as keyof Address];
    if (value !== undefined && !(Array.isArray(value) && !value.length)) parts.set(name, String(value));
  }
  // commas and slashes are allowed in a fragment and easier to read
  return `#${parts.toString().replaceAll("%2C", ",").replaceAll("%2F", "/")}`;
}

/** What `text`, a fragment with its #, says; parts that make no sense are left out. */
export function readAddress(text: string): Address {
  const parts = new URLSearchParams(text.replace(/^#/, ""));
  if (parts.get("v") !== String(ADDRESS_VERSION)) return {};
  const pairs = Object.entries(FIELDS).map(([key, [name, read]]) => [key, (read as Reader<unknown>)(parts.get(name) ?? "")]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length)));
}

/** What changes by a step, not by a drag: an address that differs in it is one to come back to. */
const STEPS = [
  "space", "other", "map", "pictures", "colour", "hidden", "row", "tray", "way", "loop", "frames", "others", "chosen", "tab", "drawer",
] as const; // prettier-ignore

export function stepsOf(address: Address): string {
  return writeAddress(Object.fromEntries(STEPS.map((key) => [key, address[key]])));
}
