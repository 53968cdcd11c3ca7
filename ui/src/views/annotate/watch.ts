// The picture that hangs in a host: a <video> of the browser's, or a <canvas> of the desktop app's. Tells its size in pixels.
import type { Size } from "../../state/board/picture";

export type Picture = HTMLVideoElement | HTMLCanvasElement;

const NONE: Size = { width: 0, height: 0 };
/** A canvas whose drawing was handed to a worker tells nobody when it is another size. */
const LOOK_MS = 1000;

/** The size of what is shown. A canvas that a worker draws on may keep the size it had as an element: its picture is asked. */
export async function sizeOf(picture: Picture): Promise<Size> {
  if (picture instanceof HTMLVideoElement) return { width: picture.videoWidth, height: picture.videoHeight };
  if (picture.width === 0 || picture.height === 0) return NONE;
  const seen = await createImageBitmap(picture);
  const { width, height } = seen;
  seen.close();
  return { width, height };
}

/** Calls back soon, and whenever another picture hangs there or its size is another; returns how to stop. */
export function watchPicture(host: HTMLElement, tell: (picture: Picture | undefined, size: Size) => void): () => void {
  let picture: Picture | undefined;
  let told: Size | undefined;
  let stopped = false;
  const look = async () => {
    const of = picture;
    const size = of ? await sizeOf(of).catch(() => told ?? NONE) : NONE;
    if (stopped || of !== picture || (told && told.width === size.width && told.height === size.height)) return;
    told = size;
    tell(of, size);
  };
  const events = ["resize", "loadedmetadata"] as const;
  const follow = () => {
    const now = host.querySelector<Picture>("video, canvas:not([data-over])") ?? undefined;
    if (now !== picture) {
      for (const event of events) picture?.removeEventListener(event, look);
      [picture, told] = [now, undefined];
      for (const event of events) picture?.addEventListener(event, look);
    }
    void look();
  };
  const changes = new MutationObserver(follow);
  changes.observe(host, { childList: true, subtree: true, attributes: true, attributeFilter: ["width", "height"] });
  const timer = setInterval(() => picture instanceof HTMLCanvasElement && void look(), LOOK_MS);
  follow();
  return () => {
    stopped = true;
    clearInterval(timer);
    changes.disconnect();
    for (const event of events) picture?.removeEventListener(event, look);
  };
}
