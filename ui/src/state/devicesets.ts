// Devices are remembered for the set that was connected: at the desk the big microphone, on the train the headset.

import type { Device, DeviceKind, DeviceSet } from "../port/port";

export type DeviceChoice = Partial<Record<DeviceKind, string>>;

const MOST_SETS = 16;

/** Names the set of devices that are connected; the same in any order. Empty while none is known. */
export function setKey(devices: readonly Device[]): string {
  const ids = devices.filter((d) => d.label !== "").map((d) => `${d.kind}:${d.id}`).sort();
  if (ids.length === 0) return "";
  let hash = 2166136261;
  for (const sign of ids.join("\n")) hash = Math.imul(hash ^ (sign.codePointAt(0) ?? 0), 16777619);
  return `${ids.length}-${(hash >>> 0).toString(36)}`;
}

/** What to use now: as chosen for exactly this set, else as last chosen for any set, where that device is here. */
export function chosenFor(devices: readonly Device[], sets: readonly DeviceSet[]): DeviceChoice {
  const key = setKey(devices);
  const exact = sets.find((s) => s.key === key && key !== "");
  const choice: DeviceChoice = {};
  for (const kind of ["microphone", "camera", "speaker"] as const) {
    const here = (id: string | undefined) => id !== undefined && devices.some((d) => d.kind === kind && d.id === id);
    const id = exact !== undefined ? exact[kind] : sets.find((s) => s[kind] !== undefined)?.[kind];
    if (id !== undefined && here(id)) choice[kind] = id;
  }
  return choice;
}

/** The sets with a new choice in front; `id` absent means the system's default. */
export function rememberDevice(devices: readonly Device[], sets: readonly DeviceSet[], kind: DeviceKind, id: string | undefined): DeviceSet[] {
  const key = setKey(devices);
  const before: DeviceSet = { ...chosenFor(devices, sets), key };
  const { [kind]: _, ...rest } = before;
  const after: DeviceSet = id === undefined ? rest : { ...rest, [kind]: id };
  return [after, ...sets.filter((s) => s.key !== key)].slice(0, MOST_SETS);
}
