// Apart from what does it, which is loaded only when a background is chosen.

/** Whether this browser can do it at all. */
export function canHaveBackground(): boolean {
  return typeof Worker !== "undefined" && typeof WebGL2RenderingContext !== "undefined" && "captureStream" in HTMLCanvasElement.prototype;
}
