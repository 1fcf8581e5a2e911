// Copies an edge in the form that a person needs next.

import { signal } from "@preact/signals";
import { address } from "../data/api";
import type { GraphEdge } from "../data/types";
import { mermaid } from "../export/mermaid";
import { nodesById } from "../model/shown";
import { view } from "../model/state";
import { sentence } from "../model/sentence";
import { nameOf } from "../model/shown";
import { edgeFilter } from "./edgedrawer";
import { endsOf } from "../data/types";
import { Icon } from "./icon";

const copied = signal("");

export const forms: { name: string; make: (e: GraphEdge) => string }[] = [
  { name: "id", make: (e) => e.id },
  { name: "sentence", make: (e) => e.sentence ?? sentence(e, nameOf) },
  { name: "filter", make: edgeFilter },
  {
    name: "curl",
    make: (e) => {
      const { at, window, level } = view.peek();
      const url = location.origin + address("edges/" + encodeURIComponent(e.id), { level, window, at: at ?? undefined });
      return `curl -s '${url}'`;
    },
  },
  { name: "JSON", make: (e) => JSON.stringify(e, null, 2) },
  { name: "Mermaid", make: (e) => mermaid(endsOf(e).map((id) => nodesById.value.get(id)).filter((n) => n !== undefined), [e]) },
];

export async function copy(text: string, name: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    copied.value = name;
  } catch {
    // Without a secure context there is no clipboard: the old way.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden-list";
    document.body.append(area);
    area.select();
    copied.value = document.execCommand("copy") ? name : "not";
    area.remove();
  }
  setTimeout(() => (copied.value = ""), 1500);
}

export function CopyMenu({ edge }: { edge: GraphEdge }) {
  return (
    <div class="copy" role="group" aria-label="Copy as">
      <Icon name="copy" />
      {forms.map((f) => (
        <button class="text" key={f.name} onClick={() => void copy(f.make(edge), f.name)}>
          {copied.value === f.name ? "copied" : f.name}
        </button>
      ))}
    </div>
  );
}
