// Files on their way onto a board: read, made into pictures, stored with the board, and only then written into it, so that nobody sees a
// picture that is not there. One after the other, with a choice of pages where a PDF has several.
import { forbidsCreate } from "../../board";
import type { Pictures } from "../../port/board";
import { addBackground, addPicture, type Placed } from "./acts";
import type { Album } from "./album";
import type { Vec } from "./geometry";
import type { BoardModel } from "./model.svelte";
import type { Pdf } from "./pdfread";
import { kindOf, MOST_FILE, pictureFrom, RasterError, type Raster } from "./raster";

/** Pages of a PDF put on a board in one go. */
export const MOST_PAGES = 50;
/** Files taken at once. */
export const MOST_FILES = 20;

export type ImportAs = "object" | "background";

/** A PDF whose pages are to be chosen from. */
export interface Choosing {
  name: string;
  pdf: Pdf;
  /** Ends the choosing; undefined: nothing of it. */
  done: (choice: { pages: readonly number[]; as: ImportAs } | undefined) => void;
}

/** A PDF that asks for its password. */
export interface Locked {
  name: string;
  /** The one given before was not right. */
  wrong: boolean;
  /** Tries a password; undefined: there is none. */
  done: (password: string | undefined) => void;
}

export interface Progress {
  name: string;
  /** Of all pictures of this go: those that are there, and how much of the next. */
  done: number;
  of: number;
  share: number;
}

export class Importing {
  choosing = $state.raw<Choosing | undefined>();
  locked = $state.raw<Locked | undefined>();
  progress = $state.raw<Progress | undefined>();
  /** What went wrong with which file, by a stable code. */
  problem = $state.raw<{ code: string; name: string } | undefined>();
  #cancelled = false;

  constructor(
    private readonly model: BoardModel,
    private readonly album: Album,
    private readonly pictures: Promise<Pictures>,
  ) {}

  readonly busy: boolean = $derived(this.progress !== undefined || this.choosing !== undefined || this.locked !== undefined);

  cancel(): void {
    this.#cancelled = true;
    this.choosing?.done(undefined);
    this.locked?.done(undefined);
  }

  /** `at`: where the first one's middle comes, page coordinates; else the middle of the view. */
  async add(files: readonly File[], at?: Vec): Promise<void> {
    if (this.busy || files.length === 0 || !this.model.mayDraw) return;
    this.#cancelled = false;
    this.problem = files.length > MOST_FILES ? { code: "too_many_files", name: "" } : undefined;
    const taken = files.slice(0, MOST_FILES);
    let shift = 0;
    for (const [i, file] of taken.entries()) {
      if (this.#cancelled) break;
      try {
        this.progress = { name: file.name, done: i, of: taken.length, share: 0 };
        shift = await this.#one(file, at, shift);
      } catch (error) {
        this.problem = { code: error instanceof RasterError ? error.code : error instanceof Refusal ? error.code : "internal", name: file.name };
      }
    }
    this.progress = undefined;
  }

  async #one(file: File, at: Vec | undefined, shift: number): Promise<number> {
    if (file.size > MOST_FILE) throw new RasterError("file_too_big");
    if ((await kindOf(file)) === "pdf") return this.#pdf(file, at, shift);
    const raster = await pictureFrom(file);
    await this.#put(raster, file.name);
    // What was given up on its way is stored, but nowhere on the board.
    if (this.#cancelled) return shift;
    this.#write(raster, file.name, at, shift);
    return shift + 1;
  }

  async #pdf(file: File, at: Vec | undefined, shift: number): Promise<number> {
    const { openPdf } = await import("./pdfread");
    // The question stays until its answer was tried.
    const pdf = await openPdf(file, (wrong) => this.#ask(file.name, wrong)).finally(() => (this.locked = undefined));
    try {
      const choice = pdf.pages === 1 ? { pages: [1], as: "object" as const } : await this.#choose(file.name, pdf);
      let moved = shift;
      for (const [i, page] of (choice?.pages ?? []).entries()) {
        if (this.#cancelled || !choice) break;
        const name = pdf.pages === 1 ? file.name : `${file.name}, ${page}`;
        this.progress = { name, done: i, of: choice.pages.length, share: 0 };
        const raster = await pdf.raster(page);
        await this.#put(raster, name);
        if (this.#cancelled) break;
        if (choice.as === "background") this.#background(raster, name, i === 0);
        else this.#write(raster, name, at, moved++);
      }
      return moved;
    } finally {
      pdf.close();
    }
  }

  #choose(name: string, pdf: Pdf): Promise<{ pages: readonly number[]; as: ImportAs } | undefined> {
    this.progress = undefined;
    return new Promise((done) => {
      this.choosing = { name, pdf, done: (choice) => ((this.choosing = undefined), done(choice)) };
    });
  }

  #ask(name: string, wrong: boolean): Promise<string | undefined> {
    if (this.#cancelled) return Promise.resolve(undefined);
    this.progress = undefined;
    return new Promise((done) => (this.locked = { name, wrong, done }));
  }

  async #put({ asset, bytes }: Raster, name: string): Promise<void> {
    const pictures = await this.pictures;
    const file = new Uint8Array(await bytes.arrayBuffer());
    const before = this.progress;
    const stored = await pictures.put(asset.sha256, file, name, (share) => before && (this.progress = { ...before, share }));
    if (!stored.ok) throw new Refusal(stored.code);
    this.album.keep(asset, bytes);
  }

  #write(raster: Raster, name: string, at: Vec | undefined, shift: number): void {
    const centre = at ?? { x: this.model.camera.x, y: this.model.camera.y };
    const placed: Placed = { asset: raster.asset, name, at: { x: centre.x + shift * 640, y: centre.y + shift * 640 }, view: this.model.seen() };
    this.model.put((board, page) => addPicture(board, page, placed));
  }

  /** A page of the board for a page of the PDF. */
  #background(raster: Raster, name: string, show: boolean): void {
    const { board, lane } = this.model;
    if (!board || !lane || forbidsCreate(lane.rights, "page") !== undefined) throw new Refusal("board_view_only");
    const page = this.model.write((b) => addBackground(b, raster.asset, name)) ?? this.model.begin((b) => addBackground(b, raster.asset, name));
    if (show && page !== undefined) this.model.show(page);
  }
}

class Refusal extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}
