// Draws what is on a shared screen's board into a canvas over its picture, or into an export of it.
import { FADING } from "../../board";
import type { AnnotateModel } from "../../state/board/annotate.svelte";
import type { LiveStroke } from "../../state/board/fading";
import type { Box } from "../../state/board/geometry";
import { drawLook, type Context } from "../../state/board/paint";
import { onPicture, placed, type StrokeLook } from "../../state/board/picture";

const NO_PLACE = { x: 0, y: 0, width: 0, height: 0, turn: 0 };
const kept = new WeakMap<StrokeLook, { box: Box; look: StrokeLook }>();

/** A finished stroke as it lies on the picture; counted anew only when the picture moves. */
function lying(look: StrokeLook, box: Box): StrokeLook {
  const known = kept.get(look);
  const same = known && known.box.x === box.x && known.box.y === box.y && known.box.width === box.width && known.box.height === box.height;
  if (same) return known.look;
  const fresh = placed(look, box);
  kept.set(look, { box, look: fresh });
  return fresh;
}

const draft = ({ points, color, width, tool }: LiveStroke, box: Box): StrokeLook =>
  placed({ kind: "stroke", runs: [points], place: NO_PLACE, color, width, tool: tool === FADING ? 0 : tool }, box);

/** Finished strokes alone. The context counts in the units of `box`. */
export function drawStrokes(context: Context, strokes: readonly StrokeLook[], box: Box): void {
  for (const look of strokes) drawLook(context, lying(look, box), false);
}

/** Everything that is seen now, with the names of who draws where a font is given; says whether it goes on moving by itself. */
export function drawAll(context: Context, model: AnnotateModel, box: Box, now: number, font: string | undefined): boolean {
  drawStrokes(context, model.strokes(), box);
  const own = model.making();
  for (const { stroke, strength, by } of model.live.shades(now)) {
    context.globalAlpha = strength;
    drawLook(context, draft(stroke, box), false);
    context.globalAlpha = 1;
    const tip = stroke.points.at(-1);
    if (by !== undefined && tip && font !== undefined) tag(context, model.nameOf(by), onPicture(box, tip), font);
  }
  if (own) drawLook(context, draft(own, box), false);
  return model.live.moves;
}

/** The name of who draws, on the dark chip that is read on every picture. */
function tag(context: Context, name: string, at: { x: number; y: number }, font: string): void {
  if (name === "") return;
  context.font = font;
  context.textBaseline = "middle";
  context.textAlign = "left";
  const style = getComputedStyle(document.documentElement);
  const { width } = context.measureText(name);
  context.fillStyle = style.getPropertyValue("--chip").trim();
  context.beginPath();
  context.roundRect(at.x + 10, at.y + 10, width + 12, 20, 6);
  context.fill();
  context.fillStyle = style.getPropertyValue("--on-chip").trim();
  context.fillText(name, at.x + 16, at.y + 20);
}
