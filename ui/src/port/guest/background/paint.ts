// Puts the background behind the person, pixel by pixel, by WebGL 2: the mask is a line over luma, as guide.ts found it.

import { ROOM_HEIGHT, ROOM_WIDTH } from "./guide";
import { HEIGHT, WIDTH } from "./net";

const VERTEX = `#version 300 es
out vec2 place;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0;
  place = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D picture;
uniform sampler2D lines;
uniform sampler2D behind;
uniform vec2 shown;
in vec2 place;
out vec4 colour;
void main() {
  vec3 front = texture(picture, place).rgb;
  vec2 line = texture(lines, place).rg;
  float mask = clamp(line.r * dot(front, vec3(0.299, 0.587, 0.114)) + line.g, 0.0, 1.0);
  colour = vec4(mix(texture(behind, (place - 0.5) * shown + 0.5).rgb, front, mask), 1.0);
}`;

const UNITS = ["picture", "lines", "behind"] as const;

export class Painter {
  readonly canvas: HTMLCanvasElement;
  readonly #gl: WebGL2RenderingContext;
  readonly #shown: WebGLUniformLocation | null;
  /** Width by height of the picture behind; undefined: what is behind has the shape of the picture. */
  #behindShape: number | undefined;

  private constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, program: WebGLProgram) {
    this.canvas = canvas;
    this.#gl = gl;
    this.#shown = gl.getUniformLocation(program, "shown");
    gl.useProgram(program);
    UNITS.forEach((name, unit) => {
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR], [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]] as const) {
        gl.texParameteri(gl.TEXTURE_2D, key, value);
      }
    });
  }

  /** Undefined where the browser has no WebGL 2. */
  static make(): Painter | undefined {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    const program = gl?.createProgram();
    if (!gl || !program) return undefined;
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind);
      if (shader === null) return undefined;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    return gl.getProgramParameter(program, gl.LINK_STATUS) === true ? new Painter(canvas, gl, program) : undefined;
  }

  setLines(lines: Float32Array): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG16F, WIDTH, HEIGHT, 0, gl.RG, gl.FLOAT, lines);
  }

  setRoom(room: Uint8Array): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE2);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, ROOM_WIDTH, ROOM_HEIGHT, 0, gl.RGBA, gl.UNSIGNED_BYTE, room);
    this.#behindShape = undefined;
  }

  /** Fills the picture and keeps its shape. */
  setPicture(picture: ImageBitmap): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE2);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, picture);
    this.#behindShape = picture.width / picture.height;
  }

  paint(video: HTMLVideoElement): void {
    const gl = this.#gl;
    const [width, height] = [video.videoWidth, video.videoHeight];
    if (width === 0 || gl.isContextLost()) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    gl.viewport(0, 0, width, height);
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, video);
    const [x, y] = shownPart(width / height, this.#behindShape);
    gl.uniform2f(this.#shown, x, y);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  close(): void {
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** How much of a picture behind is seen across and down, 0 to 1, when it fills one of another shape (width by height). */
export function shownPart(shape: number, behind: number | undefined): [number, number] {
  if (behind === undefined) return [1, 1];
  return behind > shape ? [shape / behind, 1] : [1, behind / shape];
}
