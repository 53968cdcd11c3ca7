// Pictures from the app's media engine onto canvases; docs/FRAMEBUS.md.

export { type Carrier, type PictureOptions, type Pictures, connectPictures } from "./pictures";
export type { PictureStats, Plan, Probe, StreamFigures, Wanted } from "./talk";
export { OWN_CAMERA, OWN_SCREEN } from "./wire";
