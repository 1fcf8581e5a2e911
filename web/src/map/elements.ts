// Nodes, edges and boxes as the data of Cytoscape's elements: what is drawn where,
// in which colour. Pure: the same graph gives the same elements.

import { bytesOf, endsOf, type GraphEdge, type GraphNode } from "../data/types";
import { edgeToken, edgeWidth, healthToken, lineOf, oneWay, type Colouring } from "../model/encode";
import type { Change, Shown } from "../model/shown";
import type { View } from "../model/url";
import { cardKey } from "./card";
import { boxOf, controls, curves as curvesOf, mostCurved, places, type Box, type Curve } from "./geometry";
import type { Theme } from "./theme";

export interface Item {
  group: "nodes" | "edges";
  data: Record<string, unknown> & { id: string };
  position?: { x: number; y: number };
  classes: string[];
}

export interface Scene {
  items: Item[];
  at: Map<string, Box>;
  boxes: Map<string, Box>;
  curves: Map<string, Curve>;
  /** There are so many edges that they are straight lines without arrows. */
  plain: boolean;
}

/** How far the bar of a node's share stays from the sides of its card. */
export const barInset = 12;

export const boxPrefix = "box:";

/** An edge or node is new for a minute. */
const fresh = 60_000;

export function scene(s: Shown, v: Pick<View, "pins" | "colour">, t: Theme, now: number): Scene {
  const at = places(s.nodes, v.pins);
  const boxes = new Map<string, Box>();
  const items: Item[] = [];
  for (const g of s.groups) {
    const b = boxOf(g, at, v.pins);
    if (!b) continue;
    boxes.set(g.id, b);
    const data = { id: boxPrefix + g.id, name: g.name, w: b.w, h: b.h, textWidth: b.w - 20, shape: "round-rectangle", border: 1, colour: t.boxLine, line: "solid" };
    items.push({ group: "nodes", data, position: { x: b.x, y: b.y }, classes: ["box"] });
  }
  const most = Math.max(1, ...s.nodes.map((n) => n.bytes_per_second ?? 0));
  for (const n of s.nodes) items.push(node(n, at.get(n.id)!, most, t, s.changes.get(n.id)));
  const curves = curvesOf(s.edges, at, v.pins);
  const plain = s.edges.length > mostCurved;
  for (const e of s.edges) {
    const c = curves.get(e.id);
    if (!c) continue; // an end is not on the map
    const [a, b] = endsOf(e);
    const i = edge(e, plain ? null : c, at.get(a)!, at.get(b)!, v.colour, t, now, s.changes.get(e.id));
    items.push(i);
  }
  return { items, at, boxes, curves, plain };
}

function node(n: GraphNode, b: Box, most: number, t: Theme, change: Change | undefined): Item {
  const token = n.kind === "bundle" ? "idle" : healthToken(n.health);
  const calm = token === "ok" || token === "idle";
  // In steps, so that what wobbles a little is not drawn anew every second.
  const share = n.bytes_per_second ? Math.max(2, Math.round((20 * n.bytes_per_second) / most) * 5) : 0;
  const bar = b.w - 2 * barInset;
  const classes: string[] = [];
  if (change === "added") classes.push("new");
  if (change === "gone") classes.push("gone");
  if (n.exited) classes.push("ended");
  return {
    group: "nodes",
    position: { x: b.x, y: b.y },
    classes,
    data: {
      id: n.id,
      name: n.name,
      w: b.w,
      h: b.h,
      textWidth: b.w - 12,
      shape: shapeOf(n),
      colour: calm ? t.line : t.colour[token],
      fill: calm ? t.line : t.colour[token],
      border: calm ? 1 : 2.5,
      line: n.kind === "address" || n.kind === "bundle" || change === "gone" ? "dashed" : "solid",
      image: cardKey(n, b.w, b.h, t),
      share: Math.round((share * bar) / 100) + "px",
    },
  };
}

/** Shape says kind, besides the glyph: never colour alone. */
export function shapeOf(n: GraphNode): string {
  if (n.role === "datastore") return "barrel";
  if (n.kind === "host") return "cut-rectangle";
  if (n.kind === "kernel") return "octagon";
  return "round-rectangle";
}

function edge(e: GraphEdge, c: Curve | null, a: Box, b: Box, by: Colouring, t: Theme, now: number, change: Change | undefined): Item {
  const token = edgeToken(e, by, now);
  const colour = change === "added" ? t.colour.tls : change === "gone" ? t.colour.idle : change === "changed" ? t.colour.warn : t.colour[token];
  const width = edgeWidth(bytesOf(e));
  const classes: string[] = [];
  if (change === "gone") classes.push("gone");
  if (change === undefined && e.since !== undefined && now - e.since < fresh) classes.push("new");
  const [from, to] = endsOf(e);
  const calm = change === "same" || token === "ok" || token === "idle";
  if (!c) classes.push("plain", ...(calm ? [] : ["loud"]));
  else if (from === to) classes.push("loop");
  else classes.push("bent");
  return {
    group: "edges",
    classes,
    data: {
      id: e.id,
      source: from,
      target: to,
      ...(c && { from: px(c.from.x - a.x, c.from.y - a.y), to: px(c.to.x - b.x, c.to.y - b.y), ...controls(c) }),
      width: Math.round(width * 2) / 2,
      colour,
      line: lineOf(e),
      opacity: change === "same" ? 0.35 : !calm ? 1 : c ? 0.75 : 0.4,
      arrow: e.client ? (oneWay(e) ? "chevron" : "triangle") : "none",
      arrowScale: (oneWay(e) ? 0.6 : 1) * Math.max(0.75, 1.25 - Math.round(width * 2) / 28),
    },
  };
}

function px(x: number, y: number): string {
  return `${Math.round(x * 10) / 10}px ${Math.round(y * 10) / 10}px`;
}
