// How a person is drawn when there is no picture: initials and a colour that stays.

/** Number of avatar colours in tokens.css (--avatar-0 …). */
export const AVATAR_COLOURS = 8;

/** One or two letters: first of the first and of the last word; for scripts without case the first sign alone. */
export function initials(name: string): string {
  const words = name.normalize("NFC").split(/[\s·_.-]+/u).map((w) => firstLetter(w)).filter((l) => l !== "");
  const first = words[0];
  if (first === undefined) return firstSign(name.trim()) || "?";
  const last = words[words.length - 1] as string;
  const cased = first.toLocaleUpperCase() !== first.toLocaleLowerCase();
  return (words.length > 1 && cased ? first + last : first).toLocaleUpperCase();
}

/** A colour number from the name: the same person has the same one on every screen and after a reload. */
export function avatarColour(name: string): number {
  let hash = 2166136261;
  for (const sign of name.trim().normalize("NFC")) hash = Math.imul(hash ^ (sign.codePointAt(0) ?? 0), 16777619);
  // The low bits of this hash alone hardly differ between short names.
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((hash ^ (hash >>> 16)) >>> 0) % AVATAR_COLOURS;
}

function firstLetter(word: string): string {
  for (const sign of word) if (/[\p{L}\p{N}]/u.test(sign)) return sign;
  return "";
}

function firstSign(text: string): string {
  for (const sign of text) return sign;
  return "";
}
