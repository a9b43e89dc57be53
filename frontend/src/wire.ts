// The types of the page's JSON files and of the server's answers. Made by: python scripts/make_wire_types.py

/** A file that is one little-endian array, row by row. */
export interface ArrayFile {
  file: string;
  dtype: "u8" | "u16" | "u32" | "f32";
  shape: number[];
}

/** A linear reading of one attribute: score = z . weights + bias, and z + s * vector raises it by s. The score of a class is its log-odds, of a number its value as mean + scale * score. `low` and `high` are the first and the 99th percentile of the rows' scores, `quality` says how well held-out rows are read. `id` is what it is called where it is set or kept, and `column` the label that it is a value of, or itself. */
export interface Attribute {
  name: string;
  id: string;
  column: string;
  kind: "class" | "number";
  vector: number[];
  weights: number[];
  bias: number;
  mean: number;
  scale: number;
  low: number;
  high: number;
  quality: string;
}

/** Directions to slide along; z = mean + sum of value * axis, `axes` (k, d) orthonormal, None for z itself. */
export interface Basis {
  name: string;
  title: string;
  mean: number[];
  axes: number[][] | null;
  order: number[];
  dimensions: Dimension[];
}

/** What a score rests on, what to look at first in front. Of `errors` the rows that are reconstructed worst, of `codes` those whose codes lie farthest out; of `classes` and of `dimensions` of the basis the parts, with what their values are in words. */
export interface Behind {
  kind: "errors" | "codes" | "classes" | "dimensions";
  words: string;
  basis: string | null;
  parts: Part[];
}

/** A label or attribute with few values. */
export interface CategoryColumn {
  kind: "category";
  name: string;
  title: string;
  values: ArrayFile;
  names: string[];
  counts: number[];
}

/** Latent points (n, d) of the space in the folder `space`. */
export interface DecodeRequest {
  space: string;
  z: number[][];
}

/** One direction to slide along: a latent dimension or a principal component. `effect` is the root mean square change of the decoded values over one standard deviation. */
export interface Dimension {
  name: string;
  mean: number;
  std: number;
  effect: number | null;
  active: boolean;
  histogram: Histogram;
}

/** Drum patterns: arrays hold the probability of each stroke, (drums, 16 bars); `pitches` are those of General MIDI that count as each drum, the first is played. */
export interface DrumKind {
  kind: "drums";
  bars: number;
  names: string[];
  pitches: number[][];
}

/** Edited codes (n, d); what became of each attribute; how much others moved; percentiles of how far out each code was and is, and whether it left the data; how far it went, and how much what it decodes to changed. */
export interface EditAnswer {
  z: number[][];
  attributes: EditEffect[];
  leakage: number | null;
  typicality: ([number, number])[];
  left_data: boolean[];
  length: number;
  change: number[];
}

/** What an edit did to one attribute, the mean over the rows: read in the codes, and in what they decode to. */
export interface EditEffect {
  name: string;
  role: "set" | "kept" | "other";
  before: number;
  after: number;
  seen_before: number | null;
  seen_after: number | null;
}

/** Changes to rows of the view, or to codes `z` (n, d), of the space in the folder `space`. `set` gives for an attribute how far to move it, in units of log-odds or of a number's standard deviations, or for a column of several values its new one; attributes and columns in `keep` stay, those in part with `slack`. */
export interface EditRequest {
  space: string;
  rows: number[] | null;
  z: number[][] | null;
  set: Record<string, number | string>;
  keep: string[];
  slack: number;
}

/** Codes (n, d). */
export interface EncodeAnswer {
  z: number[][];
}

/** Rows in array units, flattened (n, values), of the space in the folder `space`. */
export interface EncodeRequest {
  space: string;
  x: number[][];
}

/** The one shape of every error. */
export interface ErrorAnswer {
  error: ErrorFacts;
}

/** What went wrong in one line, and the HTTP status. */
export interface ErrorFacts {
  message: string;
  status: number;
}

/** Size and checksum of a file of the view. */
export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** A network for the page: an ONNX file and pairs of input and output it must reproduce to `tolerance`. `psnr` is of one with weights in 8 bits alone: how near its outputs are to those of the trained network, in dB. */
export interface Graph {
  file: string;
  loop: Loop | null;
  bytes: number;
  inputs: ArrayFile;
  outputs: ArrayFile;
  conditions: number;
  tolerance: number;
  psnr: number | null;
}

/** Counts of codes in equal bins from low to high. */
export interface Histogram {
  low: number;
  high: number;
  counts: number[];
}

/** host.json: what is served, and whether a server is there to decode; the one file in which hosts differ. */
export interface Host {
  version: 1;
  generator: string;
  api: boolean;
  spaces: SpaceEntry[];
}

/** Pictures: arrays are channels first, 0 to 1. */
export interface ImageKind {
  kind: "image";
  channels: number;
  height: number;
  width: number;
}

/** Rows that are no pictures: of tables as arrays, of melodies, drums and lines raw; `rows` as for thumbs. */
export interface Inputs {
  values: ArrayFile;
  rows: ArrayFile | null;
}

/** A map that can be walked back exactly: coordinates = (z - mean) axes^T, `axes` (2, d) orthonormal. */
export interface LinearMap {
  mean: number[];
  axes: number[][];
}

/** What the rows say: a JSON list of the texts of the first `count`. */
export interface Lines {
  file: string;
  count: number;
}

