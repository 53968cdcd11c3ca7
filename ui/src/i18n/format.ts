// Fills a catalogue's message. Pure, so that the tests can ask every language for every text.

import type { Message } from "./en";

export type Params = Record<string, string | number>;

/** The text for `key`; the plural form follows `params.n` by the language's own rule. */
export function format<K extends string>(catalogue: Record<K, Message>, locale: string, key: K, params: Params = {}): string {
  const template = choose(catalogue[key], locale, params);
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

function choose(message: Message, locale: string, params: Params): string {
  if (typeof message === "string") return message;
  const one = new Intl.PluralRules(locale).select(Number(params["n"] ?? 0)) === "one";
  return one ? message.one : message.other;
}

/** The names in braces of a message, sorted. */
export function placeholders(message: Message): string[] {
  const text = typeof message === "string" ? message : `${message.one}${message.other}`;
  return [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] as string))].sort();
}
