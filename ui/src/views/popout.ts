// Draws the small view of a meeting into a window of this page (Document Picture-in-Picture), with the styles of this page.

import { mount, unmount } from "svelte";
import type { MeetingModel } from "../state/meeting.svelte";
import PopOut from "./PopOut.svelte";

export function drawPopOut(target: Window, model: MeetingModel): () => void {
  const page = target.document;
  for (const [name, value] of Object.entries(document.documentElement.dataset)) page.documentElement.dataset[name] = value;
  page.documentElement.lang = document.documentElement.lang;
  page.title = document.title;
  for (const sheet of document.querySelectorAll('link[rel="stylesheet"], style')) page.head.append(sheet.cloneNode(true));
  const drawn = mount(PopOut, {
    target: page.body,
    props: { port: model.port, shown: model.shown, onback: () => { target.close(); window.focus(); } },
  });
  return () => void unmount(drawn);
}
