/** One opened space with everything that happens to it; the panes read from here and act through here. */

import { pointAt, placeAmong, placeOf } from "../map/back";
import type { LayerChoice } from "../map/layer";
import { newestOnly, Search, type Near } from "../near/near";
import { musicOf, notesOf, toRaw } from "../kinds/notes";
import { loadLines } from "../source/lines";
import { Rolls } from "../source/rolls";
import { Sheets, type Thumbnails } from "../source/sheets";
import type { Space } from "../source/space";
import type { Basis, Host } from "../wire";
import { packPoint, readAddress, unpackPoint, writeAddress, type Address } from "./address";
import { DIMENSIONS, MapState } from "./map.svelte";
import { TABS, type Look, type Tab } from "./look.svelte";
import { Player } from "./player.svelte";
import { Stage } from "./stage.svelte";
import { Tray } from "./path.svelte";

/** Choices that tests, and the curious, make in the address before the #. */
export interface Choices {
  decoder: string | null;
  layer: LayerChoice;
}

const NEAREST = 8;
/** Rows that are shown as pictures from the start. */
const FEW = 200;

export class Explorer {
  readonly map: MapState;
  readonly stage: Stage;
  readonly search: Search;
  readonly tray = new Tray();
  /** Plays melodies and drums; null for what makes no sound. */
  readonly player: Player | null;
  ids = $state.raw<readonly string[]>([]);
  /** What the rows say, where they are lines of text. */
  lines = $state.raw<readonly string[]>([]);
  sheets = $state.raw<Thumbnails | null>(null);
  /** Grows when another sheet of pictures can be drawn from. */
  sheetsArrived = $state(0);
  basis = $state.raw<Basis>(null!);
  /** Dimension under the hand, by its place in the basis. */
  dimension = $state(0);
  neighbours = $state.raw<Near | null>(null);
  neighbourCount = $state(12);
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
    const music = musicOf(space.view);
    this.player = music && new Player(music);
    this.stage = new Stage(space, host.api, this.search, choices.decoder);
    this.basis = space.view.bases[0]!;
    this.dimension = this.basis.order[0] ?? 0;
  }

  /** Open a space with its map; `arrive` brings the rest. */
  static async open(space: Space, host: Host, look: Look, choices: Choices): Promise<Explorer> {
    const explorer = new Explorer(space, host, look, choices);
    const address = readAddress(location.hash);
    explorer.takeView(address);
    await Promise.all([explorer.map.open(), explorer.map.colourBy(explorer.map.colour)]);
    if (address.hidden) explorer.map.hidden = new Set(address.hidden);
    return explorer;
  }

  /** The codes and what hangs on them: the stage, the tray, pictures and the decoder. */
  async arrive(): Promise<void> {
    const { space } = this;
    const [codes, sheets] = await Promise.all([space.loadCodes(), this.openThumbnails()]);
    const { scale, offset } = space.view.latent;
    this.search.open({ codes, scale, offset });
    this.sheets = sheets;
    this.map.pictures = sheets !== null && space.rows <= FEW;
    this.takePoints(readAddress(location.hash));
    if (!this.stage.z) this.showFirst();
    void this.stage.open();
    // without them rows are called by their numbers
    void space.ids().then((ids) => (this.ids = ids), () => undefined);
    void loadLines(space).then((lines) => (this.lines = lines), () => undefined);
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
    return [`Point ${this.name(row)}`, label && `${this.map.column?.title ?? ""} ${label}`].filter(Boolean).join(", ");
  }

  labelOf(row: number): string {
    const { column, values } = this.map;
    if (!column || !values) return "";
    const value = values[row]!;
    return column.kind === "category" ? (column.names[value] ?? "") : Number.isNaN(value) ? "" : value.toPrecision(4);
  }

  showRow(row: number): void {
    if (!this.space.hasCodes) return;
    this.remark = "";
    this.stage.showRow(row);
    if (this.trail.at(-1) !== row) this.trail = [...this.trail.slice(-11), row];
    this.pointPlace = null;
    this.afterMove();
    this.look.say(`${this.describe(row)}, on the stage`);
  }

  /** Back along the trail. */
  back(): void {
    const before = this.trail.at(-2);
    if (before === undefined) return;
    this.trail = this.trail.slice(0, -2);
    this.showRow(before);
  }

  /** Decode what lies at a place of the map that is no row. */
  showPlace(x: number, y: number): void {
    const { ground } = this.map;
    const found = ground && this.space.hasCodes ? pointAt(ground, x, y) : null;
    if (!ground || !found) return;
    this.remark = ground.linear
      ? "A place on the map: along its two axes exact, the other directions from the nearest row."
      : `A place on the map: a blend of the ${found.from.length} rows around it.`;
    this.stage.showPoint(found.z, ground.linear ? [] : found.from);
    this.pointPlace = [x, y];
    this.afterMove(false);
  }

  showPoint(z: Float32Array, remark = ""): void {
    this.remark = remark;
    this.stage.showPoint(z);
    this.afterMove();
  }

  /** Move the point on the stage; the row it came from stays beside it to compare with. */
  adjust(z: Float32Array): void {
    this.remark = "";
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
    const z = new Float32Array(this.space.dim);
    for (const row of rows) this.space.code(row).forEach((value, d) => (z[d]! += value / rows.length));
    this.showPoint(z, `The mean of ${rows.length.toLocaleString("en")} selected codes.`);
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
    if (!player) return tray.play((z) => this.showPoint(z));
    const music = musicOf(this.space.view)!;
    const first = tray.position < tray.legs ? Math.round(tray.position * (tray.frames - 1)) : 0;
    void player.play("path", tray.points.length - first, (i) => {
      tray.position = (first + i) / (tray.frames - 1);
      this.showPoint(tray.points[first + i]!);
      return notesOf(music, toRaw(music, tray.decoded[first + i]!));
    });
  }

  openTab(tab: Tab): void {
    this.look.tab = tab;
  }

  /** How far the point on the stage is along a direction of the chosen basis. */
  coordinate(index: number): number {
    const { z } = this.stage;
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

  /** Places on the map of any points: exact on linear maps, else among their nearest rows. */
  async placesOf(points: readonly Float32Array[]): Promise<[number, number][]> {
    const { ground } = this.map;
    if (!ground || !points.length) return [];
    if (ground.linear) return points.map((z) => placeOf(ground, z)!);
    const near = await this.search.ask([...points], NEAREST, this.space.view.typicality.rows);
    return near.map(({ rows, distances }) => placeAmong(ground.points, rows, distances));
  }

  address(): Address {
    const { map, stage, look, tray, space } = this;
    const first = new MapState(space);
    const mapName = map.name === DIMENSIONS ? `${DIMENSIONS}:${map.pair.join(":")}` : map.name;
    const moved = map.camera.k !== 1 || map.camera.x !== 0.5 || map.camera.y !== 0.5;
    // what has not arrived yet is still in the address
    if (!stage.z) return readAddress(location.hash);
    return {
      space: this.host.spaces.length > 1 ? space.path : undefined,
      made: space.view.made_from.slice(0, 8),
      map: map.name === first.name ? undefined : mapName,
      camera: moved ? ([map.camera.x, map.camera.y, map.camera.k].map((v) => Number(v.toPrecision(4))) as [number, number, number]) : undefined,
      colour: map.colour === first.colour ? undefined : map.colour || "none",
      hidden: [...map.hidden],
      row: stage.row >= 0 ? stage.row : undefined,
      z: stage.row < 0 && stage.z ? packPoint(stage.z, stage.raw) : undefined,
      tray: tray.pins.map((pin) => (pin.row >= 0 ? String(pin.row) : packPoint(pin.z, stage.raw))),
      tab: look.tab === "latent" ? undefined : look.tab,
      theme: look.chosenTheme ?? undefined,
    };
  }

  writeAddress(): string {
    return writeAddress(this.address());
  }

  /** Whether an address was made for this space, so that rows and points in it mean something. */
  private isOwn({ made }: Address): boolean {
    return !made || this.space.view.made_from.startsWith(made);
  }

  private takeView(address: Address): void {
    const { map, space } = this;
    if (TABS.includes(address.tab as Tab)) this.look.tab = address.tab as Tab;
    if (!this.isOwn(address)) return;
    const [name, ...pair] = (address.map ?? "").split(":");
    if (name === DIMENSIONS && pair.every((d) => Number(d) < space.dim)) {
      map.name = DIMENSIONS;
      map.pair = [Number(pair[0] ?? 0), Number(pair[1] ?? 1)];
    } else if (space.view.maps.some((known) => known.name === name)) map.name = name!;
    if (address.camera) map.camera = { x: address.camera[0], y: address.camera[1], k: address.camera[2] };
    if (address.colour) map.colour = space.view.columns.some((c) => c.name === address.colour) ? address.colour : "";
  }

  private takePoints(address: Address): void {
    const { space, stage } = this;
    if (!this.isOwn(address)) {
      this.showFirst();
      this.remark = "This link was made for another space; what it pointed at is left out.";
      return;
    }
    const row = address.row !== undefined && address.row < space.rows ? address.row : -1;
    const z = address.z ? unpackPoint(address.z, stage.raw) : null;
    if (row >= 0) this.showRow(row);
    else if (z) this.showPoint(z);
    for (const item of address.tray ?? []) {
      const known = /^\d+$/.test(item) && Number(item) < space.rows ? Number(item) : -1;
      const point = known >= 0 ? space.code(known) : unpackPoint(item, stage.raw);
      if (point) this.tray.add(point, known, known >= 0 ? this.name(known) : "point");
    }
  }

  private showFirst(): void {
    if (!this.space.rows) return;
    const { first } = this.space.view;
    this.stage.showRow(first);
    this.trail = [first];
    this.afterMove();
  }

  private afterMove(place = true): void {
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
