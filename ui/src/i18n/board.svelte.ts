// The board's texts in the language in use; loaded with the board.

import { enBoard } from "./en-board";
import type { Message } from "./en";
import { format, type Params } from "./format";
import { locale } from "./i18n.svelte";
import { zhBoard } from "./zh-CN-board";

export type BoardKey = keyof typeof enBoard;
export type BoardCatalogue = Record<BoardKey, Message>;

const catalogues: Record<"en" | "zh-CN", BoardCatalogue> = { en: enBoard, "zh-CN": zhBoard };

export function tb(key: BoardKey, params?: Params): string {
  return format(catalogues[locale()], locale(), key, params);
}
