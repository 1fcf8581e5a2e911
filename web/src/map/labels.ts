// Words at the middle of edges, as elements over the canvas: sharp at every zoom.
// Those of the largest traffic and of problems come first; one that would cover
// another or a node moves along its edge, or is left out.

import type { GraphEdge } from "../data/types";
import { isProblem, traffic } from "../model/encode";
import * as f from "../model/format";
import { labelText, protocolNames } from "../model/sentence";
import type { Canvas } from "./canvas";
import { widthOf } from "./card";
import { along, type Curve, type Point } from "./geometry";

export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Below this zoom there are no labels, and never more than this many. */
const leastZoom = 0.5;
export const most = 150;
const shares = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8];
const height = 18;

export interface Label {
  id: string;
  text: string;
  protocol: string;
  tls: boolean | undefined;
  failing: boolean;
  warn: boolean;
}

export function labelOf(e: GraphEdge, kind: string): Label {
  return {
    id: e.id,
    text: e.failed && kind !== "none" ? [f.perSecond(e.failed), kind === "failures" ? "" : labelText(e, kind)].filter(Boolean).join(" · ") : labelText(e, kind),
    protocol: protocolNames(e),
    tls: e.tls,
    failing: (e.failed ?? 0) > 0,
    warn: isProblem(e),
  };
}

/** Those of problems first, then those of much traffic. */
export function ordered(edges: GraphEdge[]): GraphEdge[] {
  return [...edges].sort((a, b) => Number(isProblem(b)) - Number(isProblem(a)) || traffic(b) - traffic(a) || (a.id < b.id ? -1 : 1));
}

/** The middle of a label on its edge that covers nothing that is taken, which it then is; null: there is no room. */
export function room(c: Curve, w: number, h: number, taken: Rect[], on: (p: Point) => Point | null = (p) => p): Point | null {
  for (const t of shares) {
    const p = on(along(c, t));
    if (!p) continue;
    const r = { x: p.x - w / 2 - 2, y: p.y - h / 2 - 1, w: w + 4, h: h + 2 };
    if (taken.some((o) => r.x < o.x + o.w && o.x < r.x + r.w && r.y < o.y + o.h && o.y < r.y + r.h)) continue;
    taken.push(r);
    return p;
  }
  return null;
}

export class Labels {
  private pool = new Map<string, { element: HTMLElement; content: string; width: number }>();
  private edges: GraphEdge[] = [];
  private kind = "rate";
  private asked = 0;
  private only: Set<string> | null = null;
  private font = getComputedStyle(document.body).fontFamily;

  constructor(private layer: HTMLElement, private canvas: Canvas) {}

  set(edges: GraphEdge[], kind: string): void {
    this.edges = ordered(edges);
    this.kind = kind;
    this.place();
  }

  /** Only labels of these edges are in full strength. */
  dim(near: Set<string> | null): void {
    this.only = near;
    for (const [id, l] of this.pool) l.element.classList.toggle("far", near !== null && !near.has(id));
  }

  /** Places the labels at the next frame, once. */
  place(): void {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.placeNow();
    });
  }

  private placeNow(): void {
    const { cy, scene } = this.canvas;
    const zoom = cy.zoom();
    const pan = cy.pan();
    const [width, tall] = [cy.width(), cy.height()];
    const used = new Set<string>();
    const taken: Rect[] = [];
    const inSight = (m: Point) => {
      const [x, y] = [m.x * zoom + pan.x, m.y * zoom + pan.y];
      return x < -80 || y < -20 || x > width + 80 || y > tall + 20 ? null : { x, y };
    };
    if (zoom >= leastZoom) {
      for (const b of scene.at.values()) {
        const r = { x: b.x * zoom + pan.x - (b.w * zoom) / 2, y: b.y * zoom + pan.y - (b.h * zoom) / 2, w: b.w * zoom, h: b.h * zoom };
        if (r.x < width + 80 && r.x + r.w > -80 && r.y < tall + 20 && r.y + r.h > -20) taken.push(r);
      }
      for (const e of this.edges) {
        if (used.size >= most) break;
        const c = scene.curves.get(e.id);
        if (!c || !shares.some((t) => inSight(along(c, t)))) continue;
        const l = labelOf(e, this.kind);
        if (!l.text && !l.protocol && !l.tls && !l.failing) continue;
        let p = room(c, this.widthOf(l), height, taken, inSight);
        // Without room for all of it the protocol gives way, which the drawer and the table have too.
        if (!p && l.protocol && (l.text || l.tls || l.failing)) {
          l.protocol = "";
          p = room(c, this.widthOf(l), height, taken, inSight);
        }
        if (!p && l.text && (l.tls || l.failing)) {
          l.text = "";
          p = room(c, this.widthOf(l), height, taken, inSight);
        }
        if (!p) continue;
        const held = this.element(l);
        used.add(e.id);
        held.element.style.transform = `translate(${Math.round(p.x - held.width / 2)}px, ${Math.round(p.y - height / 2)}px)`;
        held.element.hidden = false;
      }
    }
    const alive = new Set(this.edges.map((e) => e.id));
    for (const [id, l] of this.pool) {
      if (!alive.has(id)) {
        l.element.remove();
        this.pool.delete(id);
      } else if (!used.has(id)) l.element.hidden = true;
    }
  }

  /** Computed, as the page would be laid out once a label if it were asked. */
  private widthOf(l: Label): number {
    const f = this.font;
    const parts = [l.failing ? widthOf("✕", `700 11px ${f}`) : 0, l.tls ? 10 : 0, l.text ? widthOf(l.text, `11px ${f}`) : 0, l.protocol ? widthOf(l.protocol.toUpperCase(), `600 10px ${f}`) : 0].filter((w) => w > 0);
    return parts.reduce((a, b) => a + b, 0) + 4 * (parts.length - 1) + 14;
  }

  private element(l: Label): { element: HTMLElement; width: number } {
    let held = this.pool.get(l.id);
    const content = [l.text, l.protocol, l.tls, l.failing, l.warn].join("\n");
    if (held?.content === content) return held;
    if (!held) {
      const element = document.createElement("div");
      element.className = "edge-label";
      element.classList.toggle("far", this.only !== null && !this.only.has(l.id));
      this.layer.append(element);
      held = { element, content: "", width: 0 };
      this.pool.set(l.id, held);
    }
    held.content = content;
    const { element } = held;
    element.classList.toggle("failing", l.failing);
    element.classList.toggle("warn", l.warn && !l.failing);
    element.replaceChildren();
    if (l.failing) add(element, "cross", "✕");
    if (l.tls) add(element, "lock", "");
    if (l.text) add(element, "value", l.text);
    if (l.protocol) add(element, "protocol", l.protocol);
    held.width = this.widthOf(l);
    return held;
  }
}

function add(parent: HTMLElement, name: string, text: string): void {
  const s = document.createElement("span");
  s.className = name;
  s.textContent = text;
  parent.append(s);
}
