// Where things are drawn: middles of nodes, boxes of groups, curves of edges. The
// picture on the canvas and the exported one are both made from this.

import { endsOf, type GraphEdge, type GraphGroup, type GraphNode } from "../data/types";
import type { View } from "../model/url";

export interface Box {
  x: number; // of the middle
  y: number;
  w: number;
  h: number;
}

export interface Point {
  x: number;
  y: number;
}

/** Quadratic curves, one a control point, that meet halfway between their control points. */
export interface Curve {
  from: Point;
  controls: Point[];
  to: Point;
}

export const standard = { w: 176, h: 48 };
const column = 280;
const row = 76;

/** Middles and sizes of nodes; a person's pin wins over the server's place. */
export function places(nodes: GraphNode[], pins: View["pins"]): Map<string, Box> {
  const out = new Map<string, Box>();
  const free = new Map<number, number>(); // rows taken in each column, where the server gave no place
  for (const n of nodes) {
    const w = n.w ?? standard.w;
    const h = n.h ?? standard.h;
    const pin = pins[n.id];
    let x: number;
    let y: number;
    if (pin) [x, y] = pin;
    else if (n.x !== undefined && n.y !== undefined) [x, y] = [n.x + w / 2, n.y + h / 2];
    else {
      const rank = n.rank ?? ({ client: 0, both: 1, server: 2, datastore: 3, external: 3 } as Record<string, number>)[n.role ?? "both"] ?? 1;
      const slot = free.get(rank) ?? 0;
      free.set(rank, slot + 1);
      [x, y] = [rank * column, slot * row];
    }
    out.set(n.id, { x, y, w, h });
  }
  return out;
}

const margin = { side: 16, top: 34, bottom: 16 };

/** A box around its nodes; as the server has it, where all its nodes are where the server put them. */
export function boxOf(g: GraphGroup, at: Map<string, Box>, pins: View["pins"]): Box | null {
  const inside = g.nodes.map((id) => at.get(id)).filter((b): b is Box => b !== undefined);
  if (inside.length === 0) return null;
  const untouched = g.nodes.every((id) => !pins[id]);
  if (untouched && g.x !== undefined && g.y !== undefined && g.w && g.h) return { x: g.x + g.w / 2, y: g.y + g.h / 2, w: g.w, h: g.h };
  const left = Math.min(...inside.map((b) => b.x - b.w / 2)) - margin.side;
  const right = Math.max(...inside.map((b) => b.x + b.w / 2)) + margin.side;
  const top = Math.min(...inside.map((b) => b.y - b.h / 2)) - margin.top;
  const bottom = Math.max(...inside.map((b) => b.y + b.h / 2)) + margin.bottom;
  return { x: (left + right) / 2, y: (top + bottom) / 2, w: right - left, h: bottom - top };
}

/** How far apart edges between the same two nodes run. */
const gap = 16;

/** Shifts for edges that share both ends, by id: the middle one has 0. */
export function lanes(edges: GraphEdge[]): Map<string, number> {
  const pairs = new Map<string, string[]>();
  for (const e of edges) {
    const [a, b] = endsOf(e);
    const k = a < b ? a + "\n" + b : b + "\n" + a;
    const list = pairs.get(k);
    if (list) list.push(e.id);
    else pairs.set(k, [e.id]);
  }
  const out = new Map<string, number>();
  for (const ids of pairs.values()) {
    ids.sort();
    ids.forEach((id, i) => out.set(id, (i - (ids.length - 1) / 2) * gap));
  }
  return out;
}

/**
 * From the side of the client to the side of the server that faces it, level at both
 * ends. Nodes above each other are joined by an arc at their right side. With a
 * route it runs level from where that enters a lane between the rows to where it leaves it.
 */
