// What is to go with the next message: files on their way up, two at a time, and those that are there.

import type { FileLimits, SharedFile } from "../generated/protocol";
import { MAX_MESSAGE_FILES } from "../generated/protocol";
import type { Code, FilesPort } from "../port/port";

/** Uploads at the same time. */
const AT_ONCE = 2;

export interface Attachment {
  key: number;
  name: string;
  /** Bytes. */
  size: number;
  state: "waiting" | "uploading" | "ready" | "failed";
  /** Of it that is up, 0 to 1. */
  share: number;
  shared?: SharedFile;
  /** Why it failed; "empty" and "off" are found here. */
  code?: Code | "unreachable" | "empty" | "off";
}

export class Attachments {
  items = $state<Attachment[]>([]);
  /** More were chosen than go with a message. */
  tooMany = $state(false);
  limits = $state.raw<FileLimits>();
  readonly busy = $derived(this.items.some((i) => i.state === "waiting" || i.state === "uploading"));
  readonly ready = $derived(this.items.flatMap((i) => (i.shared === undefined ? [] : [$state.snapshot(i.shared)])));
  readonly #port: FilesPort;
  /** Takes back what is up already. */
  readonly #callBack: (file: SharedFile) => void;
  readonly #files = new Map<number, File>();
  readonly #aborts = new Map<number, AbortController>();
  #last = 0;

  constructor(port: FilesPort, callBack: (file: SharedFile) => void) {
    this.#port = port;
    this.#callBack = callBack;
  }

  async add(files: Iterable<File>): Promise<void> {
    const wanted = [...files];
    if (wanted.length === 0) return;
    const room = MAX_MESSAGE_FILES - this.items.length;
    this.tooMany = wanted.length > room;
    for (const file of wanted.slice(0, room)) {
      const key = ++this.#last;
      this.#files.set(key, file);
      this.items.push({ key, name: file.name, size: file.size, state: "waiting", share: 0 });
    }
    const limits = await this.#port.limits();
    if (limits.ok) this.limits = limits.value;
    this.#next();
  }

  /** Not to be sent after all. */
  remove(key: number): void {
    this.#aborts.get(key)?.abort();
    const item = this.#item(key);
    if (item?.shared !== undefined) this.#callBack($state.snapshot(item.shared));
    this.#forget(key);
    this.tooMany = false;
    this.#next();
  }

  again(key: number): void {
    const item = this.#item(key);
    if (item?.state !== "failed") return;
    item.state = "waiting";
    delete item.code;
    this.#next();
  }

  /** A message takes those that are there; what failed stays to be looked at. */
  take(): SharedFile[] {
    const taken = this.ready;
    for (const item of this.items.filter((i) => i.state === "ready")) this.#forget(item.key);
    this.tooMany = false;
    return taken;
  }

  /** The meeting is left. */
  stop(): void {
    for (const abort of this.#aborts.values()) abort.abort();
  }

  #item(key: number): Attachment | undefined {
    return this.items.find((i) => i.key === key);
  }

  #forget(key: number): void {
    this.items = this.items.filter((i) => i.key !== key);
    this.#files.delete(key);
    this.#aborts.delete(key);
  }

  #next(): void {
    for (const item of this.items) {
      if (this.items.filter((i) => i.state === "uploading").length >= AT_ONCE) return;
      if (item.state === "waiting") void this.#upload(item.key);
    }
  }

  async #upload(key: number): Promise<void> {
    const item = this.#item(key);
    const file = this.#files.get(key);
    if (item === undefined || file === undefined) return;
    const refused = this.#refused(file);
    if (refused !== undefined) return void Object.assign(item, { state: "failed", code: refused });
    const abort = new AbortController();
    this.#aborts.set(key, abort);
    Object.assign(item, { state: "uploading", share: 0 });
    const done = await this.#port.upload(file, (share) => this.#progress(key, share), abort.signal);
    const now = this.#item(key);
    if (now === undefined) {
      // Taken away in the moment it arrived.
      if (done.ok) this.#callBack(done.value);
    } else if (done.ok) Object.assign(now, { state: "ready", share: 1, shared: done.value, name: done.value.name });
    else if (done.code === "cancelled") this.#forget(key);
    else Object.assign(now, { state: "failed", code: done.code });
    this.#next();
  }

  /** What the server would say, before anything is sent. */
  #refused(file: File): Attachment["code"] {
    if (file.size === 0) return "empty";
    if (this.limits === undefined) return undefined;
    if (this.limits.max_file === 0) return "off";
    return file.size > this.limits.max_file ? "too_large" : undefined;
  }

  #progress(key: number, share: number): void {
    const item = this.#item(key);
    if (item !== undefined) item.share = share;
  }
}
