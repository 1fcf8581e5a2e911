// The map on the canvas: keeps Cytoscape's elements as the scene says, without ever
// moving what a person did not move.

import cytoscape, { type Core, type EventObject, type NodeSingular } from "cytoscape";
import { boxPrefix, type Item, type Scene } from "./elements";
import { along, bounds, type Point } from "./geometry";
import { stylesheet } from "./style";
import type { Theme } from "./theme";

/** How long what is gone stays, faded, where it was. */
const lingering = 30_000;

/** Below this width, in CSS pixels, the map is not shown smaller than can be read. */
const narrow = 600;
const readable = 0.6;

export interface Events {
  hover(id: string | null, at?: { x: number; y: number }): void;
  tap(id: string | null, more: boolean): void;
  open(id: string): void;
  moved(places: Record<string, [number, number]>): void;
  viewport(): void;
}

export class Canvas {
  readonly cy: Core;
  scene: Scene = { items: [], at: new Map(), boxes: new Map(), curves: new Map(), plain: false };
  private gone = new Map<string, number>();
  private detail = "";
  private fitted = false;
  private key = "";
  private dimmed = false;

  constructor(container: HTMLElement, private on: Events) {
    this.cy = cytoscape({
      container,
      layout: { name: "preset" },
      minZoom: 0.08,
      maxZoom: 3,
      selectionType: "single",
      boxSelectionEnabled: false,
      autounselectify: true,
      pixelRatio: Math.min(2, devicePixelRatio || 1),
      hideEdgesOnViewport: false,
      textureOnViewport: false,
    });
    this.listen();
  }

  private listen(): void {
    const { cy, on } = this;
    cy.on("mouseover", "node, edge", (e: EventObject) => on.hover(e.target.hasClass("box") ? null : e.target.id(), e.renderedPosition));
    cy.on("mouseout", "node, edge", () => on.hover(null));
    // Who leaves the canvas in one leap is not told of as leaving a node.
    cy.container()!.addEventListener("pointerleave", () => on.hover(null));
    cy.on("tap", (e: EventObject) => {
      const shift = (e.originalEvent as MouseEvent | undefined)?.shiftKey ?? false;
      if (e.target === cy || e.target.hasClass("box")) on.tap(null, shift);
      else on.tap(e.target.id(), shift);
    });
    cy.on("dbltap", "node", (e: EventObject) => on.open(e.target.id()));
    cy.on("dragfree", "node", (e: EventObject) => {
      const n = e.target as NodeSingular;
      if (n.hasClass("box")) return;
      const p = n.position();
      on.moved({ [n.id()]: [Math.round(p.x), Math.round(p.y)] });
    });
    cy.on("pan zoom resize", () => {
      this.setDetail();
      on.viewport();
    });
  }

  restyle(t: Theme, calm: boolean): void {
    this.cy.style(stylesheet(t, calm));
  }

  /** Shows a scene. Where the question changed, what is not in it goes at once; else it fades where it is. */
  show(s: Scene, key: string, now: number): void {
    const fresh = key !== this.key;
    this.key = key;
    this.scene = s;
    const { cy } = this;
    const wanted = new Set(s.items.map((i) => i.data.id));
    // While a large map is dragged or zoomed its last picture is, which costs nothing.
    const renderer = (cy as unknown as { renderer(): { textureOnViewport: boolean } }).renderer();
    renderer.textureOnViewport = s.plain;
    cy.batch(() => {
      if (fresh) this.gone.clear();
      cy.elements().forEach((e) => {
        const id = e.id();
        if (wanted.has(id)) return;
        if (fresh || e.hasClass("box")) {
          e.remove();
          return;
        }
        if (!this.gone.has(id)) {
          this.gone.set(id, now);
          e.addClass("gone");
        } else if (now - this.gone.get(id)! > lingering) {
          this.gone.delete(id);
          e.remove();
        }
      });
      // Nodes first: an edge needs its ends. All at once, as each call costs as much as what it adds.
      const added: cytoscape.ElementDefinition[] = [];
      for (const group of ["nodes", "edges"]) {
        for (const i of s.items) {
          if (i.group !== group) continue;
          const d = this.put(i, fresh || s.plain);
          if (d) added.push(d);
        }
      }
      const entering = cy.add(added).filter(".entering");
      if (entering.nonempty()) requestAnimationFrame(() => entering.removeClass("entering"));
    });
    this.setDetail();
    if (!this.fitted && s.at.size > 0) {
      this.fitted = true;
      this.fit();
    }
  }

  /** Brings what is there up to date, or says what to add. */
  private put(i: Item, quick: boolean): cytoscape.ElementDefinition | null {
    const { cy } = this;
    const old = cy.getElementById(i.data.id);
    if (old.empty()) {
      this.makeRoom(i);
      const entering = !quick && !i.classes.includes("box");
      return {
        group: i.group,
        data: i.data,
        ...(i.position ? { position: { ...i.position } } : {}),
        classes: [...i.classes, ...(entering ? ["entering"] : []), ...(i.group === "nodes" ? [(i.classes.includes("box") ? "box-" : "") + this.detail] : [])].join(" "),
        ...(i.classes.includes("box") ? { grabbable: false, selectable: false, pannable: true } : {}),
      } as cytoscape.ElementDefinition;
    }
    this.gone.delete(i.data.id);
    if (i.group === "edges" && (old.data("source") !== i.data["source"] || old.data("target") !== i.data["target"])) {
      old.remove();
      return this.put(i, true);
    }
    const changed: Record<string, unknown> = {};
    let any = false;
    for (const [k, v] of Object.entries(i.data)) {
      if (k === "id" || k === "source" || k === "target" || same(old.data(k), v)) continue;
      changed[k] = v;
      any = true;
    }
    if (any) old.data(changed);
    for (const c of ["new", "gone", "ended", "loop", "bent", "plain", "loud"]) {
      const on = i.classes.includes(c);
      if (old.hasClass(c) !== on) old.toggleClass(c, on);
    }
    if (i.position && !(old as NodeSingular).grabbed()) {
      const p = (old as NodeSingular).position();
      if (p.x !== i.position.x || p.y !== i.position.y) (old as NodeSingular).position(i.position);
    }
    return null;
  }

