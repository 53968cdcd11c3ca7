// The language in use, and the one function views call for every text.

import { en, type Catalogue, type MessageKey } from "./en";
import { format, type Params } from "./format";
import { zhCN } from "./zh-CN";

export type Locale = "en" | "zh-CN";
export type { MessageKey };

export const LOCALES: { id: Locale; name: string }[] = [
  { id: "en", name: "English" },
  { id: "zh-CN", name: "简体中文" },
];

const catalogues: Record<Locale, Catalogue> = { en, "zh-CN": zhCN };

let current = $state<Locale>("en");

export function locale(): Locale {
  return current;
}

export function setLocale(next: Locale): void {
  current = next;
  document.documentElement.lang = next;
}

/** The best of our languages for the browser's list, most wanted first. */
export function bestLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

/** Whether a word, from elsewhere, is a key. */
export function hasText(key: string): key is MessageKey {
  return Object.hasOwn(en, key);
}

/** The text for `key` in the language in use. */
export function t(key: MessageKey, params?: Params): string {
  return format(catalogues[current], current, key, params);
}
