// The network that finds people, layer by layer, as crates/mask/src/net.rs has it: the same weights, the same answers. Maps keep
// their channels side by side. Numbers are held as 64 bits, because engines would turn each one of 32 into that before counting.

/** Pixels in a row of what it looks at, and of the mask. */
export const WIDTH = 256;
export const HEIGHT = 144;
/** Weights in the file. */
export const WEIGHTS = 106_401;

type After = "nothing" | "relu" | "hard_swish" | "sigmoid";

interface Map {
  width: number;
  height: number;
  channels: number;
  data: Float64Array;
}

export class Net {
  readonly #run: (rgb: Float64Array, mask: Float64Array) => void;

  /** `file`: assets/person-mask/person-mask.f16. Throws where it is another file. */
  constructor(file: ArrayBuffer) {
    if (file.byteLength !== WEIGHTS * 2) throw new RangeError("not the person mask's weights");
    this.#run = build(new Weights(file));
  }

  /** `rgb`: WIDTH x HEIGHT pixels, three values each, 0 to 1. `mask`: as many pixels, 0 (background) to 1 (person). */
  run(rgb: Float64Array, mask: Float64Array): void {
    this.#run(rgb, mask);
  }
}

/** Hands out weights from front to back. */
class Weights {
  readonly #view: DataView;
  #at = 0;

  constructor(file: ArrayBuffer) {
    this.#view = new DataView(file);
  }

  take(count: number): Float64Array {
    const out = new Float64Array(count);
    for (let i = 0; i < count; i++, this.#at += 2) out[i] = half(this.#view.getUint16(this.#at, true));
    return out;
  }
}

/** A half float (IEEE 754 binary16). */
export function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

function build(w: Weights): (rgb: Float64Array, mask: Float64Array) => void {
  const first = stem(w);
  const opening = [pointwise(w, 16, 16, "relu"), depthwise(w, 16, 3, 2, "relu"), excite(w, 16, 8), pointwise(w, 16, 16, "nothing")] as const;
  const down = [plain(w, 16, 72, 24, 2), plain(w, 24, 88, 24, 1)] as const;
  const blocks = [block(w, 24, 96, 24, 2), block(w, 32, 128, 32, 1), block(w, 32, 128, 32, 1), block(w, 32, 96, 24, 1), block(w, 32, 96, 24, 1)];
  const places = pointwise(w, 32, 128, "relu");
  const whole = pointwise(w, 32, 128, "sigmoid");
  const ups = [up(w, 128, 24), up(w, 24, 16), up(w, 16, 16)];
  const end = last(w);
  return (rgb, mask) => {
    const halfSize = first(rgb);
    const seen = opening[1](opening[0](halfSize));
    scale(seen, opening[2]([seen]));
    const quarter = opening[3](seen);
    const eighth = down[0](quarter);
    add(eighth, down[1](eighth));
    let deep: Map | undefined;
    for (const run of blocks) {
      const out = run(deep ?? eighth);
      if (deep !== undefined) add(out, deep);
      deep = out;
    }
    const bottom = deep ?? eighth;
    let map = places(bottom);
    scale(map, whole(single(means([bottom]))).data);
    [eighth, quarter, halfSize].forEach((beside, i) => (map = ups[i]?.(map, beside) ?? map));
    end(map, mask);
  };
}

/** Each layer keeps the map that it fills. */
function keep(): (width: number, height: number, channels: number) => Map {
  let map: Map | undefined;
  return (width, height, channels) => (map ??= { width, height, channels, data: new Float64Array(width * height * channels) });
}

function single(data: Float64Array): Map {
  return { width: 1, height: 1, channels: data.length, data };
}

/** One loop for each kind: a choice for each number would cost more than the convolution. */
function activate(kind: After, data: Float64Array): void {
  const n = data.length;
  switch (kind) {
    case "nothing": return;
    case "relu":
      for (let i = 0; i < n; i++) if (data[i]! < 0) data[i] = 0;
      return;
    case "hard_swish":
      for (let i = 0; i < n; i++) {
        const v = data[i]!;
        data[i] = v <= -3 ? 0 : v >= 3 ? v : (v * (v + 3)) / 6;
      }
      return;
    case "sigmoid":
      for (let i = 0; i < n; i++) data[i] = 1 / (1 + Math.exp(-data[i]!));
  }
}

/** A convolution of single pixels: four outputs of two pixels at once. */
function pointwise(w: Weights, inputs: number, outputs: number, kind: After): (from: Map) => Map {
  const multiply = product(w, inputs, outputs, kind);
  const map = keep();
  return (from) => {
    const to = map(from.width, from.height, outputs);
    multiply(from.data, to.data, from.width * from.height);
    return to;
  };
}

function product(w: Weights, inputs: number, outputs: number, kind: After): (from: Float64Array, to: Float64Array, pixels: number) => void {
  const plain = w.take(inputs * outputs);
  const bias = w.take(outputs);
  const weights = new Float64Array(plain.length);
  for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) weights[(((o >> 2) * inputs + i) << 2) + (o & 3)] = plain[i * outputs + o] ?? 0;
  return (from, to, pixels) => {
    for (let p = 0; p < pixels; p += 2) {
      // The last of an odd number is done twice.
      const one = p * inputs;
      const two = p + 1 < pixels ? one + inputs : one;
      const toOne = p * outputs;
      const toTwo = p + 1 < pixels ? toOne + outputs : toOne;
      let at = 0;
      for (let o = 0; o < outputs; o += 4) {
        let a = bias[o]!, b = bias[o + 1]!, c = bias[o + 2]!, d = bias[o + 3]!;
        let e = a, f = b, g = c, h = d;
        for (let i = 0; i < inputs; i++, at += 4) {
          const v = from[one + i]!, u = from[two + i]!;
          const w0 = weights[at]!, w1 = weights[at + 1]!, w2 = weights[at + 2]!, w3 = weights[at + 3]!;
          a += v * w0; b += v * w1; c += v * w2; d += v * w3;
          e += u * w0; f += u * w1; g += u * w2; h += u * w3;
        }
        to[toOne + o] = a; to[toOne + o + 1] = b; to[toOne + o + 2] = c; to[toOne + o + 3] = d;
        to[toTwo + o] = e; to[toTwo + o + 1] = f; to[toTwo + o + 2] = g; to[toTwo + o + 3] = h;
      }
    }
    activate(kind, to);
  };
}

