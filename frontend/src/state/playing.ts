/** What sounds and what walks: the melody on the stage, and the path. */

import { musicOf, notesOf, toRaw } from "../kinds/notes";
import type { Explorer } from "./explorer.svelte";

/** Play what is decoded, or stop. */
export function listen(x: Explorer): void {
  const { player, stage } = x;
  const music = musicOf(x.space.view);
  if (!player || !music) return;
  if (player.heard) return player.stop();
  const values = stage.decoded?.values;
  if (values) void player.play("decoded", 1, () => notesOf(music, toRaw(music, values)));
}

/** Walk the path back and forth, or play the tunes along it from where one is; or stop either. */
export function playPath(x: Explorer): void {
  const { tray, player } = x;
  if (player?.heard === "path") return player.stop();
  if (tray.playing) return tray.pause();
  if (!tray.points.length) return x.look.say("A path needs two stops");
  if (!player) return tray.play((z) => x.showPoint(z, "", "path"));
  tray.waits = !tray.complete && !tray.waits;
  if (!tray.complete) return x.look.say(tray.waits ? "The path plays once it is decoded" : "Stopped");
  const music = musicOf(x.space.view)!;
  // the path as it is now, whatever happens to it meanwhile
  const { points, decoded, frames } = tray;
  const first = tray.position < tray.legs ? Math.round(tray.position * (frames - 1)) : 0;
  void player.play("path", points.length - first, (i) => {
    tray.position = (first + i) / (frames - 1);
    x.showPoint(points[first + i]!, "", "path");
    return notesOf(music, toRaw(music, decoded[first + i]!));
  });
}

/** Leave the path where it is: what plays would take the stage from what is to come. */
export function halt({ tray, player }: Explorer): void {
  tray.pause();
  if (player?.heard === "path") player.stop();
}
