/** An address as a file, for what is too long to be sent as a link. */

const KIND = "latentarium view";
/** Letters up to which programs leave an address whole. */
export const LONGEST = 2000;

/** The state that an address holds, as a file. */
export function savedState(fragment: string, title: string): Blob {
  return new Blob([`${JSON.stringify({ kind: KIND, title, address: fragment }, null, 1)}\n`], { type: "application/json" });
}

/** The address in a saved file. */
export async function readSaved(file: Blob): Promise<string> {
  const stored: unknown = await file.text().then(JSON.parse).catch(() => null);
  const { kind, address } = (stored ?? {}) as { kind?: unknown; address?: unknown };
  if (kind !== KIND || typeof address !== "string" || !address.startsWith("#v=")) throw new Error("it is not a view that was saved here");
  return address;
}
