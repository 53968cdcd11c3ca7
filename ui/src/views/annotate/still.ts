// A shared picture of one moment, and its way into a file with what is drawn on it.
import type { Size, StrokeLook } from "../../state/board/picture";
import { saveBlob } from "../../state/savefile";
import { drawStrokes } from "./draw";
import type { Picture } from "./watch";

/** The picture as it is now, in its own pixels; undefined where there is none yet. */
export function still(picture: Picture, { width, height }: Size): HTMLCanvasElement | undefined {
  if (!(width > 0 && height > 0)) return undefined;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  canvas.dataset["over"] = "";
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.drawImage(picture, 0, 0, width, height);
  return canvas;
}

/** Hands the person the picture with the strokes on it as a PNG; false: the browser made none. */
export async function saveStill(picture: HTMLCanvasElement, strokes: readonly StrokeLook[]): Promise<boolean> {
  const { width, height } = picture;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) return false;
  context.drawImage(picture, 0, 0);
  drawStrokes(context, strokes, { x: 0, y: 0, width, height });
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!blob) return false;
  saveBlob(blob, "screen.png");
  return true;
}
