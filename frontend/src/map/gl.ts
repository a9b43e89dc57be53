/** Points by WebGL2: two 16-bit coordinates, one palette index and one byte of flags a row. */

import { pixelsPerUnit } from "./camera";
import { REACH } from "./shapes";
import { giveBack, type Fate, type Layer, type Scene } from "./layer";

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in uint colour;
layout(location = 2) in uint flags;
uniform vec2 scale;
uniform vec2 shift;
uniform float size;
uniform float alpha;
uniform sampler2D palette;
uniform int shapes;
out vec4 shade;
out float radius;
flat out int shape;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  bool faded = (flags & 1u) != 0u;
  bool chosen = (flags & 2u) != 0u;
  vec4 own = texelFetch(palette, ivec2(int(colour), 0), 0);
  vec4 grey = texelFetch(palette, ivec2(255, 0), 0);
  shade = faded ? vec4(grey.rgb, alpha * 0.35) : vec4(own.rgb, chosen ? 1.0 : alpha);
  radius = chosen ? size * 1.5 : (faded ? size * 0.8 : size);
  shape = int(colour) < shapes ? int(colour) : 0;
  gl_PointSize = ${2 * REACH} * radius + 1.0;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 shade;
in float radius;
flat in int shape;
out vec4 result;
float triangle(vec2 p) { return max(abs(p.x) * 0.866 - p.y * 0.5, p.y) - 0.6 * radius; }
float outside(vec2 p) {
  vec2 a = abs(p);
  if (shape == 1) return max(a.x, a.y) - 0.85 * radius;
  if (shape == 2) return triangle(p);
  if (shape == 3) return (a.x + a.y) * 0.7071 - 0.85 * radius;
  if (shape == 4) return max(min(a.x, a.y) - 0.4 * radius, max(a.x, a.y) - 1.1 * radius);
  if (shape == 5) return triangle(vec2(p.x, -p.y));
  return length(p) - radius;
}
void main() {
  vec2 p = (gl_PointCoord - 0.5) * (${2 * REACH} * radius + 1.0);
  float cover = clamp(0.5 - outside(p), 0.0, 1.0) * shade.a;
  if (cover <= 0.0) discard;
  result = vec4(shade.rgb * cover, cover);
}`;

export class GlLayer implements Layer {
  readonly title = "WebGL2";
  private program: WebGLProgram | null = null;
  private buffers: WebGLBuffer[] = [];
  private texture: WebGLTexture | null = null;
  private xy = new Uint16Array();
  private colours = new Uint8Array();
  private palette = new Uint8Array(1024);
  private flags = new Uint8Array();
  private shapes = 0;
  private readonly stop = new AbortController();

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
    fate: Fate,
  ) {
    const { signal } = this.stop;
    canvas.addEventListener("webglcontextlost", (event) => (event.preventDefault(), fate.lost()), { signal });
    canvas.addEventListener(
      "webglcontextrestored",
      () => {
        this.prepare();
        this.upload();
        fate.restored();
      },
      { signal },
    );
    this.prepare();
  }

  setPoints(xy: Uint16Array<ArrayBuffer>): void {
    this.xy = xy;
    this.fill(0, xy);
  }

  setColours(colours: Uint8Array<ArrayBuffer>, palette: Uint8Array<ArrayBuffer>, shapes: number): void {
    this.colours = colours;
    this.shapes = shapes;
    this.palette = palette;
    this.fill(1, colours);
    this.paint();
  }

  setFlags(flags: Uint8Array<ArrayBuffer>): void {
    this.flags = flags;
    this.fill(2, flags);
  }

  async draw({ camera, size, ratio, radius, alpha, from, to }: Scene): Promise<number> {
    const gl = this.gl;
    const began = performance.now();
    if (gl.isContextLost() || !this.program) return NaN;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    if (!from) gl.clear(gl.COLOR_BUFFER_BIT);
    const unit = pixelsPerUnit(camera, size);
    const at = (name: string) => gl.getUniformLocation(this.program!, name);
    gl.useProgram(this.program);
    gl.uniform2f(at("scale"), (2 * unit) / size.width, (2 * unit) / size.height);
    gl.uniform2f(at("shift"), (-2 * unit * camera.x) / size.width, (-2 * unit * camera.y) / size.height);
    gl.uniform1f(at("size"), radius * ratio);
    gl.uniform1f(at("alpha"), alpha);
    gl.uniform1i(at("palette"), 0);
    gl.uniform1i(at("shapes"), this.shapes);
    const last = Math.min(to, this.xy.length / 2);
    if (last > from) gl.drawArrays(gl.POINTS, from, last - from);
    await this.drawn();
    return gl.isContextLost() ? NaN : performance.now() - began;
  }

  /** Until the graphics are there: a fence tells, between tasks; `finish` returns before that in Chromium. */
  private async drawn(): Promise<void> {
    const gl = this.gl;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    while (fence && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await new Promise((done) => setTimeout(done, 1));
    gl.deleteSync(fence);
  }

  destroy(): void {
    this.stop.abort();
    giveBack(this.gl);
    this.canvas.remove();
  }

  private prepare(): void {
    const gl = this.gl;
    this.program = this.link();
    this.buffers = [0, 1, 2].map(() => gl.createBuffer()!);
    this.texture = gl.createTexture();
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.attribute(0, () => gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 0, 0));
    this.attribute(1, () => gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0));
    this.attribute(2, () => gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_BYTE, 0, 0));
  }

  private attribute(place: number, point: () => void): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[place]!);
    this.gl.enableVertexAttribArray(place);
    point();
  }

  private upload(): void {
    this.fill(0, this.xy);
    this.fill(1, this.colours);
    this.fill(2, this.flags);
    this.paint();
  }

  private fill(place: number, data: Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[place]!);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.STATIC_DRAW);
  }

  private paint(): void {
    const gl = this.gl;
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, this.palette);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  private link(): WebGLProgram {
    const gl = this.gl;
    const program = gl.createProgram()!;
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`the point shader does not link: ${gl.getProgramInfoLog(program)}`);
    }
    return program;
  }
}
