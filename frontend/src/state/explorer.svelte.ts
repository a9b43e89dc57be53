/** One opened space with everything that happens to it; the panes read from here and act through here. */

import { pointAt, placeAmong, placeOf } from "../map/back";
import type { LayerChoice } from "../map/layer";
import { newestOnly, Search, type Near } from "../near/near";
import { musicOf, notesOf, toRaw } from "../kinds/notes";
import type { Numbers } from "../source/files";
import { loadLines } from "../source/lines";
import { Rolls } from "../source/rolls";
import { Sheets, type Thumbnails } from "../source/sheets";
import type { Space } from "../source/space";
import type { Basis, Host, SpaceEntry } from "../wire";
import { readAddress, type Address } from "./address";
import { Around } from "./around.svelte";
import { AROUND, keyOf, LOCAL, localBasis } from "./bases";
import { Editing } from "./editing.svelte";
import { Finder } from "./find.svelte";
import { MapState } from "./map.svelte";
import type { Look, Tab } from "./look.svelte";
import { Player } from "./player.svelte";
import { OVERLAP } from "./join";
import { addressOf, takePoints, takeView } from "./sharing";
import { Stage } from "./stage.svelte";
import { Tray } from "./path.svelte";
import type { Twin } from "./twin.svelte";

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

/** Another order of the sliders of a basis, and whose it is. */
export interface Ranking {
  basis: string;
  order: readonly number[];
  words: string;
}

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
  /** Reconstruction error of each row, where it is known and has arrived. */
  errors = $state.raw<Numbers | null>(null);
  ids = $state.raw<readonly string[]>([]);
  /** What the rows say, where they are lines of text. */
  lines = $state.raw<readonly string[]>([]);
  sheets = $state.raw<Thumbnails | null>(null);
  /** Grows when another sheet of pictures can be drawn from. */
  sheetsArrived = $state(0);
  basis = $state.raw<Basis>(null!);
  /** Where the point on the stage was moved from: a row, or the visitor's own. */
  home = $state.raw<Float32Array | null>(null);
  /** Dimension under the hand, by its place in the basis. */
  dimension = $state(0);
  /** The order that a score asked for, in place of the basis's own. */
  ranking = $state.raw<Ranking | null>(null);
  neighbours = $state.raw<Near | null>(null);
  neighbourCount = $state(0);
  /** The space that this one is compared with, once it was opened. */
  twin = $state.raw<Twin | null>(null);
  private opening: Promise<Twin> | null = null;
  /** Rows that were walked through, the latest last. */
  trail = $state.raw<readonly number[]>([]);
  pointPlace = $state.raw<[number, number] | null>(null);
  remark = $state("");

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
    this.editing = new Editing(this);
    this.finder = new Finder(this);
    this.around = new Around(this);
    this.basis = space.view.bases[0]!;
    this.dimension = this.basis.order[0] ?? 0;
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
    const [codes, sheets] = await Promise.all([space.loadCodes(), this.openThumbnails()]);
    const { scale, offset } = space.view.latent;
    this.search.open({ codes, scale, offset });
    this.sheets = sheets;
    takePoints(this, readAddress(location.hash));
    if (!this.stage.z) this.showFirst();
    void this.stage.open();
    if (this.map.colour === OVERLAP) this.openTwin().catch(() => this.map.colourBy(this.map.firstColour));
    // without them rows are called by their numbers
    void space.ids().then((ids) => this.arrived(() => (this.ids = ids)), () => undefined);
    void loadLines(space).then((lines) => this.arrived(() => (this.lines = lines)), () => undefined);
    const errors = space.view.columns.find(({ name }) => name === "reconstruction_error");
    if (errors && space.rows <= MOST_DESCRIBED) void space.array(errors.values).then((values) => (this.errors = values), () => undefined);
  }

  /** More words to search in. */
  private arrived(take: () => void): void {
    take();
    if (this.finder.query) this.finder.look(this.finder.query);
  }

  private async openThumbnails(): Promise<Thumbnails | null> {
    const music = musicOf(this.space.view);
    if (music) return Rolls.open(this.space, music, () => this.look.theme === "dark");
    return (this.stage.sheets = await Sheets.open(this.space, () => this.sheetsArrived++));
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
    const words = error === undefined || Number.isNaN(error) ? "" : `reconstruction error ${error.toPrecision(2)}`;
    return [`Point ${this.name(row)}`, label && `${this.map.column?.title ?? ""} ${label}`, words].filter(Boolean).join(", ");
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
    this.home = home ? z : null;
    if (this.basis.name === LOCAL) this.findLocal(z);
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

  /** Encode a file of the visitor's and bring it to the stage. */
  async encode(file: Blob, name: string): Promise<void> {
    this.editing.past.note("");
    await this.stage.encode(file, name);
    this.afterEncoding();
  }

  /** Another part of the visitor's file to the stage. */
  async showPiece(index: number): Promise<void> {
    this.editing.past.note("piece");
    await this.stage.showPiece(index);
    this.afterEncoding();
  }

  private afterEncoding(): void {
    this.beginAt(this.stage.z!, -1, true);
    this.afterMove();
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

  /** Play what is decoded, or stop. */
  listen(): void {
    const { player, stage } = this;
    const music = musicOf(this.space.view);
    if (!player || !music) return;
    if (player.heard) return player.stop();
    const values = stage.decoded?.values;
    if (values) void player.play("decoded", 1, () => notesOf(music, toRaw(music, values)));
  }

  /** Walk the path back and forth, or play the tunes along it from where one is; or stop either. */
  playPath(): void {
    const { tray, player } = this;
    if (player?.heard === "path") return player.stop();
    if (tray.playing) return tray.pause();
    if (!tray.points.length) return this.look.say("A path needs two stops");
    if (!player) return tray.play((z) => this.showPoint(z, "", "path"));
    tray.waits = !tray.complete && !tray.waits;
    if (!tray.complete) return this.look.say(tray.waits ? "The path plays once it is decoded" : "Stopped");
    const music = musicOf(this.space.view)!;
    // the path as it is now, whatever happens to it meanwhile
    const { points, decoded, frames } = tray;
    const first = tray.position < tray.legs ? Math.round(tray.position * (frames - 1)) : 0;
    void player.play("path", points.length - first, (i) => {
      tray.position = (first + i) / (frames - 1);
      this.showPoint(points[first + i]!, "", "path");
      return notesOf(music, toRaw(music, decoded[first + i]!));
    });
  }

  openTab(tab: Tab): void {
    this.look.tab = tab;
  }

  chooseBasis(basis: Basis): void {
    this.basis = basis;
    this.dimension = this.order[0] ?? 0;
  }

  /** The principal directions of the codes around the point on the stage. */
  chooseLocal(): void {
    if (this.stage.z) this.findLocal(this.stage.z);
  }

  private readonly findLocal = newestOnly(async (z: Float32Array) => {
    const [near] = await this.search.ask([z], AROUND, this.space.rows);
    const codes = (near?.rows ?? []).filter((row) => row >= 0).map((row) => this.space.code(row));
    if (codes.length < 3) return;
    const { scale, offset } = this.space.view.latent;
    this.chooseBasis(localBasis(codes, { codes: this.space.codeNumbers, scale, offset }));
  });

  /** The sliders in the order of a score; the first one under the hand. */
  rankBy(ranking: Ranking): void {
    const basis = this.space.view.bases.find(({ name }) => name === ranking.basis);
    if (!basis) return;
    this.ranking = ranking;
    this.chooseBasis(basis);
    this.look.tab = "latent";
  }

  /** Sliders of the basis as they are listed. */
  get order(): readonly number[] {
    const { basis, ranking } = this;
    if (ranking?.basis !== basis.name) return basis.order;
    const known = ranking.order.filter((index) => index < basis.dimensions.length);
    return [...known, ...basis.order.filter((index) => !known.includes(index))];
  }

  /** How far a point is along a direction of the chosen basis, the one on the stage where none is given. */
  coordinate(index: number, z: Float32Array | null = this.stage.z): number {
    if (!z) return 0;
    const { axes, mean } = this.basis;
    return axes ? axes[index]!.reduce((sum, a, d) => sum + a * (z[d]! - mean[d]!), 0) : z[index]!;
  }

  /** The point on the stage moved along one direction to `value`. */
  movedAlong(index: number, value: number): Float32Array | null {
    const { z } = this.stage;
    if (!z) return null;
    const next = z.slice();
    const step = value - this.coordinate(index);
    const axis = this.basis.axes?.[index];
    if (axis) axis.forEach((a, d) => (next[d]! += a * step));
    else next[index] = value;
    return next;
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

  /** The space to compare with. */
  get other(): SpaceEntry | null {
    return this.host.spaces.find(({ path }) => path !== this.space.path) ?? null;
  }

  /** Open the space to compare with, once. */
  openTwin(): Promise<Twin> {
    this.opening ??= this.makeTwin();
    this.opening.catch(() => (this.opening = null));
    return this.opening;
  }

  private async makeTwin(): Promise<Twin> {
    const { other } = this;
    if (!other) throw new Error("There is no second space.");
    const [{ Twin }] = await Promise.all([import("./twin.svelte"), this.space.loadCodes()]);
    return (this.twin = await Twin.open(this, other));
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
  });

  private readonly findPlace = newestOnly(async (z: Float32Array) => {
    const [place] = await this.placesOf([z]);
    if (place && this.stage.z === z && this.stage.row < 0) this.pointPlace = place;
  });

  setNeighbourCount(count: number): void {
    this.neighbourCount = count;
    if (this.stage.z) this.findNeighbours(this.stage.z);
  }
}

/** A draw from the standard normal (Box and Muller 1958). */
function gaussian(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
