// Reads a PDF in this browser, page by page, with pdf.js in a worker of our own (all of it, letters and character maps too, comes from
// the place the page came from). Loaded when somebody chooses a PDF. A PDF's scripts and links are never run.
import { GlobalWorkerOptions, getDocument, PasswordResponses } from "pdfjs-dist/legacy/build/pdf.min.mjs";
import worker from "pdfjs-dist/legacy/build/pdf.worker.min.mjs?url";
import { encoded, RasterError, shareOf, type Raster } from "./raster";

GlobalWorkerOptions.workerSrc = worker;
/** Put there by vite.config.ts. */
const PARTS = `${import.meta.env.BASE_URL}${import.meta.env.DEV ? "node_modules/pdfjs-dist" : `assets/pdfjs-${__PDFJS_VERSION__}`}/`;
/** Pixels of a page's longer side. */
const SHARP = 2048;
const SMALL = 200;

export interface Pdf {
  readonly pages: number;
  /** A page as a small picture, to choose from. Pages count from 1. */
  small(page: number): Promise<HTMLCanvasElement>;
  raster(page: number): Promise<Raster>;
  close(): void;
}

/** `ask`: for the password, where there is one; again with `true` after one that was not right. Without an answer it stays closed. */
export async function openPdf(file: Blob, ask: (wrong: boolean) => Promise<string | undefined>): Promise<Pdf> {
  const task = getDocument({
    data: new Uint8Array(await file.arrayBuffer()),
    cMapUrl: `${PARTS}cmaps/`,
    cMapPacked: true,
    standardFontDataUrl: `${PARTS}standard_fonts/`,
    wasmUrl: `${PARTS}wasm/`,
    // Our pages allow no code made from text or bytes.
    useWasm: false,
    enableXfa: false,
    stopAtErrors: false,
  });
  task.onPassword = (answer: (password: string | Error) => void, why: number) =>
    void ask(why === PasswordResponses.INCORRECT_PASSWORD).then((password) => answer(password ?? new Error("no password was given")));
  const document_ = await task.promise.catch((error: unknown) => {
    void task.destroy();
    throw new RasterError(error instanceof Error && error.name === "PasswordException" ? "pdf_encrypted" : "pdf_unreadable");
  });
  const draw = async (number: number, longer: number): Promise<HTMLCanvasElement> => {
    try {
      const page = await document_.getPage(number);
      const { width, height } = page.getViewport({ scale: 1 });
      const scale = longer / Math.max(width, height);
      const viewport = page.getViewport({ scale: scale * shareOf(width * scale, height * scale) });
      const canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round(viewport.width));
      canvas.height = Math.max(1, Math.round(viewport.height));
      await page.render({ canvas, viewport, background: "#ffffff" }).promise;
      page.cleanup();
      return canvas;
    } catch {
      throw new RasterError("pdf_unreadable");
    }
  };
  return {
    pages: document_.numPages,
    small: (page) => draw(page, SMALL),
    raster: async (page) => encoded(await draw(page, SHARP), false),
    close: () => void task.destroy(),
  };
}