export function curve(a: Box, b: Box, lane: number, route?: [number, number][]): Curve {
  const within = (box: Box) => Math.max(-box.h / 2 + 4, Math.min(box.h / 2 - 4, lane));
  const right = b.x - b.w / 2 - (a.x + a.w / 2);
  const left = a.x - a.w / 2 - (b.x + b.w / 2);
  if (right < 8 && left < 8) {
    const from = { x: a.x + a.w / 2, y: a.y + within(a) };
    const to = { x: b.x + b.w / 2, y: b.y + within(b) };
    const out = Math.max(from.x, to.x) + 36 + Math.abs(lane) + Math.min(60, Math.abs(to.y - from.y) / 8);
    return { from, controls: [{ x: out, y: from.y }, { x: out, y: to.y }], to };
  }
  const s = right >= left ? 1 : -1;
  const from = { x: a.x + (s * a.w) / 2, y: a.y + within(a) };
  const to = { x: b.x - (s * b.w) / 2, y: b.y + within(b) };
  const [enter, leave] = route ?? [];
  if (!enter || !leave) {
    const reach = Math.max(24, Math.abs(to.x - from.x) * 0.45);
    return { from, controls: [{ x: from.x + s * reach, y: from.y }, { x: to.x - s * reach, y: to.y }], to };
  }
  // A curve touches the line between two of its points in the middle: it is level there.
  const level = enter[1] + lane / 4;
  return {
    from,
    controls: [
      { x: (from.x + enter[0]) / 2 - s * bend, y: from.y },
      { x: enter[0] - s * bend, y: level },
      { x: enter[0] + s * bend, y: level },
      { x: leave[0] - s * bend, y: level },
      { x: leave[0] + s * bend, y: level },
      { x: (to.x + leave[0]) / 2 + s * bend, y: to.y },
    ],
    to,
  };
}

/** How long the last piece is in which a curve becomes level, in CSS pixels. */
const bend = 12;

/** With more edges than this they are straight and plain: curves, dashes and arrows cost a browser seconds. */
export const mostCurved = 1500;

/** From middle to middle, below the cards. */
function straight(a: Box, b: Box): Curve {
  return { from: { x: a.x, y: a.y }, controls: [{ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }], to: { x: b.x, y: b.y } };
}

/** The curves of all edges. Between nodes that nobody moved they take the server's way around others. */
export function curves(edges: GraphEdge[], at: Map<string, Box>, pins: View["pins"]): Map<string, Curve> {
  const out = new Map<string, Curve>();
  const plain = edges.length > mostCurved;
  const lane = plain ? new Map<string, number>() : lanes(edges);
  for (const e of edges) {
    const [x, y] = endsOf(e);
    const a = at.get(x);
    const b = at.get(y);
    if (!a || !b) continue;
    const route = pins[x] || pins[y] ? undefined : e.route;
    out.set(e.id, plain ? straight(a, b) : curve(a, b, lane.get(e.id) ?? 0, route));
  }
  return out;
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** The quadratic curves that a curve is made of: begin, control point, end. */
export function pieces(c: Curve): [Point, Point, Point][] {
  const n = c.controls.length;
  return c.controls.map((p, i) => [i === 0 ? c.from : middle(c.controls[i - 1]!, p), p, i === n - 1 ? c.to : middle(p, c.controls[i + 1]!)]);
}

/** The point at a share of a curve, 0 to 1; its pieces count alike. */
export function along(c: Curve, t: number): Point {
  const all = pieces(c);
  const i = Math.min(all.length - 1, Math.floor(t * all.length));
  const u = t * all.length - i;
  const [p, q, r] = all[i]!;
  const at = (m: number, n: number, o: number) => (1 - u) ** 2 * m + 2 * u * (1 - u) * n + u ** 2 * o;
  return { x: at(p.x, q.x, r.x), y: at(p.y, q.y, r.y) };
}

/** The control points as Cytoscape wants them: shares along, and distances from, the straight line between the ends. */
export function controls(c: Curve): { weights: number[]; distances: number[] } {
  const dx = c.to.x - c.from.x;
  const dy = c.to.y - c.from.y;
  const long = Math.hypot(dx, dy) || 1;
  const weights: number[] = [];
  const distances: number[] = [];
  for (const p of c.controls) {
    const px = p.x - c.from.x;
    const py = p.y - c.from.y;
    weights.push((px * dx + py * dy) / (long * long));
    distances.push((py * dx - px * dy) / long);
  }
  return { weights, distances };
}

export function bounds(boxes: Iterable<Box>): { left: number; top: number; right: number; bottom: number } | null {
  let r: { left: number; top: number; right: number; bottom: number } | null = null;
  for (const b of boxes) {
    const [left, right, top, bottom] = [b.x - b.w / 2, b.x + b.w / 2, b.y - b.h / 2, b.y + b.h / 2];
    r = r
      ? { left: Math.min(r.left, left), right: Math.max(r.right, right), top: Math.min(r.top, top), bottom: Math.max(r.bottom, bottom) }
      : { left, right, top, bottom };
  }
  return r;
}
