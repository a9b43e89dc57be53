/** What is heard: one tune, or several one after another; the synthesiser comes when it is first played. */

import { stepsOf, type MusicKind, type Note } from "../kinds/notes";

export type Heard = "decoded" | "input" | "path";
/** Seconds between the press of a key and the first note, in which they are all put in line. */
const LEAD = 0.06;

export class Player {
  /** What is playing, null for nothing. */
  heard = $state<Heard | null>(null);
  /** Where in the tune, in sixteenths; -1 while nothing plays. */
  step = $state(-1);
  private context: AudioContext | null = null;
  private stopNotes: () => void = () => undefined;
  private turn = 0;

  constructor(private readonly kind: MusicKind) {}

  /** Play `tunes` in turn, telling which has begun; each is asked for when the one before has ended. */
  async play(heard: Heard, count: number, tune: (i: number) => readonly Note[]): Promise<void> {
    this.stop();
    const turn = ++this.turn;
    this.heard = heard;
    const { sound, STEP_SECONDS } = await import("../sound/synth");
    this.context ??= new AudioContext();
    await this.context.resume();
    let begin = this.context.currentTime + LEAD;
    try {
      for (let i = 0; i < count && turn === this.turn; i++) {
        this.stopNotes = sound(this.context, this.kind, tune(i), begin);
        await this.until(turn, begin, STEP_SECONDS);
        // a page in the background is late
        begin = Math.max(begin + stepsOf(this.kind) * STEP_SECONDS, this.context.currentTime);
      }
    } finally {
      // also where a tune cannot be had
      if (turn === this.turn) this.stop();
    }
  }

  stop(): void {
    this.turn++;
    this.stopNotes();
    this.stopNotes = () => undefined;
    this.heard = null;
    this.step = -1;
  }

  /** Follow the tune that begins at `begin` to its end. */
  private until(turn: number, begin: number, seconds: number): Promise<void> {
    const last = stepsOf(this.kind);
    return new Promise((done) => {
      const tick = (): void => {
        if (turn !== this.turn) return done();
        this.step = (this.context!.currentTime - begin) / seconds;
        // the next tune is put in line a moment before its first note
        if (this.step >= last - LEAD / seconds / 2) return done();
        requestAnimationFrame(tick);
      };
      tick();
    });
  }
}
