// What this browser remembers of its user: name, devices, language, appearance, shortcuts. Nothing leaves the machine.

import { bestLocale, setLocale, type Locale } from "../i18n/i18n.svelte";
import type { DeviceKind } from "../port/port";
import { readShortcuts, type Shortcuts } from "./shortcuts";
import type { LayoutMode } from "./stage";

export type Theme = "system" | "dark" | "light";

export interface Prefs {
  name: string;
  /** As last time; the first time both are off until chosen. */
  microphoneOn: boolean;
  cameraOn: boolean;
  devices: Partial<Record<DeviceKind, string>>;
  locale?: Locale;
  theme: Theme;
  layout: LayoutMode;
  shortcuts: Shortcuts;
}

const KEY = "confab.prefs";

export const prefs: Prefs = $state(load());

/** Changes and keeps some preferences. */
export function remember(change: Partial<Prefs>): void {
  Object.assign(prefs, change);
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // A browser without storage simply forgets.
  }
  apply();
}

/** Applies language and appearance; called once at the start and after every change. */
export function apply(): void {
  setLocale(prefs.locale ?? bestLocale(navigator.languages));
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset["theme"] = prefs.theme === "system" ? (dark ? "dark" : "light") : prefs.theme;
}

/** Follows the system when it turns dark or light. */
export function followSystem(): void {
  apply();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

function load(): Prefs {
  const stored = read();
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const devices = (typeof stored["devices"] === "object" && stored["devices"] !== null ? stored["devices"] : {}) as Prefs["devices"];
  const locale = text(stored["locale"]);
  const theme = text(stored["theme"]);
  return {
    name: text(stored["name"]).slice(0, 64),
    microphoneOn: stored["microphoneOn"] === true,
    cameraOn: stored["cameraOn"] === true,
    devices,
    ...(locale === "en" || locale === "zh-CN" ? { locale } : {}),
    theme: theme === "dark" || theme === "light" ? theme : "system",
    layout: stored["layout"] === "speaker" ? "speaker" : "grid",
    shortcuts: readShortcuts(stored["shortcuts"]),
  };
}

function read(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
