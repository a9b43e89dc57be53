/** Files of the visitor's own that a space can encode. */

import { fitted, toValues } from "../decode/pixels";
import type { TextKind, View } from "../wire";
import { linesOf, musicOf, stepsOf } from "./notes";
import { symbolsOf, textArray, textOf } from "./text";

/** One row in a file: an array as the encoder takes it. */
export interface Piece {
  name: string;
  values: Float32Array;
}

export interface Drop {
  /** What it is, with its article. */
  words: string;
  accept: string;
  /** Shape of one row of the encoder's input. */
  shape: number[];
  read: (file: Blob, name: string) => Promise<Piece[]>;
}

/** What can be dropped on a space that has an encoder. */
export function dropOf(view: View): Drop | null {
  const { modality } = view;
  if (modality.kind === "image") {
    const { channels, height, width } = modality;
    const read = async (file: Blob, name: string) => [{ name, values: toValues(fitted(await createImageBitmap(file), modality), modality) }];
    return { words: "a picture", accept: "image/*", shape: [channels, height, width], read };
  }
  const written = textOf(view);
  if (written) {
    const read = async (file: Blob, name: string) => piecesOf(written, await file.text(), name);
    return { words: "a file of lines", accept: ".txt,text/plain", shape: [written.pieces.length, written.steps], read };
  }
  const music = musicOf(view);
  if (!music) return null;
  return {
    words: "a MIDI file",
    accept: ".mid,.midi,audio/midi",
    shape: [linesOf(music), stepsOf(music)],
    read: async (file, name) => {
      const [{ readMidi }, bytes] = await Promise.all([import("./midi"), file.arrayBuffer()]);
      return readMidi(music, new Uint8Array(bytes), name);
    },
  };
}

const MOST_LINES = 1000;

function piecesOf(kind: TextKind, text: string, name: string): Piece[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim()).slice(0, MOST_LINES);
  if (!lines.length) throw new Error("it holds no line");
  const many = lines.length > 1;
  return lines.map((line, i) => ({ name: many ? `${name}, line ${i + 1}` : name, values: textArray(kind, symbolsOf(kind, line)) }));
}
