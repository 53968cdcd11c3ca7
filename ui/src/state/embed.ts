// A meeting shown in a page of somebody else (ui/public/embed.js, docs/API.md): what that page is told, and what it may ask for. The
// server's policy lets only pages of listed origins frame it, so whoever is around us is one of those; they hear that the person is
// in or out and no more.

import { MAX_NAME } from "../generated/protocol";
import type { Port, PortState } from "../port/port";

export type Told = { confab: 1; type: "joined" } | { confab: 1; type: "left" } | { confab: 1; type: "ended"; code: string };
export type Command = "mute" | "unmute" | "leave";

/** What has come, if it is a command. */
export function commandIn(data: unknown): Command | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { confab, type } = data as { confab?: unknown; type?: unknown };
  if (confab !== 1) return undefined;
  return type === "mute" || type === "unmute" || type === "leave" ? type : undefined;
}

/** What is to be told of a step from one state to the next. */
export function toldOf(inside: boolean, state: Pick<PortState, "phase" | "ended">): { inside: boolean; told?: Told } {
  if (state.phase === "joined" && !inside) return { inside: true, told: { confab: 1, type: "joined" } };
  if (state.phase !== "ended" || state.ended === undefined || !inside) return { inside };
  if (state.ended === "left" || state.ended === "unreachable") return { inside: false, told: { confab: 1, type: "left" } };
  return { inside: false, told: { confab: 1, type: "ended", code: state.ended } };
}

/** The name the page around us proposes. */
export function proposedName(search: string): string | undefined {
  const name = new URLSearchParams(search).get("name")?.replace(/\p{Cc}/gu, "").trim() ?? "";
  return name === "" ? undefined : [...name].slice(0, MAX_NAME).join("");
}

/** Speaks with the page around from now on; the answer ends it. Where there is none, nothing happens. */
export function speakWithFrame(port: Pick<Port, "subscribe" | "setMicrophone" | "leave">, self: Window = window): () => void {
  const around = self.parent;
  if (around === self) return () => undefined;
  let inside = false;
  const stop = port.subscribe((state) => {
    const next = toldOf(inside, state);
    inside = next.inside;
    if (next.told !== undefined) around.postMessage(next.told, "*");
  });
  const hear = (event: MessageEvent): void => {
    const command = event.source === around ? commandIn(event.data) : undefined;
    if (command === undefined || !inside) return;
    if (command === "leave") port.leave();
    else void port.setMicrophone(command === "unmute");
  };
  self.addEventListener("message", hear);
  return () => {
    stop();
    self.removeEventListener("message", hear);
  };
}
