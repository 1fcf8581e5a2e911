// The picture of the map as a file: the whole map in the places that are on the
// screen, drawn from the same geometry as the canvas.

import { bounds, pieces, type Box, type Curve, type Point } from "../map/geometry";
import { cardContent, escape, fit, widthOf } from "../map/card";
import { labelOf, most as mostLabels, ordered, room, type Rect } from "../map/labels";
import { shapeOf, type Scene } from "../map/elements";
import { dashes } from "../map/style";
import type { Theme } from "../map/theme";
import type { Shown } from "../model/shown";

const pad = 24;
const n1 = (n: number) => String(Math.round(n * 10) / 10);

export function svg(s: Shown, sc: Scene, t: Theme, label: string, caption: string): { text: string; width: number; height: number } {
  const b = bounds([...sc.at.values(), ...sc.boxes.values()]) ?? { left: 0, top: 0, right: 400, bottom: 100 };
  const width = Math.ceil(b.right - b.left + 2 * pad);
  const height = Math.ceil(b.bottom - b.top + 2 * pad + 20);
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="${n1(b.left - pad)} ${n1(b.top - pad)} ${width} ${height}">`,
    `<title>${escape(caption)}</title>`,
    `<rect x="${n1(b.left - pad)}" y="${n1(b.top - pad)}" width="${width}" height="${height}" fill="${t.ground}"/>`,
  ];
  for (const g of s.groups) {
    const box = sc.boxes.get(g.id);
    if (box) out.push(group(g.name, box, t));
  }
  const items = new Map(sc.items.map((i) => [i.data.id, i]));
  for (const e of s.edges) {
    const c = sc.curves.get(e.id);
    const i = items.get(e.id);
    if (c && i) out.push(edge(c, i.data as never));
  }
  for (const n of s.nodes) {
    const box = sc.at.get(n.id);
    const i = items.get(n.id);
    if (!box || !i) continue;
    out.push(
      `<g transform="translate(${n1(box.x - box.w / 2)} ${n1(box.y - box.h / 2)})">` +
        outline(shapeOf(n), box.w, box.h, t.card, i.data["colour"] as string, i.data["border"] as number, i.data["line"] === "dashed") +
        cardContent(n, box.w, box.h, t).replaceAll('"c"', `"c${escape(n.id)}"`).replaceAll("url(#c)", `url(#c${escape(n.id)})`) +
        "</g>",
    );
  }
  out.push(...labels(s, sc, t, label));
  out.push(`<text x="${n1(b.left)}" y="${n1(b.bottom + pad + 10)}" font-family="${escape(t.font)}" font-size="11" fill="${t.muted}">${escape(caption)}</text>`);
  out.push("</svg>");
  return { text: out.join("\n") + "\n", width, height };
}

function group(name: string, b: Box, t: Theme): string {
  const [x, y] = [b.x - b.w / 2, b.y - b.h / 2];
  return (
    `<rect x="${n1(x)}" y="${n1(y)}" width="${n1(b.w)}" height="${n1(b.h)}" rx="10" fill="${t.box}" stroke="${t.boxLine}"/>` +
    `<text x="${n1(b.x)}" y="${n1(y + 18)}" text-anchor="middle" font-family="${escape(t.font)}" font-size="12" font-weight="600" fill="${t.muted}">${escape(fit(name, `600 12px ${t.font}`, b.w - 20))}</text>`
  );
}

function outline(shape: string, w: number, h: number, fill: string, stroke: string, width: number, dashed: boolean): string {
  const style = `fill="${fill}" stroke="${stroke}" stroke-width="${width}"${dashed ? ' stroke-dasharray="5 3"' : ""}`;
  if (shape === "barrel") return `<path d="M0 7C${w * 0.25} -2.5 ${w * 0.75} -2.5 ${w} 7V${h - 7}C${w * 0.75} ${h + 2.5} ${w * 0.25} ${h + 2.5} 0 ${h - 7}z" ${style}/>`;
  if (shape === "cut-rectangle" || shape === "octagon") return `<path d="M8 0H${w - 8}L${w} 8V${h - 8}L${w - 8} ${h}H8L0 ${h - 8}V8z" ${style}/>`;
  return `<rect width="${w}" height="${h}" rx="8" ${style}/>`;
}

function edge(c: Curve, d: { colour: string; width: number; line: string; opacity: number; arrow: string }): string {
  const path = `M${n1(c.from.x)} ${n1(c.from.y)}` + pieces(c).map(([, q, r]) => `Q${n1(q.x)} ${n1(q.y)} ${n1(r.x)} ${n1(r.y)}`).join("");
  const dash = d.line === "solid" ? "" : ` stroke-dasharray="${dashes(d.line, d.width).map(n1).join(" ")}"${d.line === "dotted" ? ' stroke-linecap="round"' : ""}`;
  let out = `<g opacity="${d.opacity}"><path d="${path}" fill="none" stroke="${d.colour}" stroke-width="${d.width}"${dash}/>`;
  if (d.arrow !== "none") {
    const s = c.to.x >= c.controls.at(-1)!.x ? 1 : -1;
    const size = 6 + d.width;
    const tip = `${n1(c.to.x)} ${n1(c.to.y)}`;
    const a = `${n1(c.to.x - s * size)} ${n1(c.to.y - size / 2)}`;
    const b = `${n1(c.to.x - s * size)} ${n1(c.to.y + size / 2)}`;
    out += d.arrow === "triangle" ? `<path d="M${tip}L${a}L${b}z" fill="${d.colour}"/>` : `<path d="M${a}L${tip}L${b}" fill="none" stroke="${d.colour}" stroke-width="2"/>`;
  }
  return out + "</g>";
}

/** The labels for which there is room, those of problems and of much traffic first. */
function labels(s: Shown, sc: Scene, t: Theme, label: string): string[] {
  const out: string[] = [];
  const taken: Rect[] = [...sc.at.values()].map((b) => ({ x: b.x - b.w / 2, y: b.y - b.h / 2, w: b.w, h: b.h }));
  for (const e of ordered(s.edges)) {
    const c = sc.curves.get(e.id);
    if (!c || out.length >= mostLabels) continue;
    const l = labelOf(e, label);
    const short = [l.failing ? "✕" : "", l.text].filter(Boolean).join(" ");
    const whole = [short, l.protocol, l.tls ? "TLS" : ""].filter(Boolean).join(" ");
    for (const text of new Set([whole, short])) {
      const w = widthOf(text, `11px ${t.font}`) + 12;
      const p = text && room(c, w, 18, taken);
      if (!p) continue;
      out.push(words(text, p, w, l.failing ? t.colour.error : t.text, t));
      break;
    }
  }
  return out;
}

function words(text: string, p: Point, w: number, colour: string, t: Theme): string {
  return (
    `<rect x="${n1(p.x - w / 2)}" y="${n1(p.y - 9)}" width="${w}" height="18" rx="9" fill="${t.ground}" fill-opacity="0.92"/>` +
    `<text x="${n1(p.x)}" y="${n1(p.y + 4)}" text-anchor="middle" font-family="${escape(t.font)}" font-size="11" fill="${colour}">${escape(text)}</text>`
  );
}
