// What is shown as a Mermaid flowchart.

import { endsOf, type GraphEdge, type GraphGroup, type GraphNode } from "../data/types";
import { labelText, target } from "../model/sentence";

function quoted(text: string): string {
  return '"' + text.replace(/[\u0000-\u001f]/g, " ").replaceAll("&", "#38;").replaceAll('"', "#quot;").replaceAll("<", "#lt;").replaceAll(">", "#gt;") + '"';
}

export function mermaid(nodes: GraphNode[], edges: GraphEdge[], groups: GraphGroup[] = []): string {
  const short = new Map(nodes.map((n, i) => [n.id, "n" + i]));
  const shape = (n: GraphNode) => {
    const text = quoted(n.name + (n.place ? "\n" + n.place : "")).replace("\n", "<br/>");
    return n.role === "datastore" ? `[(${text})]` : n.kind === "address" ? `([${text}])` : n.kind === "host" ? `{{${text}}}` : `[${text}]`;
  };
  const out = ["flowchart LR"];
  const inside = new Set<string>();
  groups.forEach((g, i) => {
    const members = nodes.filter((n) => g.nodes.includes(n.id));
    if (members.length === 0) return;
    out.push(`  subgraph g${i}[${quoted(g.name)}]`);
    for (const n of members) {
      inside.add(n.id);
      out.push(`    ${short.get(n.id)}${shape(n)}`);
    }
    out.push("  end");
  });
  for (const n of nodes) if (!inside.has(n.id)) out.push(`  ${short.get(n.id)}${shape(n)}`);
  for (const e of edges) {
    const [a, b] = endsOf(e).map((id) => short.get(id));
    if (!a || !b) continue;
    const label = [target(e).trim(), labelText(e, "rate"), e.failed ? "✕ " + labelText(e, "failures") : ""].filter(Boolean).join(" ");
    const line = e.failed ? "-.->" : "-->";
    out.push(`  ${a} ${e.client ? line : "---"}${label ? `|${quoted(label)}|` : ""} ${b}`);
  }
  return out.join("\n") + "\n";
}
