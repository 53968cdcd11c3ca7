// Assembly: the port of where this page runs, the styles, the one app.

import { mount } from "svelte";
import "./styles/tokens.css";
import "./styles/base.css";
import App from "./App.svelte";
import { createGuestPort } from "./port/guest";
import { inShell } from "./port/native/host";
import type { Port } from "./port/port";
import { followSystem, useApp } from "./state/prefs.svelte";
import NotStarted from "./views/NotStarted.svelte";

/** Guests load nothing of the desktop app's port. */
async function choosePort(): Promise<Port> {
  if (!inShell()) return createGuestPort();
  const { createNativePort } = await import("./port/native");
  return createNativePort();
}

async function start(target: HTMLElement): Promise<void> {
  try {
    const port = await choosePort();
    if (port.app !== undefined) await useApp(port.app);
    followSystem();
    // What the server wrote for readers without script; the app says the same, and more.
    document.getElementById("landing")?.remove();
    mount(App, { target, props: { port } });
  } catch (error) {
    console.error(error);
    followSystem();
    document.getElementById("landing")?.remove();
    target.replaceChildren();
    mount(NotStarted, { target });
  }
}

const target = document.getElementById("app");
if (target !== null) await start(target);
