// What is remembered of the user: by a guest's browser in its own storage, by the desktop app in its settings file. Nothing
// leaves the machine.

import { bestLocale, setLocale } from "../i18n/i18n.svelte";
import type { MessageKey } from "../i18n/en";
import type { AppCode, AppPort, DeviceKind, LocalState, Port, Settings } from "../port/port";
import { chosenFor, rememberDevice } from "./devicesets";
import { savingOf } from "./saver";
import { backgroundOf, readSettings, type Prefs } from "./settings";

const KEY = "confab.prefs";

export const prefs: Prefs = $state(readSettings(stored()));

/** Why the last change was not kept, or not carried out, in words. */
export const saving: { problem: MessageKey | undefined } = $state({ problem: undefined });

let keep: (patch: Partial<Prefs>) => void = keepInBrowser;

/** Changes and keeps some preferences. */
export function remember(patch: Partial<Prefs>): void {
  Object.assign(prefs, patch);
  keep($state.snapshot(patch) as Partial<Prefs>);
  apply();
}

/** From now on the preferences are the desktop app's settings, which other windows may change too. */
export async function useApp(app: AppPort): Promise<void> {
  const take = (settings: Settings) => {
    Object.assign(prefs, readSettings(settings));
    apply();
  };
  keep = async (patch) => {
    const answer = await app.saveSettings(patch);
    saving.problem = answer.ok ? undefined : unkept(patch, answer.code);
  };
  app.onSettings(take);
  take(await app.settings());
}

/** Chooses a device now and for whenever these devices are connected again. */
export function chooseDevice(port: Port, local: LocalState, kind: DeviceKind, id: string | undefined): void {
  remember({ deviceSets: rememberDevice(local.devices, prefs.deviceSets, kind, id) });
  void port.chooseDevice(kind, id);
}

/** Goes back to what was chosen for the devices that are connected now. */
export async function recallDevices(port: Port, local: LocalState): Promise<void> {
  const choice = chosenFor(local.devices, prefs.deviceSets);
  for (const kind of ["microphone", "camera", "speaker"] as const) {
    if (choice[kind] !== undefined && choice[kind] !== local[kind].device) await port.chooseDevice(kind, choice[kind]);
  }
}

/** Tells the port what is done to the own voice and how much is sent. */
export function applyMedia(port: Port): void {
  const { echoCancellation, noiseSuppression, gainControl, originalSound } = prefs;
  void port.setProcessing({ echoCancellation, noiseSuppression, gainControl, originalSound });
  port.setDataSaver(savingOf(prefs));
  void port.setBackground(backgroundOf(prefs));
}

const asks = (query: string) => window.matchMedia(query);
const SYSTEM = { dark: "(prefers-color-scheme: dark)", contrast: "(prefers-contrast: more)", still: "(prefers-reduced-motion: reduce)" };

/** Applies language and appearance; called once at the start and after every change. */
export function apply(): void {
  setLocale(prefs.language === "system" ? bestLocale(navigator.languages) : prefs.language);
  const root = document.documentElement.dataset;
  root["theme"] = prefs.theme === "system" ? (asks(SYSTEM.dark).matches ? "dark" : "light") : prefs.theme;
  root["contrast"] = prefs.highContrast || asks(SYSTEM.contrast).matches ? "more" : "normal";
  root["motion"] = prefs.reducedMotion || asks(SYSTEM.still).matches ? "reduced" : "full";
}

/** Follows the system when it turns dark or light, or asks for contrast or stillness. */
export function followSystem(): void {
  apply();
  for (const query of Object.values(SYSTEM)) asks(query).addEventListener("change", apply);
}

/** Where the code says "unavailable", the file was written all the same. */
function unkept(patch: Partial<Settings>, code: AppCode): MessageKey {
  if (code === "file") return "settings.unsaved";
  if (patch.globalShortcuts !== undefined) return "shortcuts.global.unavailable";
  return patch.autostart !== undefined ? "settings.autostart.failed" : "settings.unsaved";
}

function keepInBrowser(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(prefs));
  } catch {
    // A browser without storage simply forgets.
  }
}

function stored(): unknown {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}
