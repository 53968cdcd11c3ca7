// Pictures onto canvases. A canvas keeps the kind of context it got first.

import { type Easel, type Picture, type Planes, isFrame } from "./stream";
import type { Painter } from "./talk";

type Canvas = OffscreenCanvas | HTMLCanvasElement;

/** Draws into one canvas, no larger than it is seen. */
export class CanvasEasel implements Easel {
  readonly #canvas: Canvas;
  readonly #brush: Brush;
  #width = 0;
  #height = 0;

  constructor(canvas: Canvas, painter: Painter) {
    this.#canvas = canvas;
    this.#brush = makeBrush(canvas, painter);
  }

  /** Device pixels the canvas covers; 0: not known yet. */
  size(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
  }

  draw(picture: Picture): void {
    const own = this.#brush.ownSize === true;
    const [width, height] = own ? [picture.width, picture.height] : drawnSize(picture, this.#width, this.#height);
    const canvas = this.#canvas;
    // Every change allocates anew; a few pixels' difference is for the compositor.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.#brush.paint(picture, width, height);
  }

  /** It is not drawn on again. */
  close(): void {
    this.#brush.free?.();
  }
}

/** The size that covers a tile with the picture's shape kept, never larger than the picture, in steps of an eighth of it. */
export function drawnSize(picture: { width: number; height: number }, tileWidth: number, tileHeight: number): [width: number, height: number] {
  const { width, height } = picture;
  const exact = Math.max(tileWidth / width, tileHeight / height);
  const scale = exact > 0 ? Math.min(1, Math.ceil(exact * 8) / 8) : 1;
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

interface Brush {
  paint(picture: Picture, width: number, height: number): void;
  /** It does not scale. */
  ownSize?: boolean;
  /** Gives back what a webview has few of. */
  free?(): void;
}

/** Webviews take the oldest WebGL context away when there are too many, often sixteen, and other pages want some too. */
const MOST_GL = 8;
let liveGl = 0;

function makeBrush(canvas: Canvas, painter: Painter): Brush {
  const gl = painter === "webgl" && liveGl < MOST_GL ? webgl(canvas) : undefined;
  if (gl !== undefined) return gl;
  const context = canvas.getContext("2d", { alpha: false, desynchronized: true }) as OffscreenCanvasRenderingContext2D | null;
  if (context === null) return { paint: () => {} };
  return painter === "pixels" || typeof VideoFrame === "undefined" ? pixels(context) : flat(context);
}

function flat(context: OffscreenCanvasRenderingContext2D): Brush {
  return {
    paint({ source }, width, height) {
      context.imageSmoothingQuality = "low";
      const frame = isFrame(source) ? source : frameOf(source);
      context.drawImage(frame, 0, 0, width, height);
      if (!isFrame(source)) frame.close();
    },
  };
}

/** Our own conversion. Some webviews hand each picture to a media framework's threads and wait for them. */
function pixels(context: OffscreenCanvasRenderingContext2D): Brush {
  let image: ImageData | undefined;
  return {
    ownSize: true,
    paint({ source }, width, height) {
      if (isFrame(source)) return context.drawImage(source, 0, 0, width, height);
      if (image?.width !== source.width || image.height !== source.height) image = new ImageData(source.width, source.height);
      fillPixels(source, new Uint32Array(image.data.buffer));
      context.putImageData(image, 0, 0);
    },
  };
}

/** The webview's own conversion, where it has one. */
function frameOf({ data, width, height }: Planes): VideoFrame {
  return new VideoFrame(data, {
    format: "I420",
    codedWidth: width,
    codedHeight: height,
    timestamp: 0,
    colorSpace: { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false },
  });
}

/** What a channel becomes, from `(value >> 8) + BELOW`. */
const CLAMPED = Uint8Array.from({ length: 1024 }, (_, i) => Math.max(0, Math.min(255, i - 256)));
const BELOW = 256;

/** BT.601 in limited range, as the app's pictures are, to RGBA, a word a pixel. Width and height are even. */
export function fillPixels({ data, width, height }: Planes, out: Uint32Array): void {
  const half = width >> 1;
  const [u, v] = [width * height, width * height + half * (height >> 1)];
  for (let y = 0; y < height; y += 1) {
    const chroma = (y >> 1) * half;
    let at = y * width;
    for (let x = 0; x < half; x += 1) {
      const cb = (data[u + chroma + x] as number) - 128;
      const cr = (data[v + chroma + x] as number) - 128;
      const r = 409 * cr + 128;
      const g = 128 - 100 * cb - 208 * cr;
      const b = 516 * cb + 128;
      for (const end = at + 2; at < end; at += 1) {
        const luma = 298 * ((data[at] as number) - 16);
        out[at] =
          0xff000000 |
          ((CLAMPED[((luma + b) >> 8) + BELOW] as number) << 16) |
          ((CLAMPED[((luma + g) >> 8) + BELOW] as number) << 8) |
          (CLAMPED[((luma + r) >> 8) + BELOW] as number);
      }
    }
  }
}

const VERTEX = `#version 300 es
in vec2 place; out vec2 at;
void main() { at = vec2(place.x, 1.0 - place.y); gl_Position = vec4(place * 2.0 - 1.0, 0.0, 1.0); }`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec2 at; out vec4 colour;
uniform sampler2D luma, cb, cr;
void main() {
  float y = 1.1644 * (texture(luma, at).r - 0.0627);
  float u = texture(cb, at).r - 0.502;
  float v = texture(cr, at).r - 0.502;
  colour = vec4(y + 1.596 * v, y - 0.3918 * u - 0.813 * v, y + 2.0172 * u, 1.0);
}`;

/** Undefined where there is no WebGL2. */
function webgl(canvas: Canvas): Brush | undefined {
  const options = { alpha: false, antialias: false, depth: false, stencil: false, desynchronized: true, powerPreference: "low-power" };
  const gl = canvas.getContext("webgl2", options) as WebGL2RenderingContext | null;
  let planes = gl === null ? undefined : makePlanes(gl);
  if (gl === null || planes === undefined) return undefined;
  liveGl += 1;
  // A context that was taken away comes back empty, if its loss was not simply accepted.
  const lost = (event: Event) => {
    event.preventDefault();
    planes = undefined;
  };
  const restored = () => (planes = makePlanes(gl));
  canvas.addEventListener("webglcontextlost", lost);
  canvas.addEventListener("webglcontextrestored", restored);
  return {
    paint({ source }, width, height) {
      if (isFrame(source) || planes === undefined) return;
      gl.viewport(0, 0, width, height);
      planes(source);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    },
    free() {
      liveGl -= 1;
      canvas.removeEventListener("webglcontextlost", lost);
      canvas.removeEventListener("webglcontextrestored", restored);
      gl.getExtension("WEBGL_lose_context")?.loseContext();
    },
  };
}

/** A program with three planes as textures; what comes back fills them. */
function makePlanes(gl: WebGL2RenderingContext): ((planes: Planes) => void) | undefined {
  const program = makeProgram(gl);
  if (program === undefined) return undefined;
  const textures = ["luma", "cb", "cr"].map((name, unit) => {
    const texture = makeTexture(gl, unit);
    gl.uniform1i(gl.getUniformLocation(program, name), unit);
    return texture;
  });
  const sizes = textures.map(() => "");
  return (source) => {
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    let at = 0;
    for (const [unit, texture] of textures.entries()) {
      const [w, h] = unit === 0 ? [source.width, source.height] : [source.width / 2, source.height / 2];
      const plane = source.data.subarray(at, at + w * h);
      at += w * h;
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      if (sizes[unit] === `${w}x${h}`) {
        gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, w, h, gl.RED, gl.UNSIGNED_BYTE, plane);
      } else {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, w, h, 0, gl.RED, gl.UNSIGNED_BYTE, plane);
        sizes[unit] = `${w}x${h}`;
      }
    }
  };
}

function makeProgram(gl: WebGL2RenderingContext): WebGLProgram | undefined {
  const program = gl.createProgram();
  for (const [kind, text] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) return undefined;
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true) return undefined;
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
  const place = gl.getAttribLocation(program, "place");
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
  return program;
}

function makeTexture(gl: WebGL2RenderingContext, unit: number): WebGLTexture {
  const texture = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const [name, value] of [
    [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
    [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
    [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
  ] as const) {
    gl.texParameteri(gl.TEXTURE_2D, name, value);
  }
  return texture;
}
