// All that the page can do, by name: for the palette. Keys, what the rail and the
// menus offer, saved filters, and every node.

import { colouringNames, colourings, labelNames, labels, traffic } from "./encode";
import { bindings } from "./keys";
import { nodesById, shown } from "./shown";
import { go, presets, select, view, viewName } from "./state";
import { groups, levels } from "./url";
import { endsOf } from "../data/types";

export interface Command {
  text: string;
  /** What else it is, in smaller letters. */
  note?: string;
  key?: string;
  run: () => void;
}

const once = ["1", "[", "]", "+", "-", ":", "?"];

/** more are those of parts of the page that this module does not know. */
export function commands(more: Command[]): Command[] {
  const v = view.value;
  const keyed = bindings
    .filter((b) => b.run && (!b.only || b.only.includes(viewName.value)) && !once.includes(b.keys[0]!))
    .map((b) => ({ text: b.text, key: b.keys[0]!, note: b.section.toLowerCase(), run: () => b.run!(b.keys[0]!) }));
  return [
    ...keyed,
    ...levels.map((l, i) => ({ text: "level: " + l, key: String(i + 1), run: () => go({ level: l, selected: [], hops: 0, folded: [] }) })),
    ...groups.map((b) => ({ text: "boxes: " + b, run: () => go({ group: b, folded: [] }) })),
    ...colourings.map((c) => ({ text: "colour by " + colouringNames[c], run: () => go({ colour: c }) })),
    ...labels.map((l) => ({ text: "label of edges: " + labelNames[l], run: () => go({ label: l }) })),
    ...(v.filter ? [{ text: "remove the filter", note: v.filter, run: () => go({ filter: "" }) }] : []),
    ...presets.value.map((p) => ({ text: "filter: " + p.name, note: p.filter === p.name ? "" : p.filter, run: () => go({ filter: p.filter }) })),
    ...more,
    ...nodes(),
  ];
}

/** Nodes to go to, those with the most traffic first. */
function nodes(): Command[] {
  const sums = new Map<string, number>();
  for (const e of shown.value.edges) for (const id of endsOf(e)) sums.set(id, (sums.get(id) ?? 0) + traffic(e));
  return [...nodesById.value.values()]
    .sort((a, b) => (sums.get(b.id) ?? 0) - (sums.get(a.id) ?? 0) || (a.id < b.id ? -1 : 1))
    .map((n) => ({ text: n.name, note: ["go to", n.place].filter(Boolean).join(" · "), run: () => select(n.id) }));
}

/** Those that have all words that were typed, those that begin with them first. */
export function matching(list: Command[], typed: string, most: number): { list: Command[]; left: number } {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const scored: [number, Command][] = [];
  for (const c of list) {
    const text = c.text.toLowerCase();
    const whole = text + " " + (c.note ?? "").toLowerCase();
    if (!words.every((w) => whole.includes(w))) continue;
    const first = words[0] ?? "";
    scored.push([text.startsWith(first) ? 0 : new RegExp("\\b" + first.replace(/[^\w]/g, "\\$&")).test(text) ? 1 : text.includes(first) ? 2 : 3, c]);
  }
  scored.sort((a, b) => a[0] - b[0]); // the sort is stable
  return { list: scored.slice(0, most).map(([, c]) => c), left: Math.max(0, scored.length - most) };
}
