// What is shown in the language of Graphviz.

import { bytesOf, endsOf } from "../data/types";
import { edgeToken, edgeWidth, lineOf } from "../model/encode";
import { labelText, target } from "../model/sentence";
import type { Shown } from "../model/shown";
import type { Theme } from "../map/theme";

function quoted(text: string): string {
  return '"' + text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") + '"';
}

export function dot(s: Shown, t: Theme): string {
  const out = ["digraph peerscope {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];', '  edge [fontname="sans-serif", fontsize=10];'];
  const inside = new Set<string>();
  const node = (n: Shown["nodes"][number], indent: string) => {
    const shape = n.role === "datastore" ? ", shape=cylinder" : n.kind === "address" ? ", style=dashed" : "";
    out.push(`${indent}${quoted(n.id)} [label=${quoted(n.name + (n.place ? "\n" + n.place : ""))}${shape}];`);
  };
  s.groups.forEach((g, i) => {
    out.push(`  subgraph cluster_${i} {`, `    label=${quoted(g.name)};`);
    for (const n of s.nodes) {
      if (!g.nodes.includes(n.id)) continue;
      inside.add(n.id);
      node(n, "    ");
    }
    out.push("  }");
  });
  for (const n of s.nodes) if (!inside.has(n.id)) node(n, "  ");
  for (const e of s.edges) {
    const [a, b] = endsOf(e);
    const label = [target(e).trim(), labelText(e, "rate"), e.failed ? labelText(e, "failures") : ""].filter(Boolean).join(" ");
    const arrow = e.client ? "" : ", dir=none";
    out.push(
      `  ${quoted(a)} -> ${quoted(b)} [label=${quoted(label)}, color=${quoted(t.colour[edgeToken(e, "health", 0)])}, penwidth=${edgeWidth(bytesOf(e)).toFixed(1)}, style=${lineOf(e)}${arrow}];`,
    );
  }
  out.push("}");
  return out.join("\n") + "\n";
}
