// Links people paste and links people write in the chat. Nothing here opens anything.

/** What a pasted text leads to. */
export type Destination =
  | { kind: "here"; meeting: string; hostKey?: string }
  | { kind: "elsewhere"; url: string; host: string }
  | { kind: "none" };

const ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** Whether a text has the form of a meeting's id (docs/PROTOCOL.md, "Identifiers"). */
export function isMeetingId(text: string): boolean {
  return ID.test(text);
}

/** Reads a pasted meeting link, deep link or bare id. Anything else is `none`. `origin` is the own server's; empty: none. */
export function parseDestination(text: string, origin: string): Destination {
  const trimmed = text.trim();
  if (isMeetingId(trimmed)) return { kind: "here", meeting: trimmed };
  const url = parseUrl(trimmed, origin);
  if (url === undefined) return { kind: "none" };
  if (url.protocol === "confab:") return deepLink(url, origin);
  if (url.protocol !== "https:" && url.protocol !== "http:") return { kind: "none" };
  const meeting = meetingInPath(url.pathname);
  if (meeting === undefined) return { kind: "none" };
  if (url.origin !== origin) return { kind: "elsewhere", url: `${url.origin}/m/${meeting}${url.hash}`, host: url.host };
  return withKey(meeting, hostKeyIn(url.hash));
}

/** A server as somebody types it, as its origin: https unless it says otherwise. */
export function readServer(text: string): string | undefined {
  const trimmed = text.trim().replace(/\/+$/, "");
  const url = parseUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") return undefined;
  return url.pathname === "/" && !/\s/.test(trimmed) && url.hostname !== "" ? url.origin : undefined;
}

/** Where a meeting's guests go: its link, and its entry for calendars. */
export function meetingLink(server: string, meeting: string): string {
  return `${server}/m/${meeting}`;
}

/** The meeting named by this page's path, if it has the form `/m/<id>`. */
export function meetingInPath(path: string): string | undefined {
  const id = /^\/m\/([^/]+)\/?$/.exec(path)?.[1];
  return id !== undefined && isMeetingId(id) ? id : undefined;
}

/** The host key of `#host=<key>`. */
export function hostKeyIn(hash: string): string | undefined {
  const key = new URLSearchParams(hash.replace(/^#/, "")).get("host") ?? "";
  return /^[0-9a-z]{16,64}$/.test(key) ? key : undefined;
}

/** A piece of chat text; with `href` it is a link. */
export interface TextPiece {
  text: string;
  href?: string;
}

/** Cuts text into plain pieces and http(s) links. The pieces joined give the text back. */
export function linkify(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  let from = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"'`]+/gi)) {
    const raw = withoutTail(match[0]);
    const url = parseUrl(raw);
    if (url === undefined || url.username !== "" || url.password !== "") continue;
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: raw, href: url.href });
    from = match.index + raw.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** Punctuation after a link belongs to the sentence; a closing bracket too, unless the link opened it. */
function withoutTail(link: string): string {
  let end = link.length;
  for (;;) {
    const last = link[end - 1];
    if (last === undefined) return "";
    const part = link.slice(0, end);
    const unopened = last === ")" && count(part, "(") < count(part, ")");
    if (unopened || ".,;:!?]}*_~。，；：！？、）】》」』".includes(last)) end--;
    else return part;
  }
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return text.startsWith("/m/") && base ? new URL(text, base) : new URL(text);
  } catch {
    return undefined;
  }
}

/** `confab://join/<host>/<meeting>` */
function deepLink(url: URL, origin: string): Destination {
  const [host, meeting] = `${url.host}${url.pathname}`.replace(/^join\//, "").split("/");
  if (!host || !meeting || !isMeetingId(meeting)) return { kind: "none" };
  if (host === parseUrl(origin)?.host) return withKey(meeting, hostKeyIn(url.hash));
  const target = parseUrl(`https://${host}/m/${meeting}${url.hash}`);
  return target === undefined ? { kind: "none" } : { kind: "elsewhere", url: target.href, host: target.host };
}

function withKey(meeting: string, hostKey: string | undefined): Destination {
  return hostKey === undefined ? { kind: "here", meeting } : { kind: "here", meeting, hostKey };
}
