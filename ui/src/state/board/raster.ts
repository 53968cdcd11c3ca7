// Makes pictures for a board from files: whatever the browser can show becomes pixels and is written anew as PNG or JPEG, so that what
// leaves this machine holds no place, no camera's name and no script; large ones are made smaller.
import { sha256 } from "@noble/hashes/sha2.js";
import { MAX_PICTURE_BYTES, type Asset } from "../../board";

/** Longest side and pixels of what is put on a board: a screen of 3840 x 2160 stays as it is. */
export const SIDE = 4096;
export const PIXELS = 8_388_608;
/** Bytes of a file that is looked at. */
export const MOST_FILE = 64 * 1024 * 1024;
/** A PNG above this becomes a JPEG where nothing shines through. */
const HEAVY = 3 * 1024 * 1024;
/** What an SVG without a size of its own gets, and what its longer side has at least: it stays sharp when it is made larger. */
const SVG_SIDE = 2048;

export interface Raster {
  asset: Asset;
  bytes: Blob;
}

/** Why a file gives no picture; stable, for texts. */
export type RasterCode = "file_too_big" | "not_a_picture" | "pdf_encrypted" | "pdf_unreadable";

export class RasterError extends Error {
  constructor(readonly code: RasterCode) {
    super(code);
  }
}

/** The share of its size a picture is kept at. */
export function shareOf(width: number, height: number): number {
  return Math.min(1, SIDE / Math.max(width, height), Math.sqrt(PIXELS / (width * height)));
}

export type FileKind = "pdf" | "svg" | "picture";

/** By what is in it, not by its name: the type only tells SVG from other text. */
export async function kindOf(file: Blob): Promise<FileKind> {
  const head = new TextDecoder("latin1").decode(await file.slice(0, 1024).arrayBuffer());
  if (head.includes("%PDF-")) return "pdf";
  return file.type === "image/svg+xml" || /^\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*|<!DOCTYPE[^>]*>\s*)*<svg[\s>]/i.test(head) ? "svg" : "picture";
}

export async function pictureFrom(file: Blob): Promise<Raster> {
  if (file.size > MOST_FILE) throw new RasterError("file_too_big");
  const svg = (await kindOf(file)) === "svg";
  const source = svg ? await svgPicture(file) : await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => undefined);
  if (!source || source.width === 0 || source.height === 0) throw new RasterError("not_a_picture");
  const up = svg ? Math.max(1, SVG_SIDE / Math.max(source.width, source.height)) : 1;
  const canvas = drawn(source, source.width * up, source.height * up);
  if (source instanceof ImageBitmap) source.close();
  return encoded(canvas, file.type === "image/jpeg");
}

/** An image element runs no script and fetches nothing of an SVG. */
async function svgPicture(file: Blob): Promise<HTMLImageElement | undefined> {
  const url = URL.createObjectURL(file.type === "image/svg+xml" ? file : new Blob([file], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    if (image.width === 0 || image.height === 0) [image.width, image.height] = [SVG_SIDE, SVG_SIDE];
    return image;
  } catch {
    return undefined;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function drawn(source: CanvasImageSource, width: number, height: number): HTMLCanvasElement {
  const share = shareOf(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * share));
  canvas.height = Math.max(1, Math.round(height * share));
  const context = canvas.getContext("2d");
  if (context) context.imageSmoothingQuality = "high";
  context?.drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** The canvas as a file that a board takes. */
export async function encoded(canvas: HTMLCanvasElement, photo: boolean): Promise<Raster> {
  let now = canvas;
  for (let tries = 0; tries < 5; tries++) {
    const png = photo ? undefined : await blobOf(now, "image/png");
    const jpeg = png === undefined || (png.size > HEAVY && isOpaque(now)) ? await blobOf(now, "image/jpeg") : undefined;
    const bytes = jpeg ?? png;
    if (bytes && bytes.size <= MAX_PICTURE_BYTES) return rasterOf(bytes, jpeg ? 1 : 0, now);
    now = drawn(now, now.width * 0.7, now.height * 0.7);
  }
  throw new RasterError("file_too_big");
}

async function rasterOf(bytes: Blob, media: number, { width, height }: HTMLCanvasElement): Promise<Raster> {
  const hash = sha256(new Uint8Array(await bytes.arrayBuffer()));
  return { asset: { sha256: hash, media, bytes: bytes.size, width, height, page: 0 }, bytes };
}

function isOpaque(canvas: HTMLCanvasElement): boolean {
  const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data;
  if (!data) return false;
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return false;
  return true;
}

const blobOf = (canvas: HTMLCanvasElement, type: string): Promise<Blob | undefined> =>
  new Promise((done) => canvas.toBlob((blob) => done(blob ?? undefined), type, 0.9));