  /** What is gone must not lie under what is new. */
  private makeRoom(i: Item): void {
    if (this.gone.size === 0 || !i.position) return;
    for (const id of [...this.gone.keys()]) {
      const old = this.cy.getElementById(id);
      if (!old.isNode()) continue;
      const p = (old as NodeSingular).position();
      if (Math.abs(p.x - i.position.x) > 20 || Math.abs(p.y - i.position.y) > 20) continue;
      this.gone.delete(id);
      old.remove();
    }
  }

  /** How much is drawn of a node depends on how large it is on the screen. */
  private setDetail(): void {
    const z = this.cy.zoom();
    const d = z < 0.22 ? "shape" : z < 0.4 ? "short" : z < 0.6 ? "name" : "card";
    if (d === this.detail) return;
    this.detail = d;
    this.cy.batch(() => {
      const nodes = this.cy.nodes().not(".box");
      nodes.removeClass("card name short shape");
      nodes.addClass(d);
      this.cy.nodes(".box").removeClass("box-card box-name box-short box-shape").addClass("box-" + d);
    });
  }

  fit(): void {
    const b = bounds([...this.scene.at.values(), ...this.scene.boxes.values()]);
    if (!b) return;
    const { cy } = this;
    // Below is the legend, above are the marks of what is not perfect.
    const pad = { side: 24, top: 44, bottom: 84 };
    const w = cy.width();
    const h = cy.height();
    if (w === 0 || h === 0) {
      this.fitted = false;
      return;
    }
    const zoom = Math.max(cy.minZoom(), Math.min(1, (w - 2 * pad.side) / (b.right - b.left), (h - pad.top - pad.bottom) / (b.bottom - b.top)));
    // On a telephone all of it could not be read: it begins where callers are.
    if (w < narrow && zoom < readable) {
      const tall = readable * (b.bottom - b.top) > h - pad.top - pad.bottom;
      cy.viewport({ zoom: readable, pan: { x: pad.side - readable * b.left, y: tall ? pad.top - readable * b.top : (h - readable * (b.top + b.bottom)) / 2 } });
      return;
    }
    cy.viewport({ zoom, pan: { x: w / 2 - (zoom * (b.left + b.right)) / 2, y: (h + pad.top - pad.bottom) / 2 - (zoom * (b.top + b.bottom)) / 2 } });
  }

  /** Brings a node, or an edge with both its ends, into sight if it is not, without changing the zoom. */
  reveal(id: string): void {
    const whole = this.extentOf(id);
    if (!whole) return;
    const { cy } = this;
    const z = cy.zoom();
    const pan = cy.pan();
    // On a narrow page the drawer lies over the map.
    const stage = cy.container()!.getBoundingClientRect();
    const drawer = document.querySelector(".drawer")?.getBoundingClientRect();
    const w = drawer ? Math.min(stage.right, drawer.left) - stage.left : stage.width;
    const h = stage.height;
    const dx = into(whole.left * z + pan.x, whole.right * z + pan.x, w);
    const dy = into(whole.top * z + pan.y, whole.bottom * z + pan.y, h);
    if (dx || dy) cy.panBy({ x: dx, y: dy });
  }

  private extentOf(id: string): ReturnType<typeof bounds> {
    const { at, curves } = this.scene;
    const node = at.get(id);
    if (node) return bounds([node]);
    const c = curves.get(id);
    const e = this.cy.getElementById(id);
    const ends = e.nonempty() && e.isEdge() ? [at.get(e.data("source")), at.get(e.data("target"))].filter((b) => b !== undefined) : [];
    const middle: Point | undefined = c && along(c, 0.5);
    return bounds([...ends, ...(middle ? [{ ...middle, w: 0, h: 0 }] : [])]);
  }

  zoomBy(factor: number): void {
    const { cy } = this;
    cy.zoom({ level: cy.zoom() * factor, renderedPosition: { x: cy.width() / 2, y: cy.height() / 2 } });
  }

  /** Sets a class on exactly these elements. */
  mark(name: string, ids: Set<string> | null): void {
    const { cy } = this;
    cy.batch(() => {
      cy.elements("." + name).forEach((e) => {
        if (!ids?.has(e.id())) e.removeClass(name);
      });
      ids?.forEach((id) => cy.getElementById(id).addClass(name));
    });
  }

  /** Dims all but these; null dims nothing. */
  dim(near: Set<string> | null): void {
    if (near === null && !this.dimmed) return;
    this.dimmed = near !== null;
    this.cy.batch(() => {
      this.cy.elements().forEach((e) => {
        const inside = near !== null && near.has(e.id());
        const far = near !== null && !inside && !e.id().startsWith(boxPrefix);
        if (e.hasClass("far") !== far) e.toggleClass("far", far);
        if (e.hasClass("near") !== inside) e.toggleClass("near", inside);
      });
    });
  }

  stop(): void {
    this.cy.destroy();
  }
}

/** How far to move what reaches from a to b so that it is within a length, with some room; what is too long is centred. */
function into(a: number, b: number, length: number): number {
  const room = 24;
  if (b - a > length - 2 * room) return (length - a - b) / 2;
  return a < room ? room - a : b > length - room ? length - room - b : 0;
}

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => x === b[i]);
}
