/** The stage: one latent point, what it decodes to, what it is compared with, and how typical it is. */

import { toValues } from "../decode/pixels";
import { openInPage, serverDecoder, serverEncoder, serverRow, type Network } from "../decode/network";
import { Scheduler, type Frame } from "../decode/scheduler";
import { dropOf, type Drop, type Piece } from "../kinds/drop";
import { musicOf, toArray } from "../kinds/notes";
import { textArray, textOf } from "../kinds/text";
import { percentileOf } from "../map/colours";
import { newestOnly, type Search } from "../near/near";
import { isSame } from "../near/search";
import { Inputs } from "../source/inputs";
import type { Sheets } from "../source/sheets";
import type { Space } from "../source/space";
import type { Basis } from "../wire";

/** A decoder of more bytes than this is left on the server where there is one. */
const MOST_BYTES = 8_000_000;

const ONLY_ENCODES = "This space only encodes. To see what its points stand for, fit a space that decodes too, or import a decoder beside the encoder.";
const WAY_OUT = "Open its bundle with latentarium explore, which decodes on that machine, or fit it again with a built-in network (--net) and export that.";
const NO_GPU = "WebGPU is not used: an exported page comes without its runtime.";

export type NetworkState =
  | { state: "opening" }
  | { state: "ready"; where: "page" | "server"; runtime?: string; remark: string }
  | { state: "none"; words: string }
  | { state: "failed"; words: string };

export interface Decoded {
  z: Float32Array;
  values: Float32Array;
  milliseconds: number;
}

export interface Input {
  /** Row of the view, -1 for the visitor's own. */
  row: number;
  name: string;
  /** In array units; null where only a smaller picture is at hand. */
  values: Float32Array | null;
  small: ImageData | null;
}

/** One of the rows in a file of the visitor's, and its code. */
export interface Own {
  pieces: readonly Piece[];
  index: number;
  z: Float32Array;
}

export interface Typical {
  /** Percentiles among the encoded rows. */
  distance: number;
  length: number;
}

export class Stage {
  z = $state.raw<Float32Array | null>(null);
  row = $state(-1);
  /** Rows that a free point was blended from. */
  from = $state.raw<readonly number[]>([]);
  decoded = $state.raw<Decoded | null>(null);
  input = $state.raw<Input | null>(null);
  typical = $state.raw<Typical | null>(null);
  network = $state.raw<NetworkState>({ state: "opening" });
  /** Why what was asked for last could not be decoded. */
  trouble = $state("");
  /** Whether the point is not decoded before a drag ends, since that takes too long to go along. */
  waiting = $state(false);
  /** The server stopped answering; what it was asked for comes when it is back. */
  away = $state(false);
  /** What the visitor may drop, null where nothing can be encoded. */
  readonly drop: Drop | null;
  /** The rows of the file dropped last, and which of them is on the stage. */
  pieces = $state.raw<readonly Piece[]>([]);
  piece = $state(0);
  sheets: Sheets | null = null;
  /** Told of files that cannot be had. */
  tell: (error: unknown) => void = () => undefined;
  private scheduler: Scheduler | null = null;
  private decoder: Network | null = null;
  private closed = false;
  private held = false;
  private readonly stop = new AbortController();
  /** Grows with every change of the stage, and with every file that is to come there. */
  private turn = 0;
  private encoder: Promise<Network> | null = null;
  private inputs: Promise<Inputs | null> | null = null;
  /** Row whose input is wanted, also after the point moved away from it. */
  private compared = -1;
  private readonly gauge: (z: Float32Array) => void;

  constructor(
    private readonly space: Space,
    private readonly api: boolean,
    private readonly search: Search,
    private readonly choice: string | null,
  ) {
    this.drop = space.view.encoder !== null || (api && space.view.encodes) ? dropOf(space.view) : null;
    const options = { capture: true, signal: this.stop.signal };
    addEventListener("pointerdown", () => (this.held = true), options);
    for (const end of ["pointerup", "pointercancel", "blur"]) addEventListener(end, () => this.letGo(), options);
    this.gauge = newestOnly((z) => this.measure(z), () => (this.typical = null));
  }

  private readonly told = (gone: boolean): void => {
    this.away = gone;
  };

