/** Points, names, numbers and rows as the short text that an address holds. */

import type { Basis } from "../wire";

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

/** Rows of `total`, ascending: the gaps between them, seven bits a byte; of most rows those that are left out. */
export function packRows(rows: readonly number[], total: number): string {
  const few = 2 * rows.length <= total;
  const given = new Set(rows);
  const written = few ? rows : Array.from({ length: total }, (_, row) => row).filter((row) => !given.has(row));
  const bytes: number[] = [];
  let before = -1;
  for (const row of written) {
    let gap = row - before - 1;
    for (; gap > 127; gap >>>= 7) bytes.push(128 | (gap & 127));
    bytes.push(gap);
    before = row;
  }
  return `${few ? "" : "~"}${toText(Uint8Array.from(bytes))}`;
}

/** The rows that `packRows` wrote; null where the text is something else. */
export function unpackRows(text: string, total: number): number[] | null {
  const bytes = toBytes(text.replace(/^~/, ""));
  if (!bytes) return null;
  const rows: number[] = [];
  let [gap, shift, before] = [0, 0, -1];
  for (const byte of bytes) {
    gap += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte & 128) continue;
    before += gap + 1;
    if (before >= total) return null;
    rows.push(before);
    [gap, shift] = [0, 0];
  }
  if (shift) return null;
  if (!text.startsWith("~")) return rows;
  const left = new Set(rows);
  return Array.from({ length: total }, (_, row) => row).filter((row) => !left.has(row));
}

function toText(bytes: Uint8Array): string {
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function toBytes(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}
