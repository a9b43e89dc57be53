/** What lies over the points: pictures, names, rings, the path, and lines being drawn. */

import { toMap, toScreen, type Camera, type Size } from "./camera";
import type { Grid } from "./grid";
import type { Label } from "./labels";
import type { Thumbnails } from "../source/sheets";

export interface Ink {
  text: string;
  halo: string;
  accent: string;
  mark: string;
}

export interface Marker {
  x: number;
  y: number;
  text: string;
}

export interface Drawing {
  camera: Camera;
  size: Size;
  ratio: number;
  ink: Ink;
  xy: Uint16Array | null;
  grid: Grid | null;
  labels: readonly Label[];
  colourOf: (index: number) => string;
  rowColour: (row: number) => string;
  faded: (row: number) => boolean;
  sheets: Thumbnails | null;
  hover: number;
  /** Rows that a pane lists. */
  marks: readonly number[];
  row: number;
  /** Place of the point on the stage where it is no row. */
  point: [number, number] | null;
  from: readonly number[];
  path: readonly [number, number][];
  at: [number, number] | null;
  markers: readonly Marker[];
  /** Corners in pixels. */
  lasso: readonly [number, number][];
}

const MOST_PICTURED = 20_000;
const FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** How much larger letters are than on a usual screen. */
function zoomOfLetters(): number {
  return (Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16) / 16;
}

export function drawOverlay(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { size, ratio } = drawing;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, size.width, size.height);
  context.lineJoin = context.lineCap = "round";
  if (drawing.sheets) drawPictures(context, drawing, drawing.sheets);
  else drawLabels(context, drawing);
  drawPath(context, drawing);
  drawPoint(context, drawing);
  drawLasso(context, drawing);
}

/** Pictures of rows, the first ones first, where none that is drawn already would be covered. */
function drawPictures(context: CanvasRenderingContext2D, drawing: Drawing, sheets: Thumbnails): void {
  const { width, height } = sheets.thumbs;
  const cell = Math.max(40, Math.min(72 * zoomOfLetters(), Math.min(drawing.size.width, drawing.size.height) / 16));
  const scale = (cell - 6) / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingEnabled = width > 40;
  for (const [row, x, y] of apart(drawing, sheets, cell)) {
    context.fillStyle = drawing.rowColour(row);
    context.beginPath();
    context.roundRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4, 4);
    context.fill();
    if (!sheets.draw(context, row, x - w / 2, y - h / 2, w, h)) {
      context.fillStyle = drawing.ink.halo;
      context.fillRect(x - w / 2, y - h / 2, w, h);
    }
  }
}

/** Rows in sight whose pictures, in squares of `cell` pixels, do not overlap, with their places in pixels. */
function apart(drawing: Drawing, sheets: Thumbnails, cell: number): [number, number, number][] {
  const { camera, size, grid } = drawing;
  if (!grid) return [];
  const [left, top] = toMap(camera, size, 0, 0);
  const [right, bottom] = toMap(camera, size, size.width, size.height);
  // the closer one looks, the fewer rows are in sight, so that more of them can be gone through
  const most = MOST_PICTURED * Math.max(1, camera.k * camera.k);
  const rows: number[] = [];
  grid.within(left * 65535, bottom * 65535, right * 65535, top * 65535, (row) => {
    if (row < most && sheets.has(row) && !drawing.faded(row)) rows.push(row);
  });
  const taken = new Map<string, [number, number]>();
  const free = (x: number, y: number): boolean => {
    const [cx, cy] = [Math.floor(x / cell), Math.floor(y / cell)];
    for (let i = -1; i <= 1; i++) {
      for (let j = -1; j <= 1; j++) {
        const other = taken.get(`${cx + i} ${cy + j}`);
        if (other && Math.abs(other[0] - x) < cell && Math.abs(other[1] - y) < cell) return false;
      }
    }
    taken.set(`${cx} ${cy}`, [x, y]);
    return true;
  };
  return rows
    .sort((a, b) => a - b)
    .map((row) => [row, ...screenOf(drawing, row)] as [number, number, number])
    .filter(([, x, y]) => free(x, y));
}

