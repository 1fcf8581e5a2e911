// The map: the canvas, the words over it, its buttons and its legend.

import { useEffect, useRef } from "preact/hooks";
import { effect, signal } from "@preact/signals";
import { now, shownKey } from "../data/feed";
import { Canvas } from "../map/canvas";
import { scene, type Scene } from "../map/elements";
import { Labels } from "../map/labels";
import { Minimap } from "../map/minimap";
import { readTheme } from "../map/theme";
import { foldedPrefix } from "../model/fold";
import { calm, dark, go, hovered, select, sought, view } from "../model/state";
import { edgesById, having, neighbourhood, nodesById, nameOf, shown } from "../model/shown";
import { nodeSentence, sentence } from "../model/sentence";
import { ways } from "../model/ways";
import { walk } from "../model/walk";
import { Legend } from "./legend";
import { Icon } from "./icon";

/** The canvas that is on the page, for keys and exports. */
export const canvas = signal<Canvas | null>(null);
/** The node or edge that the keyboard is at. */
export const cursor = signal<string | null>(null);
const tip = signal<{ x: number; y: number; text: string; reasons: string[] } | null>(null);

export function currentScene(): Scene {
  return scene(shown.value, view.value, readTheme(dark.value), now());
}

function start(stage: HTMLElement, layer: HTMLElement, mini: HTMLCanvasElement): () => void {
  let point = { x: 0, y: 0 };
  const c = new Canvas(stage, {
    hover: (id, at) => {
      hovered.value = id;
      if (at) point = at;
      tip.value = id ? tipOf(id, point) : null;
    },
    tap: (id, more) => {
      cursor.value = id;
      select(id, more);
    },
    open: (id) => {
      if (id.startsWith(foldedPrefix)) go({ folded: view.value.folded.filter((f) => foldedPrefix + f !== id), selected: [] });
      else if (nodesById.value.get(id)?.kind === "bundle") go({ limit: view.value.limit * 4 });
      else go({ selected: [id], hops: view.value.hops > 0 ? 0 : 1 });
    },
    moved: (places) => go({ pins: { ...view.value.pins, ...places } }, "replace"),
    viewport: () => {
      labels.place();
      minimap.draw();
      tip.value = null;
    },
  });
  const labels = new Labels(layer, c);
  const minimap = new Minimap(mini, c);
  const stops = [
    effect(() => {
      const t = readTheme(dark.value);
      minimap.theme = t;
      c.restyle(t, calm.value);
    }),
    effect(() => {
      const s = shown.value;
      const { pins, colour, label } = view.value;
      c.show(scene(s, { pins, colour }, readTheme(dark.value), now()), shownKey.value, Date.now());
      labels.set(s.edges, label);
      minimap.draw();
    }),
    effect(() => {
      shown.value; // what was just added gets its marks too
      const { selected } = view.value;
      c.mark("chosen", new Set(selected));
      c.mark("focus", cursor.value && document.activeElement === stage.parentElement ? new Set([cursor.value]) : null);
      const way = ways.value;
      c.mark("way", way);
      const h = hovered.value;
      const found = having(sought.value, shown.value);
      const near = h ? neighbourhood(h, shown.value.edges) : (found ?? way);
      const some = near && (near.size > 1 || near === found) ? near : null;
      c.dim(some);
      labels.dim(some);
    }),
  ];
  // The drawer takes room: what was chosen must stay in sight beside it.
  const resize = new ResizeObserver(() => {
    c.cy.resize();
    const id = view.peek().selected.at(-1);
    if (id) c.reveal(id);
  });
  resize.observe(stage);
  let revealed = "";
  const reveal = effect(() => {
    const id = view.value.selected.at(-1) ?? "";
    if (id === revealed || (id !== "" && !nodesById.value.has(id) && !edgesById.value.has(id))) return;
    revealed = id;
    if (id) requestAnimationFrame(() => c.reveal(id));
  });
  canvas.value = c;
  return () => {
    stops.forEach((s) => s());
    reveal();
    resize.disconnect();
    canvas.value = null;
    c.stop();
  };
}

function tipOf(id: string, at: { x: number; y: number }): { x: number; y: number; text: string; reasons: string[] } | null {
  const n = nodesById.value.get(id);
  if (n) return n.sentence ? { ...at, text: n.sentence, reasons: [] } : { ...at, text: nodeSentence(n), reasons: n.reasons ?? [] };
  const e = edgesById.value.get(id);
  return e ? { ...at, text: e.sentence ?? sentence(e, nameOf), reasons: e.reasons ?? [] } : null;
}

function Tip() {
  const t = tip.value;
  if (!t) return null;
  const right = t.x > 420;
  const place = right ? { right: `calc(100% - ${t.x - 14}px)`, top: `${t.y + 14}px` } : { left: `${t.x + 14}px`, top: `${t.y + 14}px` };
  return (
    <div class="tip" style={place} role="presentation">
      {t.text}
      {t.reasons.map((r) => (
        <div class="reason" key={r}>
          {r}
        </div>
      ))}
    </div>
  );
}

function describe(id: string | null): string {
  if (!id) return "";
  const n = nodesById.value.get(id);
  if (n) return n.sentence ?? nodeSentence(n);
  const e = edgesById.value.get(id);
  return e ? (e.sentence ?? sentence(e, nameOf)) : "";
}

export function MapView() {
  const stage = useRef<HTMLDivElement>(null);
  const layer = useRef<HTMLDivElement>(null);
  const mini = useRef<HTMLCanvasElement>(null);
  useEffect(() => start(stage.current!, layer.current!, mini.current!), []);
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.metaKey || e.ctrlKey || e.altKey) return;
    const next = walk(e.key, cursor.value ?? view.value.selected[0] ?? null, canvas.value?.scene);
    if (next !== undefined) {
      cursor.value = next;
      if (next) {
        hovered.value = next;
        canvas.value?.reveal(next);
      }
    } else if (e.key === "Enter" && cursor.value) select(cursor.value, e.shiftKey);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="map">
      <div
        class="stage"
        id="map"
        role="application"
        tabIndex={0}
        aria-label="Map of who talks to whom. Arrow keys walk from node to node, Enter opens, question mark lists all keys."
        aria-describedby="map-cursor"
        onKeyDown={onKeyDown}
        onBlur={() => {
          hovered.value = null;
          canvas.value?.mark("focus", null);
        }}
      >
        <div class="cy" ref={stage} />
      </div>
      <div class="edge-labels" ref={layer} aria-hidden="true" />
      <div id="map-cursor" class="hidden-list" aria-live="polite">
        {describe(cursor.value)}
      </div>
      <Tip />
      <Legend />
      <div class="map-buttons" role="group" aria-label="Map">
        <button title="Zoom in" aria-label="Zoom in" onClick={() => canvas.value?.zoomBy(1.25)}>
          <Icon name="plus" />
        </button>
        <button title="Zoom out" aria-label="Zoom out" onClick={() => canvas.value?.zoomBy(0.8)}>
          <Icon name="minus" />
        </button>
        <button title="Fit (f)" aria-label="Fit all into view" onClick={() => canvas.value?.fit()}>
          <Icon name="fit" />
        </button>
        <button title="Tidy (0): nodes back to the server's places" aria-label="Tidy: nodes back to the server's places" onClick={tidy}>
          <Icon name="tidy" />
        </button>
      </div>
      <div class="minimap">
        <canvas ref={mini} aria-hidden="true" />
      </div>
    </div>
  );
}

/** Lets go of all pins and shows everything; only ever on request. */
export function tidy(): void {
  go({ pins: {} });
  canvas.value?.fit();
}
