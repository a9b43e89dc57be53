/** What draws the points: WebGL2 where it is quick, else counts in pixels on a 2-D canvas. */

import type { Camera, Size } from "./camera";
import { BinnedLayer } from "./binned";
import { GlLayer } from "./gl";

/** Flags of a row: shown in full, or faded; ringed as part of a selection. */
export const FADED = 1;
export const CHOSEN = 2;

export interface Scene {
  camera: Camera;
  size: Size;
  /** Device pixels of a CSS pixel. */
  ratio: number;
  /** Radius of a point in CSS pixels. */
  radius: number;
  alpha: number;
  /** Rows to draw: from this one, where it is not 0 on top of what is there, and up to, but not including, that one. */
  from: number;
  to: number;
}

export interface Layer {
  readonly title: string;
  readonly canvas: HTMLCanvasElement;
  setPoints(xy: Uint16Array<ArrayBuffer>): void;
  /** `colours` has an index into `palette` for each row; the first `shapes` have a shape of their own each. */
  setColours(colours: Uint8Array<ArrayBuffer>, palette: Uint8Array<ArrayBuffer>, shapes: number): void;
  setFlags(flags: Uint8Array<ArrayBuffer>): void;
  /** Milliseconds until it is drawn; NaN where it was not. */
  draw(scene: Scene): Promise<number>;
  destroy(): void;
}

export type LayerChoice = "auto" | "webgl" | "canvas";

/** Above this, a WebGL that is computed without a graphics card is slower than counting. */
const SOFTWARE_ROWS = 50_000;

/** What becomes of a layer's graphics. */
export interface Fate {
  lost: () => void;
  restored: () => void;
}

/** The quickest layer for so many rows, on a canvas of its own in `host`, and whether WebGL is wanted and missing. */
export function makeLayer(host: HTMLElement, rows: number, choice: LayerChoice, fate: Fate): { layer: Layer; absent: boolean } {
  let absent = false;
  if (choice !== "canvas") {
    const canvas = addCanvas(host);
    const context = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true, alpha: true, preserveDrawingBuffer: true });
    if (context && (choice === "webgl" || rows <= SOFTWARE_ROWS || !isSoftware(context))) {
      return { layer: new GlLayer(canvas, context, fate), absent };
    }
    absent = !context;
    // a canvas keeps the kind of its first context
    if (context) giveBack(context);
    canvas.remove();
  }
  return { layer: plainLayer(host), absent };
}

/** A layer that needs no graphics. */
export function plainLayer(host: HTMLElement): Layer {
  return new BinnedLayer(addCanvas(host));
}

function addCanvas(host: HTMLElement): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  host.prepend(canvas);
  return canvas;
}

/** Free a context now: a browser allows few at once, and one that was only let go lives on for a while. */
export function giveBack(context: WebGL2RenderingContext): void {
  context.getExtension("WEBGL_lose_context")?.loseContext();
}

function isSoftware(context: WebGL2RenderingContext): boolean {
  const details = context.getExtension("WEBGL_debug_renderer_info");
  const name = details ? String(context.getParameter(details.UNMASKED_RENDERER_WEBGL)) : "";
  return /swiftshader|llvmpipe|software|basic render/i.test(name);
}
