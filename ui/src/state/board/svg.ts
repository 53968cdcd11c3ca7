// A page as an SVG file: the same marks the canvas draws, so it looks the same. Pure. Colours as they were drawn, on light paper.
import type { Asset } from "../../board";
import { hex, opacity, PAPER } from "./colors";
import { grow, type Box } from "./geometry";
import { marksOf, turnOf, type Mark, type Turn } from "./marks";
import { num } from "./outline";
import type { Scene } from "./scene";
import { BOLD, FIXED, ITALIC, LEADING, STRUCK, UNDERLINE, type Measure } from "./text";

const MARGIN = 24 * 16;
const UNIT = 16;
export const FONTS = { plain: '"Inter Variable",Inter,system-ui,"PingFang SC","Microsoft YaHei","Noto Sans SC",sans-serif', fixed: "ui-monospace,Consolas,monospace" } as const;

/** XML allows no control characters, and has five letters of its own. */
export function escaped(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** What an export of a page covers: all objects and a margin; an empty page a sheet. */
export function exportBox(scene: Scene): Box {
  const all = scene.bounds();
  return all ? grow(all, MARGIN) : { x: -640 * UNIT, y: -360 * UNIT, width: 1280 * UNIT, height: 720 * UNIT };
}

/** `picture`: the address of an asset's bytes, best a `data:` one so that the file stands alone; undefined leaves a grey box. */
export function svgOf(scene: Scene, measure: Measure, title: string, picture: (asset: Asset) => string | undefined = () => undefined): string {
  const box = exportBox(scene);
  const [width, height] = [num(box.width / UNIT), num(box.height / UNIT)];
  const body = scene.all().map((item) => turnedGroup(marksOf(item.look, measure).map((mark) => markOf(mark, picture)).join(""), turnOf(item.look), item.name)).join("\n");
  const view = [box.x, box.y, box.width, box.height].map(num).join(" ");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${view}">\n<title>${escaped(title)}</title>\n`
    + `<rect x="${num(box.x)}" y="${num(box.y)}" width="${num(box.width)}" height="${num(box.height)}" fill="${hex(PAPER.light)}"/>\n${body}\n</svg>\n`;
}

function turnedGroup(content: string, { x, y, turn }: Turn, name: string): string {
  // As one picture with that name: browsers read the title of a group aloud only where it has a role.
  const [role, label] = name === "" ? ["", ""] : [' role="img"', `<title>${escaped(name)}</title>`];
  if (turn === 0) return label === "" ? content : `<g${role}>${label}${content}</g>`;
  return `<g${role} transform="rotate(${turn / 100} ${num(x)} ${num(y)})">${label}${content}</g>`;
}

const paint = (what: "fill" | "stroke", color: number): string => `${what}="${hex(color)}"${opacity(color) < 1 ? ` ${what}-opacity="${opacity(color)}"` : ""}`;

export const dashOf = (dash: number, width: number): number[] => (dash === 1 ? [width * 4, width * 3] : dash === 2 ? [0.1, width * 2.5] : []);

function markOf(mark: Mark, picture: (asset: Asset) => string | undefined): string {
  switch (mark.is) {
    case "fill":
      return `<path d="${mark.d}" ${paint("fill", mark.color)}/>`;
    case "line": {
      const dash = dashOf(mark.dash, mark.width);
      return `<path d="${mark.d}" fill="none" ${paint("stroke", mark.color)} stroke-width="${mark.width}" stroke-linecap="round" stroke-linejoin="round"${dash.length > 0 ? ` stroke-dasharray="${dash.map(num).join(" ")}"` : ""}/>`;
    }
    case "image": {
      const { x, y, width, height } = mark.place;
      const at = `x="${x}" y="${y}" width="${width}" height="${height}"`;
      const href = picture(mark.asset);
      return href === undefined ? `<rect ${at} fill="#dddddd"/>` : `<image ${at} preserveAspectRatio="none" href="${escaped(href)}"/>`;
    }
    case "text":
      return textOf(mark);
  }
}

function textOf({ lines, x, y, size, align, flags, color }: Extract<Mark, { is: "text" }>): string {
  const anchor = ["start", "middle", "end"][align] ?? "start";
  const lines_ = lines.map((line, i) => `<tspan x="${num(x)}" y="${num(y + size * (i * LEADING + 1))}">${escaped(line)}</tspan>`).join("");
  const decoration = [flags & UNDERLINE ? "underline" : "", flags & STRUCK ? "line-through" : ""].join(" ").trim();
  const extra = `${flags & BOLD ? ' font-weight="700"' : ""}${flags & ITALIC ? ' font-style="italic"' : ""}${decoration ? ` text-decoration="${decoration}"` : ""}`;
  return `<text xml:space="preserve" font-family="${escaped(flags & FIXED ? FONTS.fixed : FONTS.plain)}" font-size="${size}" text-anchor="${anchor}" ${paint("fill", color)}${extra}>${lines_}</text>`;
}