/** A convolution of each channel by itself, padded so that the output has the input's size divided by the stride. */
function depthwise(w: Weights, channels: number, size: number, stride: number, kind: After): (from: Map) => Map {
  const taps = size * size;
  const plain = w.take(taps * channels);
  const bias = w.take(channels);
  // Four channels side by side, tap by tap.
  const weights = new Float64Array(plain.length);
  for (let t = 0; t < taps; t++) for (let c = 0; c < channels; c++) weights[(((c >> 2) * taps + t) << 2) + (c & 3)] = plain[t * channels + c]!;
  const map = keep();
  let padded = new Float64Array(0);
  const offsets = new Int32Array(taps);
  // As TensorFlow pads "same": what is odd goes below and to the right.
  const before = (size - stride) >> 1;
  return (from) => {
    const line = (from.width + size) * channels;
    if (padded.length === 0) {
      padded = new Float64Array(line * (from.height + size));
      for (let t = 0; t < taps; t++) offsets[t] = Math.trunc(t / size) * line + (t % size) * channels;
    }
    const width = from.width * channels;
    for (let y = 0; y < from.height; y++) padded.set(from.data.subarray(y * width, (y + 1) * width), (y + before) * line + before * channels);
    const to = map(Math.trunc(from.width / stride), Math.trunc(from.height / stride), channels);
    for (let y = 0; y < to.height; y++) {
      for (let x = 0; x < to.width; x++) filterPixel(padded, y * stride * line + x * stride * channels, offsets, weights, bias, to.data, (y * to.width + x) * channels);
    }
    activate(kind, to.data);
    return to;
  };
}

function filterPixel(from: Float64Array, first: number, offsets: Int32Array, weights: Float64Array, bias: Float64Array, to: Float64Array, out: number): void {
  const channels = bias.length;
  const taps = offsets.length;
  for (let c = 0, w = 0; c < channels; c += 4) {
    let p = bias[c]!, q = bias[c + 1]!, r = bias[c + 2]!, s = bias[c + 3]!;
    for (let t = 0; t < taps; t++, w += 4) {
      const at = first + offsets[t]! + c;
      p += from[at]! * weights[w]!; q += from[at + 1]! * weights[w + 1]!; r += from[at + 2]! * weights[w + 2]!; s += from[at + 3]! * weights[w + 3]!;
    }
    to[out + c] = p; to[out + c + 1] = q; to[out + c + 2] = r; to[out + c + 3] = s;
  }
}

/** 3 x 3 of three colours, every second pixel, as a convolution of single pixels over what each one sees. */
function stem(w: Weights): (rgb: Float64Array) => Map {
  const [width, height, seen] = [WIDTH / 2, HEIGHT / 2, 27];
  const multiply = product(w, seen, 16, "hard_swish");
  const patches = new Float64Array(width * height * seen);
  const map = keep();
  return (rgb) => {
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let ky = 0; ky < 3; ky++) {
          const sy = y * 2 + ky;
          const from = (sy * WIDTH + x * 2) * 3;
          const there = sy >= HEIGHT ? 0 : x + 1 < width ? 9 : 6;
          for (let i = 0; i < 9; i++, at++) patches[at] = i < there ? rgb[from + i]! : 0;
        }
      }
    }
    const to = map(width, height, 16);
    multiply(patches, to.data, width * height);
    return to;
  };
}

