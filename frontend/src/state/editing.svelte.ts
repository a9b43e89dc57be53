/** What is done to the point on the stage, and undone: edits along directions, and directions of the visitor's own. */

import type { Explorer } from "./explorer.svelte";
import { between, Edits, type Edit } from "./edits.svelte";
import { Past } from "./past.svelte";
import type { Input } from "./stage.svelte";

/** What undo comes back to: a row, or a point with its edits and what it is compared with. */
interface Moment {
  row: number;
  base: Float32Array;
  start: number;
  edits: readonly Edit[];
  keep: boolean;
  input: Input | null;
  home: Float32Array | null;
  remark: string;
}

/** A direction of the visitor's own while it is made: two groups of rows. */
export type Groups = [readonly number[], readonly number[]];

const LONGEST_NAME = 24;

export class Editing {
  readonly edits: Edits;
  readonly past: Past<Moment> = new Past(() => this.moment());
  groups = $state.raw<Groups>([[], []]);

  constructor(private readonly x: Explorer) {
    this.edits = new Edits(x.space.view.attributes);
  }

  /** Make an attribute of the point on the stage stronger, or weaker where `strength` is negative. */
  set(name: string, strength: number): void {
    this.past.note(`edit ${name}`);
    this.edits.set(name, strength);
    this.show();
  }

  keepOthers(keep: boolean): void {
    this.past.note("");
    this.edits.keep = keep;
    this.show();
  }

  drop(): void {
    this.past.note("");
    this.edits.list = [];
    this.show();
  }

  /** Make the selected rows the first or the second group of a direction. */
  takeGroup(side: 0 | 1): void {
    const groups: Groups = [...this.groups];
    groups[side] = this.x.map.chosenRows;
    this.groups = groups;
    this.x.map.choose([]);
    this.x.look.tab = "edit";
    this.x.look.say(`Group ${side ? "B" : "A"}: ${groups[side].length} rows`);
  }

  /** A direction from the mean of one group to that of the other, under a name of the visitor's. */
  save(name: string): void {
    const [from, to] = this.groups.map((rows) => this.x.middle(rows)) as [Float32Array, Float32Array];
    const plain = name.trim().slice(0, LONGEST_NAME);
    if (!plain || this.edits.isTaken(plain)) return;
    this.edits.set(plain, 0);
    this.edits.add(between(plain, from, to));
    this.show();
    this.groups = [[], []];
    this.x.look.say(`The direction ${plain} is saved`);
  }

  remove(name: string): void {
    this.edits.remove(name);
    this.show();
  }

  undo(): void {
    this.goTo(this.past.undo(), "Undone");
  }

  redo(): void {
    this.goTo(this.past.redo(), "Done again");
  }

  private goTo(moment: Moment | null, words: string): void {
    if (!moment) return this.x.look.say("There is no step left");
    const { edits } = this;
    const { stage } = this.x;
    edits.start(moment.base, moment.start);
    edits.list = moment.edits.filter(({ name }) => edits.directions.some((one) => one.name === name));
    edits.keep = moment.keep;
    if (moment.row >= 0) stage.showRow(moment.row);
    else {
      stage.showPoint(edits.point!);
      stage.input = moment.input;
    }
    this.x.remark = moment.remark;
    this.x.sliders.home = moment.home;
    this.x.pointPlace = null;
    this.x.afterMove();
    this.x.look.say(words);
  }

  private moment(): Moment | null {
    const { edits } = this;
    const { stage, remark, sliders } = this.x;
    if (!edits.base) return null;
    return { home: sliders.home, row: stage.row, base: edits.base, start: edits.row, edits: edits.list, keep: edits.keep, input: stage.input, remark };
  }

  /** The point with its edits to the stage; the row itself where none is left. */
  show(): void {
    const { edits } = this;
    const { stage } = this.x;
    if (!edits.point) return;
    this.x.remark = "";
    if (edits.list.length || edits.row < 0) stage.adjust(edits.point);
    else if (stage.row !== edits.row) stage.showRow(edits.row);
    // the map shows where an edited row came from
    if (edits.list.length && edits.row >= 0) stage.from = [edits.row];
    this.x.afterMove();
  }
}
