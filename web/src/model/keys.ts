// What keys do: the list is both what the overlay shows and what is obeyed.

import { colourings, labels } from "./encode";
import type { ViewName } from "./url";
import { levels } from "./url";
import { columns, freeze } from "./rows";
import { chipOpenReset, hooks } from "./hooks";
import { before, go, panel, select, view } from "./state";
import { now } from "../data/feed";
import { jumpEvent, stepTime, toggleCompare } from "./time";
import { showsTable } from "./shown";

export interface Binding {
  keys: string[];
  section: "View" | "Find" | "Time" | "Map" | "Table";
  text: string;
  only?: ViewName[];
  /** Absent: it is obeyed where the focus is, and only listed here. */
  run?: (key: string) => void;
}

function next<T>(list: readonly T[], x: T): T {
  return list[(list.indexOf(x) + 1) % list.length]!;
}

export const bindings: Binding[] = [
  { keys: ["1", "…", "7"], section: "View", text: "level: process to namespace" },
  { keys: ["m"], section: "View", text: "map", run: () => go({ view: "map", force: false }) },
  { keys: ["t"], section: "View", text: "table", run: () => go({ view: "table" }) },
  { keys: ["x"], section: "View", text: "matrix", run: () => go({ view: "matrix" }) },
  { keys: ["o"], section: "View", text: "colour by the next", run: () => go({ colour: next(colourings, view.value.colour) }) },
  { keys: ["l"], section: "Map", text: "label of edges: the next", run: () => go({ label: next(labels, view.value.label) }), only: ["map"] },
  { keys: ["T"], section: "View", text: "light, dark, as the system", run: () => hooks.theme() },
  { keys: ["A"], section: "View", text: "all nodes, or the first 60", run: () => go({ limit: view.value.limit === 0 ? 60 : 0 }) },
  { keys: ["d"], section: "View", text: "names, or addresses where they are known", run: () => go({ addresses: !view.value.addresses }) },
  { keys: ["r"], section: "View", text: "cover hosts, addresses and command lines", run: () => go({ covered: !view.value.covered }) },
  { keys: [":"], section: "View", text: "all commands, by name", run: () => (panel.value = "palette") },
  { keys: ["?"], section: "View", text: "this list", run: () => (panel.value = panel.value === "help" ? "none" : "help") },
  { keys: ["Esc"], section: "View", text: "one level back" },
  { keys: ["/"], section: "Find", text: "filter", run: () => hooks.filter() },
  { keys: ["e"], section: "Find", text: "only problems", run: () => go({ problems: !view.value.problems }) },
  { keys: ["n"], section: "Find", text: "only new from now", run: () => go({ since: view.value.since === null ? Math.round(now()) : null }) },
  { keys: ["N"], section: "Find", text: "noise too", run: () => go({ noise: !view.value.noise }) },
  { keys: ["y"], section: "Find", text: "copy the id of what is chosen, or a link to this view", run: () => hooks.copy() },
  { keys: ["Y"], section: "Find", text: "copy as …", run: () => (panel.value = "copy") },
  { keys: ["p", " "], section: "Time", text: "pause, or back to now", run: () => hooks.pause() },
  { keys: ["["], section: "Time", text: "one step back", run: () => stepTime(-1) },
  { keys: ["]"], section: "Time", text: "one step forward", run: () => stepTime(1) },
  { keys: ["{"], section: "Time", text: "to the event before", run: () => jumpEvent(-1) },
  { keys: ["}"], section: "Time", text: "to the next event", run: () => jumpEvent(1) },
  { keys: ["c"], section: "Time", text: "compare two times", run: toggleCompare },
  { keys: ["←", "→", "h"], section: "Map", text: "to who calls, to who is called", only: ["map"] },
  { keys: ["↑", "↓", "j", "k"], section: "Map", text: "up and down a column", only: ["map"] },
  { keys: ["Enter"], section: "Map", text: "open; with Shift the ways to a second one", only: ["map"] },
  { keys: ["f"], section: "Map", text: "fit", run: () => hooks.fit(), only: ["map"] },
  { keys: ["0"], section: "Map", text: "tidy: let go of what was moved", run: () => hooks.tidy(), only: ["map"] },
  { keys: ["F"], section: "Map", text: "only neighbours of what is chosen", run: () => view.value.selected.length > 0 && go({ hops: view.value.hops > 0 ? 0 : 1 }) },
  { keys: ["+", "-"], section: "Map", text: "zoom, or hops with F", run: (k) => plusMinus(k) },
  { keys: ["b"], section: "Map", text: "fold or open the box of what is chosen", run: () => hooks.fold(), only: ["map"] },
  { keys: ["g"], section: "Map", text: "draw the map though it is large", run: () => showsTable.value && go({ view: "map", force: true }), only: ["map"] },
  { keys: ["↑", "↓", "j", "k", "g", "G"], section: "Table", text: "move", only: ["table"] },
  { keys: ["s"], section: "Table", text: "sort by the next column", run: () => sortNext(), only: ["table"] },
  { keys: ["S"], section: "Table", text: "sort the other way", run: () => go({ sort: view.value.sort.startsWith("-") ? view.value.sort.slice(1) : "-" + view.value.sort }), only: ["table"] },
  { keys: ["z"], section: "Table", text: "freeze the order", run: freeze, only: ["table"] },
];

function plusMinus(key: string): void {
  const { hops } = view.value;
  if (hops > 0) go({ hops: Math.max(1, Math.min(9, hops + (key === "+" ? 1 : -1))) });
  else hooks.zoom(key === "+" ? 1.25 : 0.8);
}

function sortNext(): void {
  const keys = columns.map((c) => c.key);
  go({ sort: "-" + next(keys, view.value.sort.replace(/^-/, "")) });
}

function escape(): void {
  const v = view.value;
  if (panel.value !== "none") panel.value = "none";
  else if (chipOpenReset()) return;
  else if (v.selected.length > 1) go({ selected: v.selected.slice(0, 1) });
  else if (v.hops > 0) go({ hops: 0 });
  else if (v.selected.length > 0) select(null);
  else if (before.value !== null) go({ before: null });
}

export function listen(): void {
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    const on = e.target as HTMLElement;
    if (e.key === "Escape") {
      escape();
      return;
    }
    if (on.matches("input[type=text], textarea, select") || on.isContentEditable) return;
    // A space or Enter on a button is for the button, and letters move through options.
    if ((e.key === " " || e.key === "Enter") && on.matches("button, summary, input, a")) return;
    if (panel.value === "help" && e.key !== "?") return;
    if (panel.value === "palette" || panel.value === "copy") return;
    if (/^[1-7]$/.test(e.key)) {
      go({ level: levels[Number(e.key) - 1]!, selected: [], hops: 0, folded: [] });
      e.preventDefault();
      return;
    }
    const b = bindings.find((x) => x.run && x.keys.includes(e.key));
    if (!b) return;
    e.preventDefault();
    b.run!(e.key);
  });
}
