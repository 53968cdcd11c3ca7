// What an object is called to those who hear the board and don't see it: in the list, when it is selected, in what is exported.
import { tb } from "../../i18n/board.svelte";
import type { Item, Scene } from "../../state/board/scene";

/** Letters of an object's text that are said of it. */
const SAID = 80;

/** Its kind, and its alternative text, else the letters on it. */
export function wordsOf({ look, name }: Item): string {
  const kind = look.kind === "shape" ? tb(`shape.${look.shape as 0}`) : tb(`object.${look.kind}`);
  const text = name || ("text" in look ? look.text.slice(0, SAID) : "");
  return text === "" ? kind : tb("object.with", { kind, text });
}

/** A page in words, for a picture of it: how much is there, then all that has a text or an alternative text, as it lies. */
export function pageInWords(scene: Scene, page: string): string {
  const items = scene.all();
  const told = items.filter(({ look, name }) => name !== "" || ("text" in look && look.text !== ""));
  return [tb("page.alt", { page, n: items.length }), ...told.map(wordsOf)].join("\n");
}
