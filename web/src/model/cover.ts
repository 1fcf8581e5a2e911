// The graph for others' eyes: who shares a screen or saves a picture can cover where
// hosts and addresses are. It hides nothing from who can ask the server.

import type { Graph, GraphEdge, GraphGroup, GraphNode } from "../data/types";

/** A short mark that is the same for the same name, so that things stay told apart. */
export function mark(name: string): string {
  let h = 0;
  for (let i = 0; i < name.length; i++) h = (Math.imul(h, 31) + name.charCodeAt(i)) >>> 0;
  return (h % 4096).toString(16).padStart(3, "0");
}

/** The name of the host that is looked at, as it may be shown; "" where it has none. */
export function hostName(g: Graph | null, covered: boolean): string {
  const name = g?.host?.["host.name"] ?? "";
  return covered && name ? "host " + mark(name) : name;
}

/** The whole graph with what is shown of it, for who takes it away. */
export function asShown(g: Graph | null, s: Pick<Graph, "nodes" | "edges"> & { groups: GraphGroup[] }, covered: boolean): object {
  const { nodes, edges, groups } = s;
  return { ...g, ...(covered && g?.host && { host: { "host.name": hostName(g, true) } }), nodes, edges, groups };
}

/** Names of hosts and addresses become marks; sentences, which have them in words, go. */
export function cover(g: Graph): Graph {
  return {
    ...g,
    nodes: g.nodes.map(coverNode),
    edges: g.edges.map(coverEdge),
    groups: (g.groups ?? []).map((b) => (b.kind === "host" ? { ...b, name: "host " + mark(b.name) } : b)),
  };
}

function coverNode(n: GraphNode): GraphNode {
  const { sentence: _, reasons, attributes: __, ...rest } = n;
  const out: GraphNode = { ...rest, ...(reasons && { reasons: ["covered"] }) };
  if (n.kind !== "address" && n.kind !== "host") return out;
  delete out.subtitle;
  return { ...out, name: n.kind + " " + mark(n.name) };
}

function coverEdge(e: GraphEdge): GraphEdge {
  const { sentence: _, dialed: __, services: ___, reasons, ...rest } = e;
  return { ...rest, ...(reasons && { reasons: ["covered"] }) };
}

/** Addresses in place of names, where both are known. */
export function addresses(g: Graph): Graph {
  return {
    ...g,
    nodes: g.nodes.map((n) => {
      const address = n.attributes?.["network.peer.address"];
      return typeof address === "string" && address !== "" && address !== n.name ? { ...n, name: address, subtitle: n.name } : n;
    }),
    edges: g.edges.map((e) => (e.dialed?.length ? { ...e, label: e.dialed[0]! + (e.dialed.length > 1 ? " +" + (e.dialed.length - 1) : "") } : e)),
  };
}
