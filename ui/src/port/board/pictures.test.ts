// Pictures' bytes on their connection: the recorded frames, what goes up in step with what was taken, and what a cut does.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MAX_PICTURE_PIECE, PICTURE_WINDOW } from "../../board/limits";
import type { WireEvents, World } from "./lane";
import { getFrame, openPicturesFrame, pieceFrame, putFrame, readPictureFrame, type PictureAnswer } from "./pictureframes";
import { PictureLine, type Done } from "./pictures";

const recorded = JSON.parse(readFileSync(new URL("../../../../tests/data/board/pictures.json", import.meta.url), "utf8")) as { bytes: string; frame: string; from: string }[];
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const of = (frame: string, from: string) => Uint8Array.from(Buffer.from(recorded.find((r) => r.frame === frame && r.from === from)?.bytes ?? "", "hex"));
const SEAT = { meeting: "0".repeat(25) + "w", participant: 5, token: "secret" };
const hash = (n: number) => new Uint8Array(32).fill(n);

it("frames have the recorded bytes", () => {
  expect(hex(openPicturesFrame(SEAT, "room-2"))).toBe(hex(of("open", "client")));
  expect(hex(putFrame(hash(0xcd), 70_000, "图 1.png"))).toBe(hex(of("put", "client")));
  expect(hex(pieceFrame(Uint8Array.of(1, 2, 3)))).toBe(hex(of("piece", "client")));
  expect(hex(getFrame(hash(0xef)))).toBe(hex(of("get", "client")));
  const answers: PictureAnswer[] = [
    { is: "opened", board: "room-2", most: 8_388_608 },
    { is: "took", bytes: 49_152 },
    { is: "kept", sha256: hash(0xcd) },
    { is: "refused", sha256: hash(0xcd), code: "quota_exceeded" },
    { is: "found", sha256: hash(0xef), size: 70_000 },
    { is: "piece", piece: Uint8Array.of(1, 2, 3) },
  ];
  for (const answer of answers) expect(readPictureFrame(of(answer.is, "server"))).toEqual(answer);
  expect(recorded.filter((r) => r.from === "server").map((r) => r.frame)).toEqual(answers.map((a) => a.is));
  expect(() => readPictureFrame(Uint8Array.of(...of("kept", "server"), 0))).toThrow();
});

/** A server that hears all and says what it is told to; timers fire when told. */
class Place {
  readonly heard: Uint8Array[] = [];
  readonly timers = new Map<object, { ms: number; call: () => void }>();
  dials = 0;
  events: WireEvents | undefined;
  readonly world: World = {
    dial: (events) => {
      this.dials += 1;
      this.events = events;
      return { send: (frame) => void this.heard.push(frame), close: () => (this.events = this.events === events ? undefined : this.events) };
    },
    seat: () => SEAT,
    after: (ms, call) => {
      const key = {};
      this.timers.set(key, { ms, call });
      return () => void this.timers.delete(key);
    },
    random: () => 0,
    now: () => 0,
  };

  open(): void {
    this.events?.opened();
    this.say(of("opened", "server"));
  }
  say(frame: Uint8Array): void {
    this.events?.message(frame);
  }
  took(bytes: number): void {
    const n = [];
    for (let left = bytes; ; left = Math.floor(left / 128)) {
      n.push(left >= 128 ? (left % 128) + 128 : left);
      if (left < 128) break;
    }
    this.say(Uint8Array.of(24, ...n));
  }
  sorts(): number[] {
    return this.heard.map((frame) => frame[0] as number);
  }
  fire(ms: number): void {
    for (const [key, timer] of [...this.timers]) {
      if (timer.ms !== ms) continue;
      this.timers.delete(key);
      timer.call();
    }
  }
}

const found = (n: number, bytes: number[]) => [Uint8Array.of(27, ...hash(n), bytes.length), Uint8Array.of(28, ...bytes)] as const;

it("one connection serves several at once, in order, and is closed when nothing was asked for a while", async () => {
  const place = new Place();
  const line = new PictureLine(() => "main", place.world);
  const [one, two] = [line.get(hash(1)), line.get(hash(2))];
  expect(place.dials).toBe(1);
  place.open();
  expect(place.sorts()).toEqual([19, 23, 23]);
  for (const frame of found(1, [7, 8])) place.say(frame);
  place.say(Uint8Array.of(26, ...hash(2), 9, ...new TextEncoder().encode("not_found")));
  expect(await one).toEqual({ ok: true, value: Uint8Array.of(7, 8) });
  expect(await two).toEqual({ ok: false, code: "not_found" });
  place.fire(10_000);
  expect(place.events).toBeUndefined();
  void line.get(hash(3));
  expect(place.dials).toBe(2);
});

it("a picture goes up in pieces, no further ahead than the window, and after a cut from its beginning", async () => {
  const place = new Place();
  const line = new PictureLine(() => "main", place.world);
  const bytes = new Uint8Array(PICTURE_WINDOW + 2 * MAX_PICTURE_PIECE).map((_, i) => i % 251);
  const shares: number[] = [];
  const done: Promise<Done<void>> = line.put(hash(4), bytes, "a.png", (share) => shares.push(share));
  const after = line.get(hash(5));
  place.open();
  expect(place.sorts()).toEqual([19, 21]);
  place.took(0);
  expect(place.heard.length - 2).toBe(PICTURE_WINDOW / MAX_PICTURE_PIECE);
  place.took(MAX_PICTURE_PIECE);
  expect(place.heard.length - 2).toBe(PICTURE_WINDOW / MAX_PICTURE_PIECE + 1);

  place.heard.length = 0;
  place.events?.closed();
  place.fire(1000);
  place.open();
  place.took(0);
  for (let taken = MAX_PICTURE_PIECE; taken <= bytes.length; taken += MAX_PICTURE_PIECE) place.took(taken);
  const pieces = place.heard.filter((frame) => frame[0] === 22).map((frame) => frame.subarray(1));
  expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  place.say(Uint8Array.of(25, ...hash(4)));
  expect(await done).toEqual({ ok: true, value: undefined });
  expect(shares.at(-1)).toBe(1);
  // What waited behind it is asked for now.
  expect(place.sorts().at(-1)).toBe(23);
  for (const frame of found(5, [1])) place.say(frame);
  expect((await after).ok).toBe(true);
});

it("who is not let in hears why at once, and who finds no server hears so in the end", async () => {
  const place = new Place();
  const line = new PictureLine(() => "main", place.world);
  const refused = line.get(hash(1));
  place.events?.opened();
  place.say(Uint8Array.of(13, 7, ...new TextEncoder().encode("removed"), 0));
  expect(await refused).toEqual({ ok: false, code: "removed" });

  const lost = line.get(hash(1));
  for (const ms of [1000, 2000, 4000]) {
    place.events?.closed();
    place.fire(ms);
  }
  place.events?.closed();
  expect(await lost).toEqual({ ok: false, code: "unreachable" });
});

it("a server that says what fits nothing is left", async () => {
  const place = new Place();
  const line = new PictureLine(() => "main", place.world);
  const lost = line.get(hash(1));
  for (const ms of [1000, 2000, 4000, 8000]) {
    place.open();
    // Larger than any picture is.
    place.say(Uint8Array.of(27, ...hash(1), 0x81, 0x80, 0x80, 0x04));
    place.fire(ms);
  }
  expect(await lost).toEqual({ ok: false, code: "unreachable" });
});