function drawLabels(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { labels, camera, size, ink, colourOf } = drawing;
  const marked = drawing.row >= 0 ? screenOf(drawing, drawing.row) : [-100, -100];
  const large = zoomOfLetters();
  context.font = `600 ${12.5 * large}px ${FAMILY}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const taken: [number, number, number][] = [];
  for (const label of labels) {
    const [x, middle] = toScreen(camera, size, label.x, label.y);
    const half = context.measureText(label.name).width / 2 + 6;
    // a name makes room for the mark of the row on the stage
    const covers = Math.abs(marked[0]! - x) < half + 16 && Math.abs(marked[1]! - middle) < 26;
    const y = covers ? marked[1]! - 30 : middle;
    if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
    if (taken.some(([tx, ty, th]) => Math.abs(tx - x) < th + half && Math.abs(ty - y) < 20 * large)) continue;
    taken.push([x, y, half]);
    context.strokeStyle = ink.halo;
    context.lineWidth = 5;
    context.strokeText(label.name, x, y);
    context.fillStyle = ink.text;
    context.fillText(label.name, x, y);
    context.fillStyle = colourOf(label.index);
    context.fillRect(x - half + 6, y + 10 * large, 2 * half - 12, 2 * large);
  }
}

function drawPath(context: CanvasRenderingContext2D, { path, at, markers, camera, size, ink }: Drawing): void {
  if (path.length > 1) {
    const trace = () => {
      context.beginPath();
      path.forEach(([x, y]) => context.lineTo(...toScreen(camera, size, x, y)));
      context.stroke();
    };
    context.strokeStyle = ink.halo;
    context.lineWidth = 5;
    trace();
    context.strokeStyle = ink.accent;
    context.lineWidth = 2;
    trace();
  }
  if (at) dot(context, toScreen(camera, size, at[0], at[1]), 5, ink.accent, ink.halo);
  const large = zoomOfLetters();
  context.font = `700 ${11 * large}px ${FAMILY}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const marker of markers) {
    const [x, y] = toScreen(camera, size, marker.x, marker.y);
    dot(context, [x, y], 9 * large, ink.text, ink.halo);
    context.fillStyle = ink.halo;
    context.fillText(marker.text, x, y + 0.5);
  }
}

function drawPoint(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { ink, hover, row, point, from, camera, size } = drawing;
  for (const listed of drawing.marks) ring(context, screenOf(drawing, listed), 6.5, 1.5, ink.mark, ink.halo);
  const centre = point && toScreen(camera, size, point[0], point[1]);
  if (centre && from.length) {
    context.strokeStyle = ink.accent;
    context.lineWidth = 1;
    context.globalAlpha = 0.65;
    for (const other of from) {
      context.beginPath();
      context.moveTo(...centre);
      context.lineTo(...screenOf(drawing, other));
      context.stroke();
    }
    context.globalAlpha = 1;
  }
  if (hover >= 0 && hover !== row) ring(context, screenOf(drawing, hover), 8, 1.5, ink.text, ink.halo);
  const place = row >= 0 ? screenOf(drawing, row) : centre;
  if (!place) return;
  ring(context, place, 10, 2.5, ink.mark, ink.halo);
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
    context.beginPath();
    context.moveTo(place[0] + 10 * dx, place[1] + 10 * dy);
    context.lineTo(place[0] + 16 * dx, place[1] + 16 * dy);
    context.stroke();
  }
}

function drawLasso(context: CanvasRenderingContext2D, { lasso, ink }: Drawing): void {
  if (lasso.length < 2) return;
  context.beginPath();
  lasso.forEach(([x, y]) => context.lineTo(x, y));
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = ink.accent;
  context.fill();
  context.globalAlpha = 1;
  context.setLineDash([5, 4]);
  context.strokeStyle = ink.accent;
  context.lineWidth = 1.5;
  context.stroke();
  context.setLineDash([]);
}

function screenOf({ camera, size, xy }: Drawing, row: number): [number, number] {
  return xy ? toScreen(camera, size, xy[2 * row]! / 65535, xy[2 * row + 1]! / 65535) : [-100, -100];
}

export function ring(context: CanvasRenderingContext2D, [x, y]: [number, number], radius: number, width: number, colour: string, halo: string): void {
  for (const [w, c] of [[width + 2.5, halo], [width, colour]] as const) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.lineWidth = w;
    context.strokeStyle = c;
    context.stroke();
  }
}

function dot(context: CanvasRenderingContext2D, [x, y]: [number, number], radius: number, colour: string, halo: string): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = halo;
  context.stroke();
}
