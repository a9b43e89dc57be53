/** What was, step by step: undo and redo. */

/** Changes of one kind that follow each other within this many milliseconds are one step. */
const ONE_STEP = 800;

export class Past<Moment> {
  private before = $state.raw<readonly Moment[]>([]);
  private after = $state.raw<readonly Moment[]>([]);
  private act = "";
  private at = -Infinity;

  constructor(
    private readonly now: () => Moment | null,
    private readonly limit = 100,
  ) {}

  get canUndo(): boolean {
    return this.before.length > 0;
  }

  get canRedo(): boolean {
    return this.after.length > 0;
  }

  /** Keep the present before it changes by `act`; a drag, which is many changes of one name, is kept once. */
  note(act: string, time = performance.now()): void {
    const goesOn = act !== "" && act === this.act && time - this.at < ONE_STEP;
    [this.act, this.at] = [act, time];
    const moment = this.now();
    if (goesOn || moment === null) return;
    this.before = [...this.before, moment].slice(-this.limit);
    this.after = [];
  }

  undo(): Moment | null {
    const present = this.now();
    if (!this.canUndo || present === null) return null;
    const moment = this.before.at(-1)!;
    this.before = this.before.slice(0, -1);
    this.after = [...this.after, present];
    this.act = "";
    return moment;
  }

  redo(): Moment | null {
    const present = this.now();
    if (!this.canRedo || present === null) return null;
    const moment = this.after.at(-1)!;
    this.after = this.after.slice(0, -1);
    this.before = [...this.before, present];
    this.act = "";
    return moment;
  }
}
