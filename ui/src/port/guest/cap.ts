// How a limit on what is sent is shared: sound first, then some picture of the person, then the screen, then sharper faces. The
// order and the least shares are those of crates/client/src/ladder.rs.

/** An encoding that is on offer: the most it may take, bits per second. */
export interface Sendable {
  source: "camera" | "screen";
  max: number;
}

/** Headers, and what is sent again, take the rest. */
const SHARE = 0.9;
/** At this rate a page of text takes seconds to come, and comes. */
const SLOW_SCREEN = 120_000;
/** IP, UDP, SRTP and RTP around fifty packets a second of a voice. */
const VOICE_HEADERS = 22_000;

/** What each encoding may take, in the order given (the camera's lowest first), bits per second; 0: it is not sent. */
export function shareCap(cap: number, sounds: readonly number[], all: readonly Sendable[]): number[] {
  const rates = all.map(() => 0);
  let left = cap * SHARE - sounds.reduce((sum, rate) => sum + rate + VOICE_HEADERS, 0);
  let faces = true;
  for (const i of order(all)) {
    const { source, max } = all[i] as Sendable;
    const lowest = all.findIndex((s) => s.source === source) === i;
    const least = source === "screen" ? Math.min(max * 0.35, SLOW_SCREEN) : max * (lowest ? 0.35 : 0.55);
    // A sharper face without those below it is of no use to who sees it small.
    if (left < least || (source === "camera" && !faces)) {
      if (source === "camera") faces = false;
      continue;
    }
    rates[i] = Math.floor(Math.min(max, left));
    left -= rates[i] as number;
  }
  return rates;
}

function order(all: readonly Sendable[]): number[] {
  const indices = all.map((_, i) => i);
  const camera = indices.filter((i) => all[i]?.source === "camera");
  const screen = indices.filter((i) => all[i]?.source === "screen");
  return [...camera.slice(0, 1), ...screen, ...camera.slice(1)];
}
