// Numbers about the connection and each stream, for the support view. -1 wherever a number is not known.

import type { Source } from "../generated/protocol";

/** What repair of pictures did in one direction since the connection was made. */
export interface RepairStats {
  /** Packets that were lost and put back, or resent. */
  recovered: number;
  /** Of the packets that were missing those put back in time, 0 to 1. */
  success: number;
  /** What repair takes beside the pictures, 0 for nothing and 1 for as much again. */
  overhead: number;
  /** From noticing that a packet is missing until it was put back, in the mean. */
  responseMs: number;
  /** How often a packet was asked for again. */
  nacks: number;
}

export interface LinkStats {
  rttMs: number;
  sendKbps: number;
  receiveKbps: number;
  /** Share of packets lost on the way to us, 0 to 1. */
  loss: number;
  /** How media travels: "udp", "tcp", or "" before it does. */
  transport: string;
  /** What the meeting cost so far, over all connections, without the headers of IP and UDP. */
  sentBytes: number;
  receivedBytes: number;
  /** Both ways in an hour that is like the last minute. */
  hourBytes: number;
  /** Of what comes, and of what is sent. */
  repairIn: RepairStats;
  repairOut: RepairStats;
}

/** One stream as it is now. Rates and shares are since the last look. */
export interface StreamStats {
  /** Unique among the streams of one look, and the same at the next one. */
  id: string;
  direction: "send" | "receive";
  source: Source;
  /** Whose it is; absent: one's own. */
  participant?: number;
  /** "opus", "h264", "vp8", "av1", "vp9"; "" before anything flows. */
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
  /** Packets asked for again, resent ones (RTX), and such for correction (FEC), since the stream began. */
  nacks: number;
  resent: number;
  fec: number;
  /** What holds a sent stream back; "" for nothing. */
  limit: "" | "cpu" | "bandwidth" | "other";
}

export const UNKNOWN_REPAIR: RepairStats = { recovered: -1, success: -1, overhead: -1, responseMs: -1, nacks: -1 };
export const UNKNOWN_LINK: LinkStats = {
  rttMs: -1, sendKbps: -1, receiveKbps: -1, loss: -1, transport: "", sentBytes: -1, receivedBytes: -1, hourBytes: -1,
  repairIn: UNKNOWN_REPAIR, repairOut: UNKNOWN_REPAIR,
};
