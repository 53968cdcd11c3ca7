// The words on the frame bus, the page's half. The app's half is crates/pipeline/src/bus/wire.rs; both are held to
// tests/data/framebus.json, and docs/FRAMEBUS.md explains them.

export const VERSION = 1;
/** Bytes before the picture. */
export const HEADER = 32;
/** The most pictures of one stream that may be on their way at once. */
export const MAX_CREDIT = 16;

/** Streams of others have their track's number; these two are our own. */
export const OWN_CAMERA = 0xffff_fffe;
export const OWN_SCREEN = 0xffff_fffd;
const FIRST_OWN = 0xffff_fff0;

export function isOwn(stream: number): boolean {
  return stream >= FIRST_OWN;
}

export type Kind = "h264" | "vp8" | "i420" | "vp9" | "av1";
/** How pictures of others travel; our own always go as I420. */
export type Mode = "units" | "pictures";

const KINDS: readonly (Kind | undefined)[] = [undefined, "h264", "vp8", "i420", "vp9", "av1"];

export interface Header {
  kind: Kind;
  /** A picture that needs no other. */
  keyframe: boolean;
  stream: number;
  /** Rises by one per picture sent of this stream. */
  number: number;
  /** RTP timestamp, 90 kHz. */
  timestamp: number;
  /** 0 where only the decoder knows. */
  width: number;
  height: number;
  /** Microseconds between ready and handed to the socket. */
  waited: number;
  /** When it was released by the jitter buffer, or decoded: microseconds since 1970. */
  ready: number;
}

/** Undefined for other versions, unknown kinds and short messages. The picture follows at byte HEADER. */
export function readHeader(message: ArrayBuffer): Header | undefined {
  if (message.byteLength < HEADER) return undefined;
  const view = new DataView(message);
  const kind = KINDS[view.getUint8(1)];
  if (view.getUint8(0) !== VERSION || view.getUint8(3) !== HEADER || kind === undefined) return undefined;
  return {
    kind,
    keyframe: (view.getUint8(2) & 1) !== 0,
    stream: view.getUint32(4, true),
    number: view.getUint32(8, true),
    timestamp: view.getUint32(12, true),
    width: view.getUint16(16, true),
    height: view.getUint16(18, true),
    waited: view.getUint32(20, true),
    ready: view.getUint32(24, true) + view.getUint32(28, true) * 2 ** 32,
  };
}

/** A stream that is on screen, and the size it is drawn at, in device pixels. */
export interface Shown {
  stream: number;
  width: number;
  height: number;
  /** Pictures that may be sent at once, counted only when the stream was not shown before. */
  credit: number;
}

export type FromPage =
  /** `codecs`: what is decoded here beside H.264 and VP8; of others the app sends pictures. */
  | { type: "show"; mode: Mode; codecs?: Kind[]; streams: Shown[] }
  | { type: "credit"; streams: [stream: number, count: number][] }
  | { type: "key"; stream: number };

export type ToPage = { type: "hello"; version: number };

export function parseToPage(text: string): ToPage | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof message !== "object" || message === null) return undefined;
  const { type, version } = message as Record<string, unknown>;
  return type === "hello" && typeof version === "number" ? { type, version } : undefined;
}
