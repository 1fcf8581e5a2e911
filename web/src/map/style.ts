// How Cytoscape draws the elements. What differs by element is in its data; classes
// say states: near, far, gone, chosen, and how much detail there is room for.

import type { StylesheetJson } from "cytoscape";
import { cardImage, plain } from "./card";
import { barInset } from "./elements";
import type { Theme } from "./theme";

/** Longer dashes for thicker lines, so that they stay dashes; dots are round and as far apart as they are thick. */
export function dashes(line: string, width: number): number[] {
  if (line === "dotted") return [0.1, 2.2 * width + 2];
  return [Math.max(7, 2.4 * width), Math.max(4, 1.2 * width)];
}

export function stylesheet(t: Theme, calm: boolean): StylesheetJson {
  const bar = plain(t.colour.ok);
  const fade = calm ? 0 : 150;
  return [
    {
      selector: "node",
      style: {
        shape: "data(shape)" as never,
        width: "data(w)",
        height: "data(h)",
        "corner-radius": "8px",
        "background-color": t.card,
        "background-opacity": 1,
        "border-width": "data(border)" as never,
        "border-color": "data(colour)",
        "border-style": "data(line)" as never,
        "transition-property": "opacity",
        "transition-duration": fade,
        "overlay-opacity": 0,
        "outline-width": 0,
        "z-index-compare": "manual",
        "z-index": 10,
        label: "",
        "font-family": t.font,
        "min-zoomed-font-size": 5,
      },
    },
    {
      selector: "node.card",
      style: {
        "background-image": ((e: { data(k: string): string }) => [cardImage(e.data("image")), bar]) as never,
        "background-width": ((e: { data(k: string): string }) => ["100%", e.data("share")]) as never,
        "background-height": ["100%", "3px"] as never,
        "background-position-x": ["0%", barInset + "px"] as never,
        "background-position-y": ((e: { data(k: string): number }) => ["0%", e.data("h") - 6 + "px"]) as never,
        "background-fit": ["none", "none"] as never,
        "background-clip": ["none", "node"] as never,
        "background-image-containment": ["over", "inside"] as never,
        "background-image-smoothing": ["yes", "no"] as never,
      },
    },
    // Of a map that is far away there is only where nodes are, and which are not well.
    { selector: "node.shape", style: { "background-color": "data(fill)" } },
    {
      selector: "node.name, node.short",
      style: {
        label: "data(name)",
        "text-valign": "center",
        "text-halign": "center",
        "font-size": 20,
        "font-weight": 600,
        color: t.text,
        "text-max-width": "data(textWidth)" as never,
        "text-wrap": "ellipsis",
      },
    },
    { selector: "node.short", style: { "font-size": 30 } },
    {
      selector: "node.box",
      style: {
        shape: "round-rectangle",
        "background-color": t.box,
        "background-opacity": 1,
        "border-width": 1,
        "border-color": t.boxLine,
        "border-style": "solid",
        label: "data(name)",
        "text-valign": "top",
        "text-halign": "center",
        "text-margin-y": 22,
        "font-size": 12,
        "font-weight": 600,
        color: t.muted,
        "text-max-width": "data(textWidth)" as never,
        "text-wrap": "ellipsis",
        "z-index": 0,
      },
    },
    // Smaller on the screen, larger on the map, so that it can be read.
    { selector: "node.box-name", style: { "font-size": 20, "text-margin-y": 26 } },
    { selector: "node.box-short, node.box-shape", style: { "font-size": 27, "text-margin-y": 31 } },
    {
      selector: "edge",
      style: {
        "curve-style": "haystack",
        "haystack-radius": 0,
        width: "data(width)",
        "line-color": "data(colour)",
        "line-opacity": "data(opacity)" as never,
        "overlay-opacity": 0,
        "z-index-compare": "manual",
        "z-index": 5,
      },
    },
    {
      selector: "edge.bent, edge.loop",
      style: {
        "line-style": "data(line)" as never,
        "line-cap": ((e: { data(k: string): string }) => (e.data("line") === "dotted" ? "round" : "butt")) as never,
        "line-dash-pattern": ((e: { data(k: string): never }) => dashes(e.data("line"), e.data("width"))) as never,
        "target-arrow-shape": "data(arrow)" as never,
        "target-arrow-color": "data(colour)",
        "source-arrow-shape": "none",
        "arrow-scale": "data(arrowScale)" as never,
        "transition-property": "opacity",
        "transition-duration": fade,
      },
    },
    {
      selector: "edge.bent",
      style: {
        "curve-style": "unbundled-bezier",
        "edge-distances": "endpoints",
        "source-endpoint": "data(from)" as never,
        "target-endpoint": "data(to)" as never,
        "control-point-distances": ((e: { data(k: string): number[] }) => e.data("distances")) as never,
        "control-point-weights": ((e: { data(k: string): number[] }) => e.data("weights")) as never,
      },
    },
    { selector: "edge.loop", style: { "curve-style": "bezier", "loop-direction": "0deg", "loop-sweep": "60deg", "control-point-step-size": 46, "source-endpoint": "outside-to-node", "target-endpoint": "outside-to-node", "edge-distances": "intersection" } },
    { selector: "edge.plain", style: { "z-index": 1 } },
    { selector: "edge.plain.loud", style: { "z-index": 6 } },
    { selector: "node.ended", style: { opacity: 0.6 } },
    { selector: ".gone", style: { opacity: 0.35 } },
    { selector: "edge.gone", style: { "line-style": "dotted" } },
    { selector: ".entering", style: { opacity: 0 } },
    { selector: "node.new", style: { "outline-width": 2, "outline-color": t.colour.accent, "outline-offset": 3, "outline-opacity": 0.9 } },
    { selector: ".far", style: { opacity: 0.25 } },
    { selector: "edge.near", style: { "z-index": 20, "line-opacity": 1 } },
    { selector: "node.near", style: { "z-index": 21 } },
    { selector: "node.chosen", style: { "outline-width": 3, "outline-color": t.colour.accent, "outline-offset": 2, "outline-opacity": 1, "z-index": 30 } },
    { selector: "edge.chosen", style: { "underlay-color": t.colour.accent, "underlay-opacity": 0.35, "underlay-padding": 5, "z-index": 29 } },
    { selector: "node.focus", style: { "outline-width": 2, "outline-color": t.text, "outline-offset": 5, "outline-opacity": 1, "outline-style": "dashed" } },
    { selector: "edge.way", style: { "underlay-color": t.colour.accent, "underlay-opacity": 0.5, "underlay-padding": 4 } },
  ] as unknown as StylesheetJson;
}
