// What stands in a node: a glyph of its kind, its name, a second line, how many
// processes. It is an SVG image without anything that changes by the second, so
// that the canvas does not flicker; rates and health are drawn around it.

import type { GraphNode } from "../data/types";
import type { Theme } from "./theme";

/** Paths in a square of 16, drawn with a line of 1.4. */
export const glyphs: Record<string, string> = {
  process: "M2.5 3.5h11v9h-11z M5 6.5l2 1.8-2 1.8 M8.5 10.5h2.5",
  program: "M2.5 3.5h11v9h-11z M2.5 6h11 M4.5 4.8h.1 M6.3 4.8h.1",
  container: "M2.5 5.2L8 2.5l5.5 2.7v5.6L8 13.5l-5.5-2.7z M2.5 5.2L8 8l5.5-2.8 M8 8v5.5",
  pod: "M8 1.8l5.4 3.1v6.2L8 14.2l-5.4-3.1V4.9z M8 5.5l2.2 1.3v2.4L8 10.5 5.8 9.2V6.8z",
  workload: "M2.5 5l5.5-2.5L13.5 5 8 7.5z M2.5 8L8 10.5 13.5 8 M2.5 11L8 13.5 13.5 11",
  host: "M2.5 3h11v4h-11z M2.5 9h11v4h-11z M5 5h.1 M5 11h.1",
  namespace: "M5.5 2.5h-3v11h3 M10.5 2.5h3v11h-3 M6 8h4",
  datastore: "M3 4.3C3 1.7 13 1.7 13 4.3v7.4c0 2.6-10 2.6-10 0z M3 4.3c0 2.6 10 2.6 10 0 M3 8c0 2.6 10 2.6 10 0",
  external: "M4.6 12.2a2.9 2.9 0 0 1-.3-5.8 3.8 3.8 0 0 1 7.3-.6 3.2 3.2 0 0 1 .2 6.4z",
  address: "M8 2a6 6 0 1 0 .01 0z M2 8h12 M8 2c-4 4-4 8 0 12 M8 2c4 4 4 8 0 12",
  kernel: "M4.5 4.5h7v7h-7z M6.5 2v2.5 M9.5 2v2.5 M6.5 11.5V14 M9.5 11.5V14 M2 6.5h2.5 M2 9.5h2.5 M11.5 6.5H14 M11.5 9.5H14",
  bundle: "M4.5 2.5h9v8h-9z M2.5 5v8.5h9",
  unknown: "M5.6 6a2.4 2.4 0 1 1 3.5 2.2c-.8.4-1.1.8-1.1 1.6 M8 12.4h.1",
};

export function glyphOf(n: GraphNode): string {
  if (n.unknown) return "unknown";
  if (n.role === "datastore") return "datastore";
  if (n.kind === "unit") return "container";
  if (n.kind === "address") return n.role === "external" ? "external" : "address";
  return n.kind in glyphs ? n.kind : "program";
}

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (c) => escapes[c]!).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

const ruler = document.createElement("canvas").getContext("2d");
const widths = new Map<string, number>();

export function widthOf(text: string, font: string): number {
  const key = font + "\n" + text;
  let w = widths.get(key);
  if (w === undefined) {
    if (!ruler) return text.length * 7;
    ruler.font = font;
    w = ruler.measureText(text).width;
    if (widths.size > 5000) widths.clear();
    widths.set(key, w);
  }
  return w;
}

/** Cuts in the middle, where a name says least. */
export function fit(text: string, font: string, room: number): string {
  if (widthOf(text, font) <= room) return text;
  let n = text.length;
  while (n > 2) {
    n -= n > 40 ? 8 : 1;
    const head = Math.ceil(n * 0.6);
    const cut = text.slice(0, head) + "…" + text.slice(text.length - (n - head));
    if (widthOf(cut, font) <= room) return cut;
  }
  return text.slice(0, 1) + "…";
}

