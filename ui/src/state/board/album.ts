// Pictures of a board as they are shown: their bytes once fetched, and what was decoded of them, no larger than it is drawn. Told how
// to fetch and to decode, so that it runs in tests.
import type { Asset } from "../../board";
import type { Done, Pictures } from "../../port/board";

export const MEDIA = ["image/png", "image/jpeg", "image/webp"] as const;

/** What a canvas draws. */
export type Drawn = CanvasImageSource & { close?(): void };
/** At this share of its size, 1 or less. Rejects where the bytes are no picture. */
export type Decode = (bytes: Blob, width: number, height: number) => Promise<Drawn>;

export type AlbumState = "coming" | "here" | "missing";

/** Decoded pixels kept beyond what was drawn just now: 128 MiB. */
const MOST_PIXELS = 32 * 1024 * 1024;
/** Bytes of files kept. */
const MOST_BYTES = 128 * 1024 * 1024;
/** What was drawn within so many milliseconds stays, whatever it takes. */
const FRESH_MS = 5000;
/** What failed for want of a connection is asked for again after so long. */
const AGAIN_MS = 5000;

interface Entry {
  state: AlbumState;
  bytes?: Blob;
  drawn?: Drawn;
  /** Halvings of what is decoded, and of what is being decoded. */
  level: number;
  decoding?: number;
  pixels: number;
  used: number;
}

export const keyOf = (asset: Asset): string => Array.from(asset.sha256, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const browserDecode: Decode = (bytes, width, height) => createImageBitmap(bytes, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });

export class Album {
  readonly #entries = new Map<string, Entry>();
  readonly #coming = new Map<string, Promise<Done<Blob>>>();
  readonly #watching = new Set<(key: string) => void>();

  constructor(
    private readonly pictures: Promise<Pictures>,
    private readonly decode: Decode = browserDecode,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Tells when something of a picture can be drawn, or better than before, or not at all. Returns how to end it. */
  watch(changed: (key: string) => void): () => void {
    this.#watching.add(changed);
    return () => void this.#watching.delete(changed);
  }

  private changed(key: string): void {
    for (const tell of this.#watching) tell(key);
  }

  /** What there is to draw it `pixels` wide; asks for what is missing. */
  at(asset: Asset, pixels: number): Drawn | undefined {
    const key = keyOf(asset);
    const entry = this.#entry(key);
    entry.used = this.now();
    if (entry.bytes) void this.#sharpen(key, entry, asset, pixels);
    else if (entry.state === "coming") void this.bytes(asset);
    return entry.drawn;
  }

  state(asset: Asset): AlbumState {
    return this.#entries.get(keyOf(asset))?.state ?? "coming";
  }

  /** The file. */
  bytes(asset: Asset): Promise<Done<Blob>> {
    const key = keyOf(asset);
    const here = this.#entries.get(key)?.bytes;
    if (here) return Promise.resolve({ ok: true, value: here });
    const coming = this.#coming.get(key) ?? this.#fetch(key, asset).finally(() => this.#coming.delete(key));
    this.#coming.set(key, coming);
    return coming;
  }

  /** The whole picture, for a file; the caller's own, to be closed. */
  async whole(asset: Asset): Promise<Drawn | undefined> {
    const file = await this.bytes(asset);
    return file.ok ? this.decode(file.value, asset.width, asset.height).catch(() => undefined) : undefined;
  }

  /** What is here already need not be fetched. */
  keep(asset: Asset, bytes: Blob): void {
    const key = keyOf(asset);
    this.#has(key, this.#entry(key), bytes);
  }

  /** Asks again for what could not be had: a connection is back, or somebody put it there meanwhile. */
  again(): void {
    for (const [key, entry] of this.#entries) {
      if (entry.state !== "missing") continue;
      entry.state = "coming";
      this.changed(key);
    }
  }

  close(): void {
    for (const { drawn } of this.#entries.values()) drawn?.close?.();
    this.#entries.clear();
    void this.pictures.then((pictures) => pictures.close(), () => undefined);
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key) ?? { state: "coming", level: 0, pixels: 0, used: this.now() };
    this.#entries.set(key, entry);
    return entry;
  }

  async #fetch(key: string, asset: Asset): Promise<Done<Blob>> {
    const media = MEDIA[asset.media];
    const entry = this.#entry(key);
    const answer: Done<Uint8Array<ArrayBuffer>> = media === undefined ? { ok: false, code: "not_found" } : await this.pictures.then((p) => p.get(asset.sha256), () => ({ ok: false, code: "unreachable" }));
    if (answer.ok) {
      const bytes = new Blob([answer.value], { type: media ?? "" });
      this.#has(key, entry, bytes);
      return { ok: true, value: bytes };
    }
    entry.state = "missing";
    this.changed(key);
    if (answer.code === "unreachable") setTimeout(() => this.again(), AGAIN_MS);
    return answer;
  }

  #has(key: string, entry: Entry, bytes: Blob): void {
    [entry.bytes, entry.state] = [bytes, "here"];
    this.changed(key);
    let sum = 0;
    for (const other of [...this.#entries.values()].sort((a, b) => b.used - a.used)) {
      sum += other.bytes?.size ?? 0;
      if (sum > MOST_BYTES && other !== entry && other.bytes) [other.bytes, other.state] = [undefined, "coming"];
    }
  }

  /** Decodes it anew where what is there is too coarse. */
  async #sharpen(key: string, entry: Entry, asset: Asset, pixels: number): Promise<void> {
    let level = 0;
    while (asset.width >> (level + 1) >= pixels && level < 12) level += 1;
    const best = entry.decoding ?? (entry.drawn ? entry.level : Infinity);
    if (level >= best || !entry.bytes) return;
    entry.decoding = level;
    const [width, height] = [Math.max(1, asset.width >> level), Math.max(1, asset.height >> level)];
    const drawn = await this.decode(entry.bytes, width, height).catch(() => undefined);
    if (entry.decoding !== level) return drawn?.close?.();
    entry.decoding = undefined;
    if (!drawn) {
      entry.state = "missing";
      delete entry.bytes;
      return this.changed(key);
    }
    entry.drawn?.close?.();
    [entry.drawn, entry.level, entry.pixels] = [drawn, level, width * height];
    this.#thin();
    this.changed(key);
  }

  /** Lets go of what was not drawn lately: tiles keep what they show. */
  #thin(): void {
    let sum = 0;
    for (const entry of [...this.#entries.values()].sort((a, b) => b.used - a.used)) {
      sum += entry.pixels;
      if (sum <= MOST_PIXELS || this.now() - entry.used < FRESH_MS) continue;
      entry.drawn?.close?.();
      [entry.drawn, entry.pixels] = [undefined, 0];
    }
  }
}
