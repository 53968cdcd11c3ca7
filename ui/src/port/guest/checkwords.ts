// What a check reads out of session descriptions and measurements.

export type Way = "udp" | "tcp";

/** A server's answer with the candidates of one transport only, so that it alone is tried. */
export function onlyBy(way: Way, sdp: string): string {
  const kept = sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate:") || protocolOf(line) === way);
  return kept.join("\r\n");
}

/** The addresses of a description's candidates, each once. */
export function announcedIn(sdp: string): string[] {
  const lines = sdp.split("\r\n").filter((line) => line.startsWith("a=candidate:"));
  return [...new Set(lines.flatMap((line) => line.split(" ")[4] ?? []))];
}

/** kbit/s; nothing where too little came in too short a time to say. */
export function kilobits(bytes: number, ms: number): number | undefined {
  return bytes < 16_384 || ms <= 0 ? undefined : Math.round((bytes * 8) / ms);
}

function protocolOf(candidate: string): string | undefined {
  return candidate.split(" ")[2]?.toLowerCase();
}
