/** One opened space with everything that happens to it; the panes read from here and act through here. */

import { pointAt, placeAmong, placeOf } from "../map/back";
import type { LayerChoice } from "../map/layer";
import { newestOnly, Search, type Near } from "../near/near";
import { musicOf } from "../kinds/notes";
import type { Numbers } from "../source/files";
import { loadLines } from "../source/lines";
import { Rolls } from "../source/rolls";
import { Sheets, type Thumbnails } from "../source/sheets";
import type { Space } from "../source/space";
import type { Host } from "../wire";
import { readAddress, type Address } from "./address";
import { Around } from "./around.svelte";
import { keyOf, LOCAL } from "./bases";
import { Editing } from "./editing.svelte";
import { Finder } from "./find.svelte";
import { MapState } from "./map.svelte";
import type { Look, Tab } from "./look.svelte";
import { Player } from "./player.svelte";
import { halt } from "./playing";
import { Second } from "./second.svelte";
import { OVERLAP } from "./join";
import { addressOf, takePoints, takeView } from "./sharing";
import { Sliders } from "./sliders.svelte";
import { Stage } from "./stage.svelte";
import { Tray } from "./path.svelte";

/** Choices that tests, and the curious, make in the address before the #. */
export interface Choices {
  decoder: string | null;
  layer: LayerChoice;
}

const NEAREST = 8;
const [LEAST_NEAR, USUAL_NEAR, MOST_NEAR] = [5, 12, 50];
/** Rows up to which their errors are fetched for those who listen. */
const MOST_DESCRIBED = 200_000;
/** Rows that the trail goes back. */
const MOST_TRAIL = 12;
/** Rows that are shown as pictures from the start. */
const FEW = 200;

export class Explorer {
  readonly map: MapState;
  readonly stage: Stage;
  readonly search: Search;
  readonly tray: Tray;
  /** Plays melodies and drums; null for what makes no sound. */
  readonly player: Player | null;
  readonly editing: Editing;
  readonly finder: Finder;
  readonly around: Around;
  readonly sliders: Sliders;
  readonly second: Second;
  /** Reconstruction error of each row, where it is known and has arrived. */
  errors = $state.raw<Numbers | null>(null);
  /** Within which distance of each row its nearest ones lie, likewise. */
  reaches = $state.raw<Numbers | null>(null);
  ids = $state.raw<readonly string[]>([]);
  /** What the rows say, where they are lines of text. */
  lines = $state.raw<readonly string[]>([]);
  sheets = $state.raw<Thumbnails | null>(null);
  /** Grows when another sheet of pictures can be drawn from. */
  sheetsArrived = $state(0);
  neighbours = $state.raw<Near | null>(null);
  neighbourCount = $state(0);
  /** Rows that were walked through, the latest last. */
  trail = $state.raw<readonly number[]>([]);
  pointPlace = $state.raw<[number, number] | null>(null);
  remark = $state("");
  /** Files that could not be had, each in a sentence. */
  troubles = $state.raw<readonly string[]>([]);
  /** Why what is near was not found. */
  lost = $state("");

  private constructor(
    readonly space: Space,
    readonly host: Host,
    readonly look: Look,
    readonly choices: Choices,
  ) {
    this.map = new MapState(space);
    this.search = new Search();
    this.tray = new Tray(space.view.path);
    this.neighbourCount = this.usualCount;
    const music = musicOf(space.view);
    this.player = music && new Player(music);
    this.stage = new Stage(space, host.api, this.search, choices.decoder);
    this.stage.tell = this.tell;
    this.editing = new Editing(this);
    this.finder = new Finder(this);
    this.around = new Around(this);
    this.sliders = new Sliders(this);
    this.second = new Second(this);
  }

