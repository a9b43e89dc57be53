/** What is used of gifenc, which comes without types. */
declare module "gifenc" {
  export type Palette = number[][];
  interface Frame {
    palette?: Palette;
    /** Milliseconds. */
    delay?: number;
  }
  interface Encoder {
    writeFrame(indices: Uint8Array, width: number, height: number, frame?: Frame): void;
    finish(): void;
    bytes(): Uint8Array<ArrayBuffer>;
  }
  export function GIFEncoder(): Encoder;
  export function quantize(rgba: Uint8ClampedArray, colours: number): Palette;
  export function applyPalette(rgba: Uint8ClampedArray, palette: Palette): Uint8Array;
}