/** Squeeze and excite: weighs channels by what their means say (Hu et al., arXiv:1709.01507). */
function excite(w: Weights, channels: number, hidden: number): (maps: readonly Map[]) => Float64Array {
  const squeeze = pointwise(w, channels, hidden, "relu");
  const gates = pointwise(w, hidden, channels, "sigmoid");
  return (maps) => gates(squeeze(single(means(maps)))).data;
}

function plain(w: Weights, from: number, wide: number, to: number, stride: number): (map: Map) => Map {
  const [widen, filter, narrow] = [pointwise(w, from, wide, "relu"), depthwise(w, wide, 3, stride, "relu"), pointwise(w, wide, to, "nothing")];
  return (map) => narrow(filter(widen(map)));
}

function block(w: Weights, from: number, wide: number, hidden: number, stride: number): (map: Map) => Map {
  const widen = pointwise(w, from, wide, "hard_swish");
  const filter = depthwise(w, wide, 5, stride, "hard_swish");
  const gates = excite(w, wide, hidden);
  const narrow = pointwise(w, wide, 32, "nothing");
  return (map) => {
    const filtered = filter(widen(map));
    scale(filtered, gates([filtered]));
    return narrow(filtered);
  };
}

/** A step up: what comes from below, enlarged, beside what was seen at this size on the way down, which is used up. */
function up(w: Weights, from: number, to: number): (below: Map, beside: Map) => Map {
  const narrow = pointwise(w, from, to, "nothing");
  const gates = excite(w, to, to);
  const mix = pointwise(w, to, to, "relu");
  const filter = depthwise(w, to, 3, 1, "relu");
  const map = keep();
  return (below, beside) => {
    // Narrowed before it is enlarged, not after: both are linear, and so there is a quarter to do.
    const large = double(narrow(below), map);
    scale(beside, gates([beside, large]));
    add(beside, large);
    const mixed = mix(beside);
    const out = filter(mixed);
    add(out, mixed);
    return out;
  };
}

/** Each pixel becomes four of the mask. */
function last(w: Weights): (from: Map, mask: Float64Array) => void {
  const weights = w.take(64);
  const bias = w.take(1)[0]!;
  return (from, mask) => {
    for (let y = 0, at = 0; y < from.height; y++) {
      for (let x = 0; x < from.width; x++, at += 16) {
        for (let k = 0; k < 4; k++) {
          let sum = bias;
          for (let c = 0; c < 16; c++) sum += from.data[at + c]! * weights[c * 4 + k]!;
          mask[(y * 2 + (k >> 1)) * WIDTH + x * 2 + (k & 1)] = sum;
        }
      }
    }
    activate("sigmoid", mask);
  };
}

/** The mean of each channel of `maps` added together; all have one size. */
function means(maps: readonly Map[]): Float64Array {
  const sums = new Float64Array(maps[0]?.channels ?? 0);
  for (const { data, channels, width, height } of maps) {
    const share = 1 / (width * height);
    for (let at = 0; at < data.length; at += channels) for (let c = 0; c < channels; c++) sums[c] = sums[c]! + data[at + c]! * share;
  }
  return sums;
}

/** Each channel times its gate. */
function scale({ data, channels }: Map, gates: Float64Array): void {
  for (let at = 0; at < data.length; at += channels) for (let c = 0; c < channels; c++) data[at + c] = data[at + c]! * gates[c]!;
}

function add(map: Map, other: Map): void {
  for (let i = 0; i < map.data.length; i++) map.data[i] = map.data[i]! + other.data[i]!;
}

/** Twice as wide and high, bilinear between pixels' centres. */
function double(from: Map, map: (width: number, height: number, channels: number) => Map): Map {
  const { width, height, channels, data } = from;
  const to = map(width * 2, height * 2, channels);
  for (let y = 0, o = 0; y < to.height; y++) {
    const [near, far] = neighbours(y, height).map((row) => row * width);
    for (let x = 0; x < to.width; x++) {
      const [beside, away] = neighbours(x, width);
      const a = (near! + beside) * channels, b = (near! + away) * channels;
      const c = (far! + beside) * channels, d = (far! + away) * channels;
      for (let k = 0; k < channels; k++, o++) to.data[o] = (data[a + k]! * 0.75 + data[b + k]! * 0.25) * 0.75 + (data[c + k]! * 0.75 + data[d + k]! * 0.25) * 0.25;
    }
  }
  return to;
}

/** Of the larger map's place: the smaller map's place that counts three quarters, and the one that counts a quarter. */
function neighbours(at: number, size: number): [number, number] {
  const near = at >> 1;
  return [near, at % 2 === 0 ? Math.max(0, near - 1) : Math.min(size - 1, near + 1)];
}
