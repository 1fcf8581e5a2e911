// Two graphs of the same question at two times: what was added, is gone, or changed.

import { bytesOf, endsOf, type Graph, type GraphEdge, type GraphNode } from "../data/types";
import { failureShare } from "./encode";
import type { Change } from "./shown";
import * as f from "./format";

/** Traffic that became this many times as much, or as little, is a change. */
const factor = 2;
/** Below this many bytes a second nothing is a change of traffic. */
const quiet = 1000;

export function compare(a: Graph, b: Graph): { graph: Graph; changes: Map<string, Change> } {
  const changes = new Map<string, Change>();
  const nodes = union(a.nodes, b.nodes, changes, () => "same");
  const edges = union(a.edges, b.edges, changes, (x, y) => (differences(x, y).length > 0 ? "changed" : "same"));
  const groups = new Map((a.groups ?? []).map((g) => [g.id, g]));
  for (const g of b.groups ?? []) {
    const old = groups.get(g.id);
    groups.set(g.id, old ? { ...g, nodes: [...new Set([...old.nodes, ...g.nodes])] } : g);
  }
  // An edge whose end is in neither graph's nodes, but in a bundle, cannot be drawn.
  const ids = new Set(nodes.map((n) => n.id));
  return {
    graph: { ...b, nodes, edges: edges.filter((e) => endsOf(e).every((end) => ids.has(end))), groups: [...groups.values()] },
    changes,
  };
}

function union<T extends GraphNode | GraphEdge>(a: T[], b: T[], changes: Map<string, Change>, judge: (x: T, y: T) => Change): T[] {
  const old = new Map(a.map((x) => [x.id, x]));
  const out: T[] = [];
  for (const y of b) {
    const x = old.get(y.id);
    old.delete(y.id);
    changes.set(y.id, x ? judge(x, y) : "added");
    out.push(y);
  }
  for (const x of old.values()) {
    changes.set(x.id, "gone");
    out.push(x);
  }
  return out;
}

/** What is different about an edge, in words. */
export function differences(a: GraphEdge, b: GraphEdge): string[] {
  const out: string[] = [];
  const [x, y] = [bytesOf(a) ?? 0, bytesOf(b) ?? 0];
  if (Math.max(x, y) > quiet && (x > y * factor || y > x * factor)) out.push(`traffic ${f.rate(x)} → ${f.rate(y)}`);
  if (a.health !== b.health) out.push(`health ${a.health ?? "not known"} → ${b.health ?? "not known"}`);
  const [p, q] = [failureShare(a), failureShare(b)];
  if (p === 0 && q > 0) out.push("connects fail now");
  if (p > 0 && q === 0) out.push("connects fail no longer");
  const [r, s] = [a.rtt?.mean, b.rtt?.mean];
  if (r !== undefined && s !== undefined && Math.max(r, s) > 0.001 && (r > s * factor || s > r * factor)) {
    out.push(`round trip ${f.duration(r)} → ${f.duration(s)}`);
  }
  if (a.tls !== b.tls && a.tls !== undefined && b.tls !== undefined) out.push(b.tls ? "TLS now" : "no TLS any more");
  return out;
}
