/** Where the map is looked at: a centre in map units [0, 1], and how many pixels the whole map measures. */

export interface Camera {
  x: number;
  y: number;
  /** Magnification: 1 shows the whole map. */
  k: number;
}

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: Camera = { x: 0.5, y: 0.5, k: 1 };
const MARGIN = 0.9;
export const LEAST = 0.5;
export const MOST = 400;

/** Pixels of one map unit. */
export function pixelsPerUnit(camera: Camera, size: Size): number {
  return Math.max(1, Math.min(size.width, size.height)) * MARGIN * camera.k;
}

/** Map units to pixels from the top left corner; y grows upwards on the map. */
export function toScreen(camera: Camera, size: Size, x: number, y: number): [number, number] {
  const unit = pixelsPerUnit(camera, size);
  return [size.width / 2 + (x - camera.x) * unit, size.height / 2 - (y - camera.y) * unit];
}

export function toMap(camera: Camera, size: Size, left: number, top: number): [number, number] {
  const unit = pixelsPerUnit(camera, size);
  return [camera.x + (left - size.width / 2) / unit, camera.y - (top - size.height / 2) / unit];
}

export function panned(camera: Camera, size: Size, dx: number, dy: number): Camera {
  const unit = pixelsPerUnit(camera, size);
  return { ...camera, x: clamp(camera.x - dx / unit, -0.5, 1.5), y: clamp(camera.y + dy / unit, -0.5, 1.5) };
}

/** Zoom that leaves what is under (left, top) in its place. */
export function zoomed(camera: Camera, size: Size, factor: number, left = size.width / 2, top = size.height / 2): Camera {
  const [x, y] = toMap(camera, size, left, top);
  const k = clamp(camera.k * factor, LEAST, MOST);
  const after = toMap({ ...camera, k }, size, left, top);
  return { x: clamp(camera.x + x - after[0], -0.5, 1.5), y: clamp(camera.y + y - after[1], -0.5, 1.5), k };
}

const PAN = 60;
/** Where an arrow key leads: to the right and upwards. */
export const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** What a key makes of the camera: plus and minus zoom, 0 shows the whole map, arrows with Shift pan; null for others. */
export function steered(camera: Camera, size: Size, { key, shiftKey }: { key: string; shiftKey: boolean }): Camera | null {
  const step = ARROWS[key];
  if (step && shiftKey) return panned(camera, size, -PAN * step[0], PAN * step[1]);
  if (key === "+" || key === "=") return zoomed(camera, size, 1.4);
  if (key === "-") return zoomed(camera, size, 1 / 1.4);
  return key === "0" ? WHOLE : null;
}

/** A turn of the wheel as a factor of magnification. */
export function wheelFactor({ deltaY, deltaMode }: { deltaY: number; deltaMode: number }): number {
  const lines = deltaMode === 1 ? 20 : 1;
  return Math.exp(-deltaY * lines * 0.0016);
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
