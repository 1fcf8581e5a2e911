// Group boxes that a person folded: each becomes one node, and the edges to what is
// inside are added up.

import { endsOf, type Graph, type GraphEdge, type GraphGroup, type GraphNode } from "../data/types";
import { worse } from "./encode";

export const foldedPrefix = "folded:";

export interface Parts {
  nodes: GraphNode[];
  edges: GraphEdge[];
  groups: GraphGroup[];
}

export function fold(g: Graph, folded: string[]): Parts {
  const boxes = (g.groups ?? []).filter((b) => folded.includes(b.id));
  if (boxes.length === 0) return { nodes: g.nodes, edges: g.edges, groups: g.groups ?? [] };
  const home = new Map<string, string>();
  const nodes: GraphNode[] = [];
  for (const box of boxes) {
    const inside = g.nodes.filter((n) => box.nodes.includes(n.id));
    if (inside.length === 0) continue;
    for (const n of inside) home.set(n.id, foldedPrefix + box.id);
    nodes.push(asNode(box, inside));
  }
  const edges = addUp(g.edges, home);
  return {
    nodes: [...g.nodes.filter((n) => !home.has(n.id)), ...nodes],
    edges,
    groups: (g.groups ?? []).filter((b) => !folded.includes(b.id)),
  };
}

function asNode(box: GraphGroup, inside: GraphNode[]): GraphNode {
  const n: GraphNode = {
    id: foldedPrefix + box.id,
    kind: box.kind === "host" ? "host" : "namespace",
    name: box.name,
    subtitle: `${inside.length} folded`,
    processes: inside.reduce((sum, x) => sum + (x.processes ?? 0), 0),
    members: inside.map((x) => x.id),
    w: inside[0]!.w ?? 176,
    h: inside[0]!.h ?? 48,
  };
  const health = inside.reduce<GraphNode["health"]>((h, x) => worse(h, x.health), undefined);
  if (health) n.health = health;
  const rates = inside.map((x) => x.bytes_per_second).filter((r): r is number => r !== undefined);
  if (rates.length > 0) n.bytes_per_second = rates.reduce((a, b) => a + b, 0);
  if (inside.every((x) => x.x !== undefined && x.y !== undefined)) {
    const xs = inside.map((x) => x.x! + (x.w ?? 0) / 2);
    const ys = inside.map((x) => x.y! + (x.h ?? 0) / 2);
    n.x = (Math.min(...xs) + Math.max(...xs)) / 2 - n.w! / 2;
    n.y = (Math.min(...ys) + Math.max(...ys)) / 2 - n.h! / 2;
  }
  return n;
}

/** Edges between the same two nodes become one; what runs inside a box is gone. */
function addUp(edges: GraphEdge[], home: Map<string, string>): GraphEdge[] {
  const out: GraphEdge[] = [];
  const sums = new Map<string, GraphEdge>();
  for (const e of edges) {
    const [a, b] = endsOf(e);
    const x = home.get(a) ?? a;
    const y = home.get(b) ?? b;
    if (x === a && y === b) {
      out.push(e);
      continue;
    }
    if (x === y) continue;
    const id = foldedPrefix + x + ">" + y;
    const sum = sums.get(id);
    if (!sum) {
      const first: GraphEdge = { id, client: x, server: y, transport: e.transport, bundle: e.bundle ?? 1 };
      for (const k of ["tx", "rx", "opened", "closed", "failed", "active", "health", "reasons"] as const) {
        if (e[k] !== undefined) Object.assign(first, { [k]: e[k] });
      }
      sums.set(id, first);
      continue;
    }
    sum.bundle = (sum.bundle ?? 1) + (e.bundle ?? 1);
    for (const k of ["tx", "rx", "opened", "closed", "failed", "active"] as const) {
      if (e[k] !== undefined) sum[k] = (sum[k] ?? 0) + e[k]!;
    }
    const h = worse(sum.health, e.health);
    if (h) sum.health = h;
    if (e.reasons) sum.reasons = [...new Set([...(sum.reasons ?? []), ...e.reasons])];
  }
  return [...out, ...sums.values()];
}
