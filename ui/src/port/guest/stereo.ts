// Two sides and music in session descriptions, for which WebRTC has no calls: the parameters of Opus (RFC 7587, section 6).
// They are set alike in all sections of sound, because a payload type has one meaning in a bundle.

/** What original sound takes, bits per second. */
export const ORIGINAL_BITRATE = 128_000;

/** An own description after which sounds with two sides are played with two: without it browsers play them in the middle. */
export function hearsStereo(offer: string): string {
  return eachSound(offer, { stereo: "1" });
}

/** The other side's description as it asks for music in short packets, or for voices. */
export function takesMusic(answer: string, music: boolean): string {
  if (!music) return eachSound(answer, { stereo: undefined, maxaveragebitrate: undefined });
  return eachSound(answer, { stereo: "1", maxaveragebitrate: String(ORIGINAL_BITRATE) }, "a=ptime:10");
}

/** Changes parameters of Opus in every section of sound; undefined takes one away. `line` is added to each. */
function eachSound(sdp: string, changes: Record<string, string | undefined>, line?: string): string {
  return sdp.split(/(?=^m=)/m).map((section) => {
    const pt = /^a=rtpmap:(\d+) opus\/48000/im.exec(section)?.[1];
    if (!section.startsWith("m=audio") || pt === undefined) return section;
    const own = new RegExp(`^a=fmtp:${pt} (.*?)\r?$`, "m");
    const known = own.exec(section);
    const text = parameters(known?.[1] ?? "", changes);
    const changed = known === null
      ? section.replace(new RegExp(`^a=rtpmap:${pt} .*\r?\n`, "m"), (map) => (text === "" ? map : `${map}a=fmtp:${pt} ${text}\r\n`))
      : section.replace(own, () => `a=fmtp:${pt} ${text}\r`);
    return line === undefined ? changed : `${changed.replace(/^a=ptime:.*\r?\n/m, "")}${line}\r\n`;
  }).join("");
}

function parameters(before: string, changes: Record<string, string | undefined>): string {
  const all = new Map(before.split(";").map((p) => p.trim()).filter((p) => p !== "").map((p) => [p.split("=")[0] ?? p, p]));
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) all.delete(name);
    else all.set(name, `${name}=${value}`);
  }
  return [...all.values()].join(";");
}
