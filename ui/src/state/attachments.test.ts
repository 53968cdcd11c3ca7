import { expect, it, vi } from "vitest";
import { MAX_MESSAGE_FILES, type SharedFile } from "../generated/protocol";
import type { FilesPort } from "../port/port";
import { Attachments } from "./attachments.svelte";

type Upload = { name: string; abort: AbortSignal; progress: (share: number) => void; answer: (done: Awaited<ReturnType<FilesPort["upload"]>>) => void };

function rig(maxFile = 100) {
  const uploads: Upload[] = [];
  const port: FilesPort = {
    limits: () => Promise.resolve({ ok: true, value: { max_file: maxFile, max_meeting: 1000, used: 0, keep_days: 30 } }),
    upload: (file, progress, abort) => new Promise((answer) => {
      uploads.push({ name: file.name, abort, progress, answer });
      abort.addEventListener("abort", () => answer({ ok: false, code: "cancelled" }));
    }),
    download: () => Promise.resolve({ ok: false, code: "not_found" }),
  };
  const back = vi.fn<(file: SharedFile) => void>();
  return { uploads, back, attachments: new Attachments(port, back) };
}

const file = (name: string, size = 10) => new File(["x".repeat(size)], name);
const shared = (name: string): SharedFile => ({ id: `id-${name}`, name, size: 10, kind: "other" });

it("uploads two at a time and gives a message what is there", async () => {
  const { uploads, attachments } = rig();
  await attachments.add([file("a"), file("b"), file("c")]);
  expect(uploads.map((u) => u.name)).toEqual(["a", "b"]);
  uploads[0]?.progress(0.5);
  expect(attachments.items[0]?.share).toBe(0.5);
  uploads[0]?.answer({ ok: true, value: shared("a") });
  await vi.waitFor(() => expect(uploads).toHaveLength(3));
  expect(attachments.busy).toBe(true);
  uploads[1]?.answer({ ok: false, code: "storage_full" });
  uploads[2]?.answer({ ok: true, value: shared("c") });
  await vi.waitFor(() => expect(attachments.busy).toBe(false));
  expect(attachments.take().map((f) => f.name)).toEqual(["a", "c"]);
  expect(attachments.items.map((i) => [i.name, i.code])).toEqual([["b", "storage_full"]]);
});

it("sends nothing that the server would refuse", async () => {
  const { uploads, attachments } = rig();
  await attachments.add([file("empty", 0), file("large", 101)]);
  expect(uploads).toEqual([]);
  expect(attachments.items.map((i) => i.code)).toEqual(["empty", "too_large"]);
  const off = rig(0);
  await off.attachments.add([file("a")]);
  expect(off.attachments.items[0]?.code).toBe("off");
});

it("cancels what is on its way and calls back what is there", async () => {
  const { uploads, back, attachments } = rig();
  await attachments.add([file("a"), file("b")]);
  attachments.remove(attachments.items[0]?.key ?? 0);
  expect(uploads[0]?.abort.aborted).toBe(true);
  uploads[1]?.answer({ ok: true, value: shared("b") });
  await vi.waitFor(() => expect(attachments.ready).toHaveLength(1));
  attachments.remove(attachments.items[0]?.key ?? 0);
  expect(back).toHaveBeenCalledExactlyOnceWith(shared("b"));
  expect(attachments.items).toEqual([]);
});

it("takes as many as go with a message", async () => {
  const { attachments } = rig();
  await attachments.add(Array.from({ length: MAX_MESSAGE_FILES + 2 }, (_, i) => file(`${i}`)));
  expect(attachments.items).toHaveLength(MAX_MESSAGE_FILES);
  expect(attachments.tooMany).toBe(true);
});

it("tries again what failed", async () => {
  const { uploads, attachments } = rig();
  await attachments.add([file("a")]);
  uploads[0]?.answer({ ok: false, code: "unreachable" });
  await vi.waitFor(() => expect(attachments.items[0]?.state).toBe("failed"));
  attachments.again(attachments.items[0]?.key ?? 0);
  expect(uploads).toHaveLength(2);
  expect(attachments.items[0]?.state).toBe("uploading");
});
