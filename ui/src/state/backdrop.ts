// A picture of the user's to stand behind them: made small enough to be remembered by the browser.

const LONGEST = 1280;
const QUALITY = 0.85;

/** As a `data:` URL of at most 1280 pixels a side; rejects what is no picture. */
export async function shrink(file: Blob): Promise<string> {
  const picture = await createImageBitmap(file);
  const [width, height] = sizeWithin(picture.width, picture.height, LONGEST);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")?.drawImage(picture, 0, 0, width, height);
  picture.close();
  return canvas.toDataURL("image/jpeg", QUALITY);
}

/** The size with its shape kept, neither side longer than `longest`, never enlarged. */
export function sizeWithin(width: number, height: number, longest: number): [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
