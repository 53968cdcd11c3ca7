// Which codecs this browser sends and receives, and the simulcast ladder. The wire knows H.264 constrained baseline in
// packetization mode 1, VP8, and VP9 and AV1 of profile 0; Firefox without its H.264 plug-in lacks the first.

import type { Layer, VideoCodec } from "../../generated/protocol";
import type { Source } from "../port";

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

/** What the wire knows, best first. H.264 stays before AV1, which browsers without hardware for it take long to code. */
const WIRE: readonly VideoCodec[] = ["h264", "vp8", "av1", "vp9"];

/** What a camera is sent in: three layers of the others would take too long. */
const CAMERA: readonly VideoCodec[] = ["h264", "vp8"];

/** Cores from which a screen is sent in VP9: letters are sharper at the same rate, and take longer to code. */
const CORES = 4;

/** What of these sending capabilities the pictures of a source may be sent in, best first. */
export function sends(source: Source, codecs: readonly CodecLike[], cores: number): VideoCodec[] {
  const all = known(codecs);
  const plain = all.filter((c) => CAMERA.includes(c));
  return source === "screen" && cores >= CORES && all.includes("vp9") ? ["vp9", ...plain] : plain;
}

/** H.264 42e01f mode 1 first, then the others the wire knows, then retransmission; everything else is left out of the offer. */
export function preferVideo<T extends CodecLike>(codecs: readonly T[], of: readonly VideoCodec[] = WIRE): T[] {
  const resend = codecs.filter((c) => c.mimeType.toLowerCase() === "video/rtx");
  return [...of.flatMap((codec) => named(codecs, codec)), ...resend];
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
  return WIRE.filter((codec) => named(codecs, codec).length > 0);
}

/** Those of `codecs` that are this codec as it is offered. */
export function named<T extends CodecLike>(codecs: readonly T[], codec: VideoCodec): T[] {
  return codecs.filter((c) => c.mimeType.toLowerCase() === `video/${codec}` && fits(codec, c.sdpFmtpLine ?? ""));
}

/** Whether the server agrees on a codec with these parameters. What they do not say has the value that is meant then. */
function fits(codec: VideoCodec, line: string): boolean {
  const is = (name: string, value: string) => (new RegExp(`(?:^|;)\\s*${name}=([^;\\s]*)`).exec(line)?.[1] ?? value) === value;
  switch (codec) {
    case "h264":
      return /profile-level-id=42e0/i.test(line) && /packetization-mode=1/.test(line);
    case "vp8":
      return true;
    case "vp9":
      return is("profile-id", "0");
    case "av1":
      return is("profile", "0") && is("level-idx", "5") && is("tier", "0");
  }
}
