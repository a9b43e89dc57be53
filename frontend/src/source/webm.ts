/** Frames as a film, recorded by the browser as long as it runs. */

import type { Loop } from "../state/path.svelte";
import { FRAME_MILLISECONDS, runOf, scaleOf } from "./film";

const KIND = "video/webm";
const BITS = 8_000_000;

/** One run of the frames, small ones enlarged. */
export async function webmOf(frames: readonly HTMLCanvasElement[], loop: Loop): Promise<Blob> {
  const scale = scaleOf(frames[0]!);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [frames[0]!.width * scale, frames[0]!.height * scale];
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: KIND, videoBitsPerSecond: BITS });
  const parts: Blob[] = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  for (const i of runOf(frames.length, loop)) {
    context.drawImage(frames[i]!, 0, 0, canvas.width, canvas.height);
    await new Promise((done) => setTimeout(done, FRAME_MILLISECONDS));
  }
  recorder.stop();
  await stopped;
  return new Blob(parts, { type: KIND });
}