  private letGo(): void {
    this.held = false;
    this.scheduler?.release();
  }

  get raw(): Basis {
    return this.space.view.bases[0]!;
  }

  /** Exported pages leave the runtime for WebGPU out. */
  private get gpu(): "never" | "slow" | "asked" {
    if (!this.api || this.choice === "wasm") return "never";
    return this.choice === "webgpu" ? "asked" : "slow";
  }

  /** Whether rows are pictures that can be put beside what they decode to. */
  get canCompare(): boolean {
    const { modality, thumbs, decoded_rows } = this.space.view;
    const whole = modality.kind === "image" && thumbs?.width === modality.width && thumbs.height === modality.height;
    return whole && !decoded_rows && this.network.state !== "none" && this.network.state !== "failed";
  }

  /** Choose where to decode, and get it ready; again after it failed. */
  async open(): Promise<void> {
    this.network = { state: "opening" };
    const { decoder: graph, decodes, modality, notes } = this.space.view;
    if (!decodes) {
      this.network = { state: "none", words: modality.kind === "sentences" ? "" : ONLY_ENCODES };
      return;
    }
    const onServer = this.api && (this.choice === "server" || !graph || (graph.bytes > MOST_BYTES && !["page", "wasm", "webgpu"].includes(this.choice ?? "")));
    if (onServer) return this.use(serverDecoder(this.space, this.told), "");
    if (!graph) {
      const why = notes.length ? ` (${notes.join("; ")})` : "";
      this.network = { state: "none", words: `This space came without its decoder${why}. ${WAY_OUT}` };
      return;
    }
    try {
      const network = await openInPage(this.space, graph, this.space.view.shape, "x", this.gpu);
      this.use(network, this.choice === "webgpu" && this.gpu === "never" ? NO_GPU : (network.remark ?? ""));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.api) this.use(serverDecoder(this.space, this.told), `The decoder in the page is not used: ${reason}.`);
      else this.network = { state: "failed", words: `The decoder cannot be used: ${reason}.` };
    }
  }

  /** Bring a row to the stage. */
  showRow(row: number): void {
    this.row = this.compared = row;
    this.from = [];
    this.set(this.space.code(row));
    this.input = null;
    if (!this.space.view.decoded_rows) void this.fetchInput(row);
  }

  /** Bring a point to the stage that is no row. */
  showPoint(z: Float32Array, from: readonly number[] = []): void {
    this.row = this.compared = -1;
    this.input = null;
    this.from = from;
    this.set(z);
  }

  /** Move the point on the stage, still comparing with what it came from. */
  adjust(z: Float32Array): void {
    this.row = -1;
    this.from = [];
    this.set(z);
  }

  strip(points: Float32Array[], frame: Frame, signal: AbortSignal): void {
    this.scheduler?.strip(points, frame, signal);
  }

  /** Encode the first row of a file of the visitor's, or another of the one before; null where something newer came to the stage. */
  async encode(from: { file: Blob; name: string } | { piece: number }): Promise<Own | null> {
    const turn = ++this.turn;
    const still = (): boolean => turn === this.turn;
    try {
      const [pieces, index] = "file" in from ? [await this.drop!.read(from.file, from.name), 0] : [this.pieces, from.piece];
      this.encoder ??= this.openEncoder(this.drop!.shape);
      const network = await this.encoder;
      if (!still()) return null;
      const { values: z } = await network.run(pieces[index]!.values.slice(), 1);
      return still() ? { pieces, index, z } : null;
    } catch (error) {
      if (still()) throw error;
      return null;
    }
  }

  /** Bring a row of the visitor's to the stage. */
  showOwn({ pieces, index, z }: Own): void {
    const { name, values } = pieces[index]!;
    this.showPoint(z);
    this.pieces = pieces;
    this.piece = index;
    this.input = { row: -1, name, values, small: null };
  }

  /** End the workers; what still opens is ended when it is there. */
  close(): void {
    this.closed = true;
    this.stop.abort();
    this.decoder?.close();
    void this.encoder?.then((network) => network.close(), () => undefined);
  }

  private openEncoder(shape: number[]): Promise<Network> {
    const graph = this.space.view.encoder;
    if (!graph) return Promise.resolve(serverEncoder(this.space, this.told));
    const opening = openInPage(this.space, graph, shape, "mean");
    const found = this.api ? opening.catch(() => serverEncoder(this.space, this.told)) : opening;
    found.catch(() => (this.encoder = null));
    return found;
  }

  private use(network: Network, remark: string): void {
    if (this.closed) return network.close();
    this.take(network, remark);
    this.scheduler = new Scheduler(
      network,
      (z, { values, milliseconds }) => {
        this.decoded = { z, values, milliseconds };
        this.trouble = "";
        this.waiting = false;
      },
      (error, z) => this.instead(error, z),
      { held: () => this.held, waits: () => (this.waiting = true) },
    );
    if (this.z) this.scheduler.show(this.z);
  }

  private take(network: Network, remark: string): void {
    this.decoder?.close();
    this.decoder = network;
    this.trouble = "";
    this.network = { state: "ready", where: network.where, runtime: network.runtime, remark };
  }

  /** What decodes in place of a decoder that failed at work: the server, where there is one to take over from the page. */
  private instead({ message }: Error, z: Float32Array | null): Network | null {
    if (this.closed) return null;
    if (this.api && this.decoder?.where === "page") {
      const server = serverDecoder(this.space, this.told);
      this.take(server, `The decoder in the page is not used: ${message}.`);
      return server;
    }
    if (z && z === this.z) this.decoded = null;
    this.waiting = false;
    this.trouble = `Decoding failed: ${message}.`;
    return null;
  }

  private set(z: Float32Array): void {
    this.z = z;
    this.turn++;
    this.scheduler?.show(z);
    this.gauge(z);
  }

  private async fetchInput(row: number): Promise<void> {
    const input = await this.inputOf(row).catch(() => null);
    if (this.compared === row && input) this.input = input;
  }

  /** The row itself in array units; null where it is not at hand in full. */
  async inputValues(row: number): Promise<Float32Array | null> {
    return (await this.inputOf(row))?.values ?? null;
  }

  /** A row as far as it is at hand: in full with the view or on the server, else as a smaller picture. */
  async inputOf(row: number): Promise<Input | null> {
    const { modality } = this.space.view;
    if (modality.kind !== "image") {
      const values = await this.storedValues(row);
      return values && { row, name: "", values, small: null };
    }
    const pixels = await this.sheets?.pixels(row).catch(() => null);
    if (pixels?.width === modality.width && pixels.height === modality.height) return { row, name: "", values: toValues(pixels, modality), small: null };
    const values = this.sheets?.known(row) ? await this.onServer(row) : null;
    return values || pixels ? { row, name: "", values, small: values ? null : (pixels ?? null) } : null;
  }

  private async storedValues(row: number): Promise<Float32Array | null> {
    const { view } = this.space;
    this.inputs ??= Inputs.open(this.space).catch((error: unknown) => {
      // asked for again the next time
      this.inputs = null;
      this.tell(error);
      return null;
    });
    const inputs = await this.inputs;
    const stored = inputs?.row(row);
    if (!stored) return inputs?.known(row) ? this.onServer(row) : null;
    const music = musicOf(view);
    const written = textOf(view);
    return music ? toArray(music, stored) : written ? textArray(written, stored) : (stored as Float32Array);
  }

  /** A row that the server has and no file of the view; null where there is no server. */
  private onServer(row: number): Promise<Float32Array | null> {
    return this.api ? serverRow(this.space, row, this.told).catch(() => null) : Promise.resolve(null);
  }

  private async measure(z: Float32Array): Promise<void> {
    const { rows, neighbours, centre, length, distance } = this.space.view.typicality;
    const [near] = await this.search.ask([z], neighbours + 1, rows);
    if (!near || this.z !== z) return;
    // a code of the set is not its own neighbour
    const itself = near.distances.length > 0 && isSame(near.distances[0]!, z);
    const reached = near.distances[itself ? neighbours : neighbours - 1] ?? 0;
    const long = Math.hypot(...z.map((value, d) => value - centre[d]!));
    this.typical = { distance: percentileOf(reached, distance), length: percentileOf(long, length) };
  }
}