  /** Open a space with its map; `arrive` brings the rest. */
  static async open(space: Space, host: Host, look: Look, choices: Choices): Promise<Explorer> {
    const explorer = new Explorer(space, host, look, choices);
    const address = readAddress(location.hash);
    takeView(explorer, address);
    await Promise.all([explorer.map.open(), explorer.map.colourBy(explorer.map.colour)]);
    explorer.map.hidden = new Set(address.hidden);
    return explorer;
  }

  /** The codes and what hangs on them: the stage, the tray, pictures and the decoder. */
  async arrive(): Promise<void> {
    const { space } = this;
    const none = (error: unknown): null => (this.tell(error), null);
    const [codes, sheets] = await Promise.all([space.loadCodes(), this.openThumbnails().catch(none)]);
    const { scale, offset } = space.view.latent;
    this.search.open({ codes, scale, offset });
    this.sheets = sheets;
    takePoints(this, readAddress(location.hash));
    if (!this.stage.z) this.showFirst();
    void this.stage.open();
    if (this.map.colour === OVERLAP) void this.colourByOverlap();
    // without them rows are called by their numbers
    void space.ids().then((ids) => this.arrived(() => (this.ids = ids)), this.tell);
    void loadLines(space).then((lines) => this.arrived(() => (this.lines = lines)), this.tell);
    if (space.rows > MOST_DESCRIBED) return;
    const column = (wanted: string) => space.view.columns.find(({ name }) => name === wanted);
    const [errors, reaches] = [column("reconstruction_error"), column("neighbour_distance")];
    if (errors) void space.array(errors.values).then((values) => (this.errors = values), this.tell);
    if (reaches) void space.array(reaches.values).then((values) => (this.reaches = values), this.tell);
  }

  /** The colour of the address that has to be found first. */
  private async colourByOverlap(): Promise<void> {
    const { opened, leave } = this.second.use();
    await opened.then((twin) => twin.compared).catch(this.tell);
    leave();
    if (!this.map.columns.some(({ name }) => name === OVERLAP)) await this.map.colourBy(this.map.firstColour);
  }

  /** End the workers and the sound, where another space takes this one's place. */
  close(): void {
    for (const part of [this.search, this.stage, this.around]) part.close();
    this.player?.stop();
  }

  /** Say which file cannot be had; the page goes on without it. */
  readonly tell = (error: unknown): void => {
    const words = error instanceof Error ? error.message : String(error);
    if (!this.troubles.includes(words)) this.troubles = [...this.troubles, words];
  };

  /** More words to search in. */
  private arrived(take: () => void): void {
    take();
    if (this.finder.query) this.finder.look(this.finder.query);
  }

  private async openThumbnails(): Promise<Thumbnails | null> {
    const music = musicOf(this.space.view);
    if (music) return Rolls.open(this.space, music, () => this.look.theme === "dark");
    return (this.stage.sheets = await Sheets.open(this.space, () => this.sheetsArrived++, this.tell));
  }

  get title(): string {
    return this.space.view.name;
  }

  name(row: number): string {
    return this.ids[row] ?? `row ${row}`;
  }

  /** A row in words, for those who listen. */
  describe(row: number): string {
    const label = this.labelOf(row);
    const error = this.errors?.[row];
    const known = (value: number | undefined): value is number => value !== undefined && !Number.isNaN(value);
    const words = known(error) ? `reconstruction error ${error.toPrecision(2)}` : "";
    const reach = this.reaches?.[row];
    const { neighbours } = this.space.view.typicality;
    const near = known(reach) ? `${neighbours} ${neighbours === 1 ? "neighbour" : "neighbours"} closer than ${reach.toPrecision(2)}` : "";
    return [`Point ${this.name(row)}`, label && `${this.map.column?.title ?? ""} ${label}`, words, near].filter(Boolean).join(", ");
  }

  labelOf(row: number): string {
    const { column, values } = this.map;
    if (!column || !values) return "";
    const value = values[row]!;
    return column.kind === "category" ? (column.names[value] ?? "") : Number.isNaN(value) ? "" : value.toPrecision(4);
  }

