/** Files of a host: fetched, checked against the view, and turned into typed arrays. */

import type { ArrayFile, FileFacts } from "../wire";

/** A file that cannot be had or is not what the view says; the message names it. */
export class FileProblem extends Error {}

export type Numbers =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>;

async function fetchBytes(url: string): Promise<ArrayBuffer> {
  let answer: Response;
  try {
    answer = await fetch(url);
  } catch {
    throw new FileProblem(`${nameOf(url)} could not be fetched: the host does not answer.`);
  }
  if (!answer.ok) throw new FileProblem(`${nameOf(url)} could not be fetched: the host answers ${answer.status}.`);
  return answer.arrayBuffer();
}

export async function fetchJson<T>(url: string): Promise<T> {
  return parsed<T>(nameOf(url), await fetchBytes(url));
}

export function parsed<T>(name: string, bytes: ArrayBuffer): T {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch {
    throw new FileProblem(`${name} is damaged: it is not valid JSON.`);
  }
}

/** A file of a view, after its length and, where the browser can hash, its checksum were compared. */
export async function fetchChecked(base: string, name: string, known: Record<string, FileFacts>): Promise<ArrayBuffer> {
  const bytes = await fetchBytes(base + name);
  const facts = known[name];
  if (!facts) return bytes;
  if (bytes.byteLength !== facts.bytes) {
    throw new FileProblem(`${name} is damaged: it has ${bytes.byteLength} bytes, not ${facts.bytes}.`);
  }
  // hashing is there on https and on this machine only
  if (globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (hex !== facts.sha256) throw new FileProblem(`${name} is damaged: it does not match its checksum.`);
  }
  return bytes;
}

const KINDS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, f32: Float32Array } as const;

export function asArray(file: ArrayFile, bytes: ArrayBuffer): Numbers {
  const expected = file.shape.reduce((a, b) => a * b, 1);
  const Kind = KINDS[file.dtype];
  if (bytes.byteLength !== expected * Kind.BYTES_PER_ELEMENT) {
    throw new FileProblem(`${file.file} is damaged: it does not hold ${expected} numbers.`);
  }
  return new Kind(bytes);
}

function nameOf(url: string): string {
  return url.split("/").pop() ?? url;
}
