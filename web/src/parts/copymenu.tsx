// Copies what is chosen, or all that is shown, in the form that a person needs next.

import { signal } from "@preact/signals";
import { address } from "../data/api";
import { graph } from "../data/feed";
import { endsOf, type GraphEdge, type GraphNode, type Level } from "../data/types";
import { dot } from "../export/dot";
import { mermaid } from "../export/mermaid";
import { asShown } from "../model/cover";
import { nodeSentence, sentence } from "../model/sentence";
import { edgesById, nameOf, nodesById, shown } from "../model/shown";
import { dark, view } from "../model/state";
import { readTheme } from "../map/theme";
import { edgeFilter } from "./edgedrawer";
import { endTerm } from "./terms";
import { Icon } from "./icon";

/** What was copied last, for a moment. */
export const copied = signal("");

export interface Form {
  name: string;
  make: () => string;
}

function curl(path: string): string {
  const { at, window, level } = view.peek();
  return `curl -s '${location.origin + address(path, { level, window, at: at ?? undefined })}'`;
}

function edgeForms(e: GraphEdge): Form[] {
  return [
    { name: "id", make: () => e.id },
    { name: "sentence", make: () => e.sentence ?? sentence(e, nameOf) },
    { name: "filter", make: () => edgeFilter(e) },
    { name: "curl", make: () => curl("edges/" + encodeURIComponent(e.id)) },
    { name: "JSON", make: () => JSON.stringify(e, null, 2) },
    { name: "Mermaid", make: () => mermaid(endsOf(e).map((id) => nodesById.value.get(id)).filter((n) => n !== undefined), [e]) },
  ];
}

function nodeForms(n: GraphNode): Form[] {
  const term = endTerm("", n);
  return [
    { name: "id", make: () => n.id },
    { name: "sentence", make: () => n.sentence ?? nodeSentence(n) },
    ...(term ? [{ name: "filter", make: () => term }] : []),
    { name: "curl", make: () => curl("nodes/" + encodeURIComponent(n.id)) },
    { name: "JSON", make: () => JSON.stringify(n, null, 2) },
  ];
}

/** What the command calls these levels; it has no other. */
const groupBy: Partial<Record<Level, string>> = { program: "--group-by exe", container: "--group-by container", pod: "--group-by pod", workload: "--group-by workload", host: "--group-by host" };

/** Of the whole view. */
function allForms(): Form[] {
  const { nodes, edges, groups } = shown.value;
  const { filter, level } = view.value;
  return [
    { name: "link", make: () => location.href },
    ...(filter ? [{ name: "filter", make: () => filter }] : []),
    { name: "curl", make: () => curl("graph") },
    { name: "command", make: () => ["peerscope map --for 10s", groupBy[level] ?? "", filter ? `--filter '${filter.replaceAll("'", "'\\''")}'` : ""].filter(Boolean).join(" ") },
    { name: "JSON", make: () => JSON.stringify(asShown(graph.value, shown.value, view.value.covered), null, 2) },
    { name: "Mermaid", make: () => mermaid(nodes, edges, groups) },
    { name: "DOT", make: () => dot(shown.value, readTheme(dark.value)) },
  ];
}

/** How what is chosen can be copied, and what that is in words. */
export function forms(): { what: string; list: Form[] } {
  const id = view.value.selected.at(-1) ?? "";
  const e = edgesById.value.get(id);
  if (e) return { what: "this edge", list: edgeForms(e) };
  const n = nodesById.value.get(id);
  if (n) return { what: n.name, list: nodeForms(n) };
  return { what: "what is shown", list: allForms() };
}

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
  setTimeout(() => (copied.value = ""), 2500);
}

export function copyFirst(): void {
  const first = forms().list[0]!;
  void copy(first.make(), first.name);
}

/** Says for a moment what a key copied. */
export function Copied() {
  return (
    <p class={copied.value ? "toast" : "hidden-list"} role="status">
      {copied.value === "" ? "" : copied.value === "not" ? "this browser does not let the page copy" : `copied: ${copied.value}`}
    </p>
  );
}

export function CopyMenu() {
  return (
    <div class="copy" role="group" aria-label="Copy as">
      <Icon name="copy" />
      {forms().list.map((f) => (
        <button class="text" key={f.name} onClick={() => void copy(f.make(), f.name)}>
          {copied.value === f.name ? "copied" : f.name}
        </button>
      ))}
    </div>
  );
}
