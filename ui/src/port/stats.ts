// Numbers about the connection and each stream, for the support view. -1 wherever a number is not known.

import type { Source } from "../generated/protocol";

export interface LinkStats {
  rttMs: number;
  sendKbps: number;
  receiveKbps: number;
  /** Share of packets lost on the way to us, 0 to 1. */
  loss: number;
  /** How media travels: "udp", "tcp", or "" before it does. */
  transport: string;
}

/** One stream as it is now. Rates and shares are since the last look. */
export interface StreamStats {
  /** Unique among the streams of one look, and the same at the next one. */
  id: string;
  direction: "send" | "receive";
  source: Source;
  /** Whose it is; absent: one's own. */
  participant?: number;
  /** "opus", "h264", "vp8"; "" before anything flows. */
  codec: string;
  /** The simulcast layer, "q", "h" or "f"; "" where there is none. */
  layer: string;
  kbps: number;
  /** Share of packets lost after repair, 0 to 1; for sent streams as the far end reports it. */
  loss: number;
  jitterMs: number;
  /** How long packets wait before they are played. Received streams only. */
  bufferMs: number;
  /** Video only. */
  fps: number;
  width: number;
  height: number;
  /** Pictures that stood still too long, counted since the stream began. */
  freezes: number;
  /** Share of sound made up where packets were missing, 0 to 1. */
  concealed: number;
  /** What holds a sent stream back; "" for nothing. */
  limit: "" | "cpu" | "bandwidth" | "other";
}
