// Hands bytes to the browser to be saved. They are never shown by it.

import { bytesText } from "./saver";

/** As long as a browser needs to take the file over. */
const TAKEN_MS = 60_000;

export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), TAKEN_MS);
}

/** "120 kB", "3.4 MB": also of small files. */
export function sizeText(bytes: number, locale: string): string {
  if (bytes >= 1e6) return bytesText(bytes, locale);
  const kilo = new Intl.NumberFormat(locale, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 });
  return kilo.format(Math.max(1, Math.round(bytes / 1000)));
}
