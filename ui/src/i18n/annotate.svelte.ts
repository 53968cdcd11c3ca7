// The texts of drawing on a shared screen, in the language in use; loaded with it.

import type { Message } from "./en";
import { enAnnotate } from "./en-annotate";
import { format, type Params } from "./format";
import { locale } from "./i18n.svelte";
import { zhAnnotate } from "./zh-CN-annotate";

export type AnnotateKey = keyof typeof enAnnotate;
export type AnnotateCatalogue = Record<AnnotateKey, Message>;

const catalogues: Record<"en" | "zh-CN", AnnotateCatalogue> = { en: enAnnotate, "zh-CN": zhAnnotate };

export function ta(key: AnnotateKey, params?: Params): string {
  return format(catalogues[locale()], locale(), key, params);
}
