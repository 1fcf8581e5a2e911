// The graph as it is drawn: with what a person folded, focused or compares.

import { computed } from "@preact/signals";
import { earlier, graph } from "../data/feed";
import { endsOf, type Graph, type GraphEdge, type GraphGroup, type GraphNode } from "../data/types";
import { compare } from "./compare";
import { addresses, cover } from "./cover";
import { fold } from "./fold";
import { view } from "./state";

export type Change = "added" | "gone" | "changed" | "same";

export interface Shown {
  nodes: GraphNode[];
  edges: GraphEdge[];
  groups: GraphGroup[];
  /** By id of node or edge; empty where nothing is compared. */
  changes: Map<string, Change>;
  /** What a person's own choices (focus, only new) leave out of the graph. */
  left: { nodes: number; edges: number };
}

const nothing: Shown = { nodes: [], edges: [], groups: [], changes: new Map(), left: { nodes: 0, edges: 0 } };

export const shown = computed<Shown>(() => {
  const g = graph.value;
  if (!g) return nothing;
  const v = view.value;
  const { graph: both, changes } = earlier.value ? compare(earlier.value, g) : { graph: g, changes: new Map<string, Change>() };
  const named = v.addresses ? addresses(both) : both;
  let { nodes, edges, groups } = fold(v.covered ? cover(named) : named, v.folded);
  const before = { nodes: nodes.length, edges: edges.length };
  if (v.since !== null) {
    edges = edges.filter((e) => (e.since ?? 0) >= v.since!);
    nodes = touched(nodes, edges);
  }
  if (v.hops > 0 && v.selected.length > 0) ({ nodes, edges } = near(nodes, edges, v.selected, v.hops));
  const kept = new Set(nodes.map((n) => n.id));
  groups = groups.map((b) => ({ ...b, nodes: b.nodes.filter((id) => kept.has(id)) })).filter((b) => b.nodes.length > 0);
  return { nodes, edges, groups, changes, left: { nodes: before.nodes - nodes.length, edges: before.edges - edges.length } };
});

export const nodesById = computed(() => new Map(shown.value.nodes.map((n) => [n.id, n])));
export const edgesById = computed(() => new Map(shown.value.edges.map((e) => [e.id, e])));
export const nameOf = (id: string): GraphNode | undefined => nodesById.value.get(id);

/** The map of many edges is a hairball and slow: a table is shown in its place. */
export const edgesForMap = 600;

export const showsTable = computed(() => view.value.view === "table" || (view.value.view === "map" && !view.value.force && shown.value.edges.length > edgesForMap));

function touched(nodes: GraphNode[], edges: GraphEdge[]): GraphNode[] {
  const ends = new Set(edges.flatMap(endsOf));
  return nodes.filter((n) => ends.has(n.id));
}

/** What is within that many calls of the selected, either way. */
export function near(nodes: GraphNode[], edges: GraphEdge[], from: string[], hops: number): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const reached = new Set<string>();
  const ids = new Set(nodes.map((n) => n.id));
  for (const id of from) {
    if (ids.has(id)) reached.add(id);
    const e = edges.find((x) => x.id === id);
    if (e) endsOf(e).forEach((end) => reached.add(end));
  }
  if (reached.size === 0) return { nodes, edges };
  const kept = new Set<GraphEdge>();
  let edge = [...reached];
  for (let i = 0; i < hops && edge.length > 0; i++) {
    const next: string[] = [];
    for (const e of edges) {
      const [a, b] = endsOf(e);
      if (!edge.includes(a) && !edge.includes(b)) continue;
      kept.add(e);
      for (const end of [a, b]) {
        if (!reached.has(end)) {
          reached.add(end);
          next.push(end);
        }
      }
    }
    edge = next;
  }
  return { nodes: nodes.filter((n) => reached.has(n.id)), edges: edges.filter((e) => kept.has(e)) };
}

/** Everything one call away from a node, or the two ends of an edge. */
export function neighbourhood(id: string, edges: GraphEdge[]): Set<string> {
  const out = new Set([id]);
  for (const e of edges) {
    const [a, b] = endsOf(e);
    if (e.id === id || a === id || b === id) {
      out.add(a);
      out.add(b);
      out.add(e.id);
    }
  }
  return out;
}

/** What has a word in its name or place, and its edges; null: nobody looks for a word, or nothing has it. */
export function having(word: string, s: Shown): Set<string> | null {
  if (!/^[\p{L}\p{N}_.@-]{2,}$/u.test(word)) return null;
  const w = word.toLowerCase();
  const out = new Set<string>();
  for (const n of s.nodes) if (n.name.toLowerCase().includes(w) || n.place?.toLowerCase().includes(w)) out.add(n.id);
  if (out.size === 0) return null;
  for (const e of s.edges) if (endsOf(e).some((id) => out.has(id))) out.add(e.id);
  return out;
}

export function isNode(g: Graph | null, id: string): boolean {
  return g?.nodes.some((n) => n.id === id) ?? false;
}