/** How a decoder that takes one symbol after another is run: `Graph.file` gives from z what each step is told, (n, width, steps), and `file` from that, the symbol before (`first` where there is none) and a state of `state` zeros, set to zeros again every `restart` steps, the log probabilities of the next symbol and the next state. After the symbol `end`, where there is one, nothing comes but itself. */
export interface Loop {
  file: string;
  steps: number;
  symbols: number;
  state: number;
  first: number;
  restart: number;
  end: number | null;
}

/** Coordinates of every row on one map. */
export interface MapView {
  name: string;
  title: string;
  points: Packed;
  linear: LinearMap | null;
  quality: Record<string, number>;
  about: string;
}

/** Melodies of one voice: arrays hold the probability of each symbol at each sixteenth, (symbols, 16 bars). Symbol 0 is silence, 1 lets the note before go on, k from `first` strikes MIDI pitch k - `first` + `lowest`. Nearly all notes of the rows at hand are from `low` to `high`. */
export interface MelodyKind {
  kind: "melody";
  bars: number;
  symbols: number;
  first: number;
  lowest: number;
  low: number;
  high: number;
}

/** A label, attribute or score that is a number; NaN where a row has none. */
export interface NumberColumn {
  kind: "number";
  name: string;
  title: string;
  values: ArrayFile;
  low: number;
  high: number;
  percentiles: number[];
}

/** An array of whole numbers that stand for value = number * scale + offset, column by column. */
export interface Packed {
  array: ArrayFile;
  scale: number[];
  offset: number[];
}

/** Rows without a place: their codes are not finite. `ids` are those of the first hundred. */
export interface Parked {
  count: number;
  ids: string[];
}

/** One class or dimension behind a score: its name, its number, and what it scores by itself. */
export interface Part {
  name: string;
  index: number;
  value: number;
}

/** report.json: the scores of the bundle's spec sheet. */
export interface Report {
  rows: string;
  families: ReportFamily[];
  scores: ReportScore[];
  findings: ReportFinding[];
}

/** A group of scores and what they say together. */
export interface ReportFamily {
  title: string;
  about: string;
}

/** Something that stands out, in words, and the names of the scores that show it. */
export interface ReportFinding {
  title: string;
  words: string;
  advice: string;
  scores: string[];
}

/** One score of the report; `family` is the title of its group. */
export interface ReportScore {
  name: string;
  title: string;
  value: number | null;
  shown: string;
  unit: string;
  interval: string;
  direction: "higher" | "lower" | "neither";
  n: number;
  meaning: string;
  misleads: string;
  headline: boolean;
  family: string;
  behind: Behind | null;
}

/** Rows by their places in the view of the space in the folder `space`, whole numbers from 0. */
export interface RowsRequest {
  space: string;
  rows: number[];
}

/** Sentences, of which there are vectors and no way back. */
export interface SentenceKind {
  kind: "sentences";
}

/** A space that a host serves, and the folder it is in. */
export interface SpaceEntry {
  name: string;
  path: string;
}

/** A column of a table; numbers are standardised by `mean` and `std` in the array. */
export interface TableColumn {
  name: string;
  kind: "numeric" | "categorical";
  mean: number;
  std: number;
  categories: string[];
  has_missing: boolean;
}

/** Tables: arrays hold standardised numbers, then missing-value indicators, then one-hot categories. */
export interface TableKind {
  kind: "table";
  columns: TableColumn[];
}

/** Lines of text: arrays hold the probability of each symbol at each step, (symbols, steps). `pieces` is what each symbol stands for: 0 ends a line, 1 is a character that is not known, then come single characters, then what pairs of symbols give that are merged, in the order of `merges`. */
export interface TextKind {
  kind: "text";
  steps: number;
  pieces: string[];
  merges: ([number, number])[];
}

/** Pictures of rows on sheets, cell by cell; `rows` says which row is in which cell, None for the first ones. */
export interface Thumbs {
  sheets: string[];
  width: number;
  height: number;
  across: number;
  per_sheet: number;
  count: number;
  rows: ArrayFile | null;
}

/** Percentiles 0 to 100 of codes' length and of the distance to the tenth nearest of the first `rows` codes. */
export interface Typicality {
  rows: number;
  neighbours: number;
  centre: number[];
  length: number[];
  distance: number[];
}

/** view.json: everything the page knows of a space. Its rows are in one random order, so that the first ones are a fair sample. `first` is the row to begin with: one that is reconstructed as well as half of them. `decodes` and `encodes` say whether the space has a decoder and an encoder at all, `small` is the decoder with weights in 8 bits, where these do; an exported site has it in place of the other. */
export interface View {
  version: 1;
  made_from: string;
  name: string;
  subject: string;
  facts: ([string, string])[];
  rows: number;
  parked: Parked;
  first: number;
  decoded_rows: boolean;
  dim: number;
  shape: number[];
  modality: ImageKind | TableKind | MelodyKind | DrumKind | TextKind | SentenceKind;
  path: "lerp" | "slerp";
  latent: Packed;
  ids: string;
  maps: MapView[];
  columns: (CategoryColumn | NumberColumn)[];
  bases: Basis[];
  attributes: Attribute[];
  typicality: Typicality;
  thumbs: Thumbs | null;
  inputs: Inputs | null;
  lines: Lines | null;
  decodes: boolean;
  encodes: boolean;
  decoder: Graph | null;
  small: Graph | null;
  encoder: Graph | null;
  report: string | null;
  notes: string[];
  files: Record<string, FileFacts>;
}
