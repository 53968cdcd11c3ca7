// A picture of the user's to stand behind them: made small enough to be remembered by the browser.

const LONGEST = 1280;
/** The best first; what is larger than settings may be is made coarser. */
const QUALITIES = [0.85, 0.7, 0.5, 0.3];
const MOST_BYTES = 600_000;

/** As a `data:` URL of at most 1280 pixels a side; rejects what is no picture. */
export async function shrink(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const [width, height] = sizeWithin(picture.width, picture.height, LONGEST);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")?.drawImage(picture, 0, 0, width, height);
  picture.close();
  for (const quality of QUALITIES) {
    const url = canvas.toDataURL("image/jpeg", quality);
    if (url.length <= MOST_BYTES) return url;
  }
  throw new Error("too large");
}

/** The size with its shape kept, neither side longer than `longest`, never enlarged. */
export function sizeWithin(width: number, height: number, longest: number): [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