/** The content of a card, its upper left corner at 0, 0. */
export function cardContent(n: GraphNode, w: number, h: number, t: Theme): string {
  const badge = n.kind !== "bundle" && n.processes && n.processes > 1 ? String(n.processes) : "";
  const badgeWidth = badge ? widthOf(badge, `600 11px ${t.font}`) + 12 : 0;
  const room = w - 38 - 10 - (badge ? badgeWidth + 6 : 0);
  const name = escape(fit(n.name, `600 13px ${t.font}`, room));
  const sub = escape(secondLine(n, badge !== "", `11px ${t.font}`, w - 38 - 10));
  const y = sub ? h / 2 - 4 : h / 2 + 4.5;
  const font = escape(t.font);
  let s = "<g>";
  if (n.unknown) s += stripes(w, h, t);
  s += `<g transform="translate(12 ${h / 2 - 9}) scale(1.125)" fill="none" stroke="${t.muted}" stroke-width="1.3" stroke-linejoin="round" stroke-linecap="round"><path d="${glyphs[glyphOf(n)]}"/></g>`;
  s += `<text x="38" y="${y}" font-family="${font}" font-size="13" font-weight="600" fill="${t.text}">${name}</text>`;
  if (sub) s += `<text x="38" y="${h / 2 + 12}" font-family="${font}" font-size="11" fill="${t.muted}">${sub}</text>`;
  if (badge) {
    s += `<rect x="${w - badgeWidth - 8}" y="${h / 2 - 16}" width="${badgeWidth}" height="16" rx="8" fill="${t.muted}" fill-opacity="0.18"/>`;
    s += `<text x="${w - badgeWidth / 2 - 8}" y="${h / 2 - 4}" text-anchor="middle" font-family="${font}" font-size="11" font-weight="600" fill="${t.muted}">${badge}</text>`;
  }
  return s + "</g>";
}

/** Where it is, and the rest: of both the place gives way. How many processes there are the badge says. */
function secondLine(n: GraphNode, badge: boolean, font: string, room: number): string {
  const rest = badge && n.subtitle === `${n.processes} processes` ? "" : (n.subtitle ?? "");
  if (!n.place || !rest) return fit(n.place || rest, font, room);
  const left = room - widthOf(" · " + rest, font);
  return left < 40 ? fit(n.place + " · " + rest, font, room) : fit(n.place, font, left) + " · " + rest;
}

function stripes(w: number, h: number, t: Theme): string {
  let d = "";
  for (let x = -h; x < w; x += 9) d += `M${x} ${h}L${x + h} 0`;
  return `<clipPath id="c"><rect x="2" y="2" width="${w - 4}" height="${h - 4}" rx="7"/></clipPath><path clip-path="url(#c)" d="${d}" stroke="${t.muted}" stroke-opacity="0.22" stroke-width="2"/>`;
}

/** Images that were made, and what is to be made when it is drawn first: of a large map few cards are. */
const images = new Map<string, string | { n: GraphNode; w: number; h: number; t: Theme }>();

/** Names a card; equal nodes have equal names. */
export function cardKey(n: GraphNode, w: number, h: number, t: Theme): string {
  const key = [t.dark, w, h, n.name, n.subtitle ?? "", n.place ?? "", n.processes ?? 0, glyphOf(n)].join("\n");
  if (images.size > 20_000) images.clear();
  if (!images.has(key)) images.set(key, { n, w, h, t });
  return key;
}

/** The card with that name as an image's address. */
export function cardImage(key: string): string {
  const made = images.get(key);
  if (made === undefined || typeof made === "string") return made ?? "none";
  const { n, w, h, t } = made;
  // Drawn at twice the size, so that it is sharp when zoomed in.
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${w * 2}" height="${h * 2}" viewBox="0 0 ${w} ${h}">${cardContent(n, w, h, t)}</svg>`;
  const image = "data:image/svg+xml;utf8," + encodeURIComponent(svg);
  images.set(key, image);
  return image;
}

/** A single colour, for bars whose length is set by style. */
export function plain(colour: string): string {
  return "data:image/svg+xml;utf8," + encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8" fill="${colour}"/></svg>`);
}
