// A difference applied to the graph before it, as the contract says: first what is
// gone, then what is new or changed, then the other members.

import type { Delta, Graph } from "./types";

interface Identified {
  id: string;
}

function patch<T extends Identified>(list: T[], remove: string[] | undefined, upsert: T[] | undefined): T[] {
  if (!remove?.length && !upsert?.length) return list;
  const all = new Map(list.map((x) => [x.id, x]));
  for (const id of remove ?? []) all.delete(id);
  for (const x of upsert ?? []) all.set(x.id, x);
  return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

export function apply(g: Graph, d: Delta): Graph {
  const next: Graph = {
    ...g,
    window: d.window,
    nodes: patch(g.nodes, d.remove.nodes, d.upsert.nodes),
    edges: patch(g.edges, d.remove.edges, d.upsert.edges),
    groups: patch(g.groups ?? [], d.remove.groups, d.upsert.groups),
  };
  if (d.capture) next.capture = d.capture;
  if (d.levels) next.levels = d.levels;
  if (d.total) next.total = d.total;
  if (d.matched) next.matched = d.matched;
  if (d.hidden) next.hidden = d.hidden;
  if (d.truncated === null) delete next.truncated;
  else if (d.truncated) next.truncated = d.truncated;
  return next;
}
