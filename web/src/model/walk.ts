// From node to node by keys: left to who calls, right to who is called, up and down
// within a column.

import type { Scene } from "../map/elements";
import { edgesById, nodesById } from "./shown";
import { endsOf } from "../data/types";
import { traffic } from "./encode";

/** The node that a key leads to; undefined: the key is none of these. */
export function walk(key: string, from: string | null, s: Scene | undefined): string | null | undefined {
  const way = { ArrowLeft: "left", h: "left", ArrowRight: "right", ArrowUp: "up", k: "up", ArrowDown: "down", j: "down", Home: "first", g: "first", End: "last", G: "last" }[key];
  if (!way || !s) return undefined;
  const inOrder = [...s.at.entries()].sort(([, a], [, b]) => a.x - b.x || a.y - b.y).map(([id]) => id);
  if (inOrder.length === 0) return null;
  if (way === "first") return inOrder[0]!;
  if (way === "last") return inOrder[inOrder.length - 1]!;
  const edge = from ? edgesById.value.get(from) : undefined;
  if (edge) return endsOf(edge)[way === "left" || way === "up" ? 0 : 1];
  if (!from || !nodesById.value.has(from)) return inOrder[0]!;
  const here = s.at.get(from);
  if (!here) return inOrder[0]!;
  if (way === "up" || way === "down") {
    const column = [...s.at.entries()].filter(([, b]) => Math.abs(b.x - here.x) < b.w).sort(([, a], [, b]) => a.y - b.y).map(([id]) => id);
    const i = column.indexOf(from) + (way === "up" ? -1 : 1);
    return column[Math.max(0, Math.min(column.length - 1, i))]!;
  }
  const along = [...edgesById.value.values()]
    .map((e) => ({ e, ends: endsOf(e) }))
    .filter(({ ends }) => ends[way === "left" ? 1 : 0] === from && ends[0] !== ends[1])
    .sort((a, b) => traffic(b.e) - traffic(a.e) || (a.e.id < b.e.id ? -1 : 1));
  const next = along[0]?.ends[way === "left" ? 0 : 1];
  if (next) return next;
  const side = [...s.at.entries()].filter(([, b]) => (way === "left" ? b.x < here.x - 1 : b.x > here.x + 1));
  side.sort(([, a], [, b]) => Math.hypot(a.x - here.x, (a.y - here.y) * 2) - Math.hypot(b.x - here.x, (b.y - here.y) * 2));
  return side[0]?.[0] ?? from;
}
