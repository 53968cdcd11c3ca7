// Which codecs this browser sends and receives, and the simulcast ladder. The wire knows H.264 constrained baseline in
// packetization mode 1 and VP8; Firefox without its H.264 plug-in has only the latter.

import type { Layer, VideoCodec } from "../../generated/protocol";

/** The camera's encodings, lowest first, for a 1280x720 source. */
export const CAMERA_LAYERS: readonly (Layer & { scale: number })[] = [
  { rid: "q", width: 320, height: 180, max_bitrate: 150_000, scale: 4 },
  { rid: "h", width: 640, height: 360, max_bitrate: 500_000, scale: 2 },
  { rid: "f", width: 1280, height: 720, max_bitrate: 1_700_000, scale: 1 },
];

/** Pixels of a source from which browsers encode three layers, and two; they silently leave the highest ones out below. */
const THREE_LAYERS = 960 * 540;
const TWO_LAYERS = 480 * 270;

/** The encodings of a camera of this size: as many as browsers really encode, each with its true size. */
export function cameraLayers(width: number, height: number): (Layer & { scale: number })[] {
  const pixels = width * height;
  const count = pixels >= THREE_LAYERS ? 3 : pixels >= TWO_LAYERS ? 2 : 1;
  return CAMERA_LAYERS.slice(0, count).map((layer, i) => {
    const scale = 2 ** (count - 1 - i);
    return { ...layer, scale, width: Math.round(width / scale), height: Math.round(height / scale) };
  });
}

/** One layer for a screen: sharpness before smoothness. */
export const SCREEN_BITRATE = 2_500_000;
export const SCREEN_FRAME_RATE = 30;
export const VOICE_BITRATE = 40_000;

/** What of a codec capability decides here. */
export interface CodecLike {
  mimeType: string;
  sdpFmtpLine?: string;
}

/** H.264 42e01f mode 1 first, then VP8, then retransmission; everything else is left out of the offer. */
export function preferVideo<T extends CodecLike>(codecs: readonly T[]): T[] {
  const h264 = codecs.filter((c) => isH264(c));
  const of = (name: string) => codecs.filter((c) => c.mimeType.toLowerCase() === name);
  return [...h264, ...of("video/vp8"), ...of("video/rtx")];
}

/** Opus is all there is for sound, and RED copies of it where the network loses. */
export function preferAudio<T extends CodecLike>(codecs: readonly T[]): T[] {
  const of = (name: string) => codecs.filter((c) => c.mimeType.toLowerCase() === name);
  return [...of("audio/opus"), ...of("audio/red")];
}

/** Header extensions the server knows (docs/PROTOCOL.md, "Media"). Others only make session descriptions longer. */
export const EXTENSIONS: readonly string[] = [
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

/** What of these capabilities of receiving or sending the wire knows, best first. */
export function known(codecs: readonly CodecLike[]): VideoCodec[] {
  const has = (name: string) => codecs.some((c) => c.mimeType.toLowerCase() === name);
  const found: VideoCodec[] = [];
  if (codecs.some(isH264)) found.push("h264");
  if (has("video/vp8")) found.push("vp8");
  return found;
}

/** Those of `codecs` that are this codec as it is offered. */
export function named<T extends CodecLike>(codecs: readonly T[], codec: VideoCodec): T[] {
  return codec === "h264" ? codecs.filter(isH264) : codecs.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`);
}

function isH264(codec: CodecLike): boolean {
  const line = codec.sdpFmtpLine ?? "";
  return codec.mimeType.toLowerCase() === "video/h264" && /profile-level-id=42e0/i.test(line) && /packetization-mode=1/.test(line);
}
