// What is printed: the map as a drawing that is sharp on paper, in the light colours,
// with the time and the filter it stands for.

import { useLayoutEffect, useRef } from "preact/hooks";
import { svg } from "../export/svg";
import { graph } from "../data/feed";
import { readTheme } from "../map/theme";
import { plural } from "../model/format";
import { printing, view, viewName } from "../model/state";
import { shown, showsTable } from "../model/shown";
import { currentScene } from "./map";

/** Nobody reads more rows than these on paper. */
export const mostPrinted = 2000;

/** Follows the browser: what is changed here is there before the page is printed. */
export function followPrinting(): void {
  const set = (on: boolean) => (printing.value = on);
  addEventListener("beforeprint", () => set(true));
  addEventListener("afterprint", () => set(false));
  matchMedia("print").addEventListener("change", (e) => set(e.matches));
}

export function Paper() {
  const place = useRef<HTMLDivElement>(null);
  const on = printing.value;
  const drawn = on && viewName.value === "map" && !showsTable.value;
  useLayoutEffect(() => {
    if (!drawn) return;
    const text = svg(shown.value, currentScene(), readTheme(false), view.value.label, "").text;
    const picture = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    place.current!.replaceChildren(document.adoptNode(picture));
  }, [drawn]);
  if (!on) return null;
  const g = graph.value;
  const v = view.value;
  const s = shown.value;
  const times = g ? `${new Date(g.window.start).toLocaleString("en-GB")} to ${new Date(g.window.end).toLocaleTimeString("en-GB")}` : "";
  return (
    <div class="paper">
      <p>
        {times} · {plural(s.nodes.length, "node")}, {plural(s.edges.length, "edge")}, one node for each {v.level}
        {v.filter ? ` · filter: ${v.filter}` : ""}
        {v.problems ? " · only problems" : ""}
        {s.edges.length > mostPrinted && !drawn ? ` · the first ${mostPrinted} edges are printed` : ""}
      </p>
      {drawn && <div ref={place} />}
    </div>
  );
}
