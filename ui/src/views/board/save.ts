// Hands a board's page to the person as a file.
import type { Asset } from "../../board";
import { tb } from "../../i18n/board.svelte";
import { locale } from "../../i18n/i18n.svelte";
import { keyOf, type Drawn } from "../../state/board/album";
import type { BoardModel } from "../../state/board/model.svelte";
import { measure, pictureOf } from "../../state/board/paint";
import { pdfOf, pixelsOf, type PdfPicture } from "../../state/board/pdf";
import { Scene } from "../../state/board/scene";
import { svgOf } from "../../state/board/svg";
import { pageInWords } from "./words";

/** The pictures of a page, each once. */
function assetsOf(scene: Scene): Asset[] {
  const all = scene.all().flatMap(({ look }) => (look.kind === "image" ? [[keyOf(look.asset), look.asset] as const] : []));
  return [...new Map(all).values()];
}

/** Draws a page with its pictures whole, and lets go of them. */
async function drawn({ album }: BoardModel, scene: Scene, words: readonly string[]): Promise<HTMLCanvasElement> {
  const pictures = new Map<string, Drawn>();
  for (const asset of assetsOf(scene)) {
    const picture = await album.whole(asset);
    if (picture) pictures.set(keyOf(asset), picture);
  }
  const canvas = pictureOf(scene, words, pixelsOf, (asset) => pictures.get(keyOf(asset)));
  for (const picture of pictures.values()) picture.close?.();
  return canvas;
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result));
    reader.onerror = () => fail(new Error("a picture cannot be read"));
    reader.readAsDataURL(blob);
  });
}

function hand(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const bytes = (canvas: HTMLCanvasElement, type: string): Promise<Blob> =>
  new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("the browser made no picture"))), type, 0.92));

export async function saveSvg({ scene, album }: BoardModel, title: string): Promise<void> {
  if (!scene) return;
  const pictures = new Map<string, string>();
  for (const asset of assetsOf(scene)) {
    const file = await album.bytes(asset);
    if (file.ok) pictures.set(keyOf(asset), await dataUrl(file.value));
  }
  hand(new Blob([svgOf(scene, measure, title, (asset) => pictures.get(keyOf(asset)))], { type: "image/svg+xml" }), "board.svg");
}

export async function savePng(model: BoardModel, words: readonly string[]): Promise<void> {
  if (model.scene) hand(await bytes(await drawn(model, model.scene, words), "image/png"), "board.png");
}

export async function savePdf(model: BoardModel, words: readonly string[], title: string): Promise<void> {
  const { board } = model;
  if (!board) return;
  const pictures: PdfPicture[] = [];
  for (const [i, page] of model.pages.entries()) {
    const scene = new Scene(board, page);
    const canvas = await drawn(model, scene, words);
    const jpeg = new Uint8Array(await (await bytes(canvas, "image/jpeg")).arrayBuffer());
    // A4's longer side, so that it prints as it is.
    const k = 842 / Math.max(canvas.width, canvas.height);
    const alt = pageInWords(scene, board.document.object(page)?.get("name") || tb("page.nth", { n: i + 1 }));
    pictures.push({ jpeg, width: canvas.width, height: canvas.height, pageWidth: canvas.width * k, pageHeight: canvas.height * k, alt });
  }
  if (pictures.length > 0) hand(new Blob([pdfOf(pictures, title, locale())], { type: "application/pdf" }), "board.pdf");
}