  showRow(row: number): void {
    if (!this.space.hasCodes) return;
    this.editing.past.note("");
    this.remark = "";
    this.stage.showRow(row);
    this.beginAt(this.stage.z!, row, true);
    if (this.trail.at(-1) !== row) this.trail = [...this.trail.slice(1 - MOST_TRAIL), row];
    this.pointPlace = null;
    this.afterMove();
    this.look.say(`${this.describe(row)}, on the stage`);
  }

  /** Back along the trail, to the row before or to the one at a place of it. */
  back(to = this.trail.length - 2): void {
    const row = this.trail[to];
    if (row === undefined) return;
    this.trail = this.trail.slice(0, to);
    this.showRow(row);
  }

  /** Decode what lies at a place of the map that is no row. */
  showPlace(x: number, y: number): void {
    const { ground } = this.map;
    const found = ground && this.space.hasCodes ? pointAt(ground, x, y) : null;
    if (!ground || !found) return;
    this.editing.past.note("place");
    this.remark = ground.linear
      ? "A place on the map: along its two axes exact, the other directions from the nearest row."
      : `A place on the map: a blend of the ${found.from.length} rows around it.`;
    this.stage.showPoint(found.z, ground.linear ? [] : found.from);
    this.beginAt(found.z, -1);
    this.pointPlace = [x, y];
    this.afterMove(false);
  }

  /** Points that follow each other closely by one `act` are one step of undo. */
  showPoint(z: Float32Array, remark = "", act = ""): void {
    this.editing.past.note(act);
    this.remark = remark;
    this.stage.showPoint(z);
    this.beginAt(z, -1);
    this.afterMove();
  }

  /** Edits begin anew at another point, and so do local directions. */
  private beginAt(z: Float32Array, row: number, home = false): void {
    this.editing.edits.start(z, row);
    this.sliders.home = home ? z : null;
    if (this.sliders.basis.name === LOCAL) this.sliders.chooseLocal(z);
  }

  /** Move the point on the stage; the row it came from stays beside it to compare with, and edits stay on top. */
  adjust(z: Float32Array, act = ""): void {
    this.editing.past.note(act);
    this.remark = "";
    if (this.stage.z) this.editing.edits.shift(this.stage.z, z);
    this.stage.adjust(z);
    this.afterMove();
  }

  /** A random point: each dimension by itself, as far from its mean as the codes lie. */
  resample(): void {
    const { dimensions } = this.stage.raw;
    const z = Float32Array.from(dimensions, ({ mean, std }) => mean + std * gaussian());
    this.showPoint(z, "A random point: each dimension drawn by itself with the spread of the codes.");
    this.look.say("A random point is on the stage");
  }

  showMean(): void {
    this.showPoint(Float32Array.from(this.stage.raw.dimensions, ({ mean }) => mean), "The mean of all codes.");
  }

  /** The middle of the selected rows. */
  showMiddle(rows: readonly number[]): void {
    this.showPoint(this.middle(rows), `The mean of ${rows.length.toLocaleString("en")} selected codes.`);
  }

  middle(rows: readonly number[]): Float32Array {
    const z = new Float32Array(this.space.dim);
    for (const row of rows) this.space.code(row).forEach((value, d) => (z[d]! += value / rows.length));
    return z;
  }

  /** Encode a file of the visitor's and bring it to the stage; false where something newer came there meanwhile. */
  encode(file: Blob, name: string): Promise<boolean> {
    halt(this);
    return this.takeOwn({ file, name }, "");
  }

  /** Another part of the visitor's file to the stage. */
  showPiece(piece: number): Promise<boolean> {
    return this.takeOwn({ piece }, "piece");
  }

  private async takeOwn(from: Parameters<Stage["encode"]>[0], act: string): Promise<boolean> {
    const own = await this.stage.encode(from);
    if (!own) return false;
    this.editing.past.note(act);
    this.stage.showOwn(own);
    this.beginAt(own.z, -1, true);
    this.afterMove();
    return true;
  }

  /** Make the point on the stage the first stop of the path, or the last. */
  setEnd(side: 0 | 1): void {
    const { z, row } = this.stage;
    if (!z) return;
    this.tray.setEnd(side, z, row, row >= 0 ? this.name(row) : "point");
    this.look.say(`The path ${side ? "ends" : "begins"} here`);
  }

  pin(): void {
    const { z, row } = this.stage;
    if (!z) return;
    this.tray.add(z, row, row >= 0 ? this.name(row) : "point");
    this.look.say(`Pinned; ${this.tray.pins.length} in the tray`);
  }

  openTab(tab: Tab): void {
    this.look.tab = tab;
  }

  /** What points decode to, all of them; does not come back where it is stopped. */
  decodeAll(points: Float32Array[], signal: AbortSignal): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    let left = points.length;
    return new Promise((done) => this.stage.strip(points, (i, values) => ((found[i] = values), --left || done(found)), signal));
  }

  /** What of a point decides how it is decoded. */
  keyOf(z: Float32Array): string {
    return keyOf(z, this.stage.raw);
  }

  /** Places on the map of any points: exact on linear maps, else among their nearest rows. */
  async placesOf(points: readonly Float32Array[]): Promise<[number, number][]> {
    const { ground } = this.map;
    if (!ground || !points.length) return [];
    if (ground.linear) return points.map((z) => placeOf(ground, z)!);
    const near = await this.search.ask([...points], NEAREST, this.space.view.typicality.rows);
    return near.map(({ rows, distances }) => placeAmong(ground.points, rows, distances));
  }

  /** What brings all of this back; null while some of it has yet to arrive. */
  address(): Address | null {
    return this.stage.z ? addressOf(this) : null;
  }

  /** Rows are few enough to be shown as pictures from the start. */
  get fewPictures(): boolean {
    return this.sheets !== null && this.space.rows <= FEW;
  }

  /** How many neighbours can be asked for, and how many are at first. */
  get mostCount(): number {
    return Math.max(1, Math.min(MOST_NEAR, this.space.rows - 1));
  }

  get leastCount(): number {
    return Math.min(LEAST_NEAR, this.mostCount);
  }

  get usualCount(): number {
    return Math.min(USUAL_NEAR, this.mostCount);
  }

  showFirst(): void {
    if (!this.space.rows) return;
    const { first } = this.space.view;
    this.stage.showRow(first);
    this.beginAt(this.stage.z!, first, true);
    this.trail = [first];
    this.afterMove();
  }

  afterMove(place = true): void {
    const { z, row } = this.stage;
    if (!z) return;
    this.findNeighbours(z);
    if (place && row < 0) this.findPlace(z);
  }

  private readonly findNeighbours = newestOnly(async (z: Float32Array) => {
    const [near] = await this.search.ask([z], this.neighbourCount + 1, this.space.rows);
    if (near && this.stage.z === z) this.neighbours = near;
    this.lost = "";
  }, (error) => this.lose(error));

  private readonly findPlace = newestOnly(async (z: Float32Array) => {
    const [place] = await this.placesOf([z]);
    if (place && this.stage.z === z && this.stage.row < 0) this.pointPlace = place;
  }, (error) => this.lose(error));

  /** Say why what is near was not found. */
  lose(error: Error): void {
    this.lost = `What lies near this point is not known: ${error.message}.`;
  }

  /** Where a point that is no row lies on another map. */
  placeAgain(): void {
    const { z, row } = this.stage;
    if (!z || row >= 0) return;
    this.pointPlace = null;
    this.findPlace(z);
  }

  setNeighbourCount(count: number): void {
    this.neighbourCount = count;
    if (this.stage.z) this.findNeighbours(this.stage.z);
  }
}

/** A draw from the standard normal (Box and Muller 1958). */
function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
