// The whole map in a corner, with what is in sight as a frame; a click goes there.

import type { Canvas } from "./canvas";
import { bounds } from "./geometry";
import type { Theme } from "./theme";

export class Minimap {
  private asked = 0;
  private width = 0;
  private height = 0;
  theme: Theme | null = null;

  constructor(private element: HTMLCanvasElement, private canvas: Canvas) {
    const go = (e: PointerEvent) => {
      if (e.buttons !== 1) return;
      const f = this.frame();
      if (!f) return;
      const r = element.getBoundingClientRect();
      const x = (e.clientX - r.left - f.x) / f.scale;
      const y = (e.clientY - r.top - f.y) / f.scale;
      const { cy } = canvas;
      cy.pan({ x: cy.width() / 2 - x * cy.zoom(), y: cy.height() / 2 - y * cy.zoom() });
    };
    // Asking an element for its size in every frame would lay out the page in every frame.
    new ResizeObserver(() => {
      this.width = element.clientWidth;
      this.height = element.clientHeight;
      this.draw();
    }).observe(element);
    element.addEventListener("pointerdown", go);
    element.addEventListener("pointermove", go);
  }

  /** How the map's coordinates become those of the minimap. */
  private frame(): { scale: number; x: number; y: number } | null {
    const { scene } = this.canvas;
    const b = bounds([...scene.at.values(), ...scene.boxes.values()]);
    if (!b) return null;
    const { width: w, height: h } = this;
    const scale = Math.min((w - 12) / (b.right - b.left), (h - 12) / (b.bottom - b.top));
    return { scale, x: w / 2 - (scale * (b.left + b.right)) / 2, y: h / 2 - (scale * (b.top + b.bottom)) / 2 };
  }

  draw(): void {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawNow();
    });
  }

  private drawNow(): void {
    const { element, canvas, theme } = this;
    const { cy, scene } = canvas;
    const { width: w, height: h } = this;
    // What is wholly in sight needs no second picture.
    const b = bounds([...scene.at.values(), ...scene.boxes.values()]);
    const e = cy.extent();
    const whole = !b || (e.x1 <= b.left && e.x2 >= b.right && e.y1 <= b.top && e.y2 >= b.bottom);
    element.parentElement?.classList.toggle("whole", whole);
    if (whole || !theme || w === 0) return;
    const f = this.frame();
    const ctx = element.getContext("2d");
    if (!f || !ctx) return;
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (element.width !== w * ratio) {
      element.width = w * ratio;
      element.height = h * ratio;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, w, h);
    ctx.fillStyle = theme.box;
    ctx.strokeStyle = theme.boxLine;
    for (const b of scene.boxes.values()) {
      const r = [f.x + (b.x - b.w / 2) * f.scale, f.y + (b.y - b.h / 2) * f.scale, b.w * f.scale, b.h * f.scale] as const;
      ctx.fillRect(...r);
      ctx.strokeRect(...r);
    }
    for (const i of scene.items) {
      if (i.group !== "nodes" || i.classes.includes("box")) continue;
      const p = scene.at.get(i.data.id);
      if (!p) continue;
      ctx.fillStyle = i.data["border"] === 1 ? theme.muted : (i.data["colour"] as string);
      ctx.fillRect(f.x + (p.x - p.w / 2) * f.scale, f.y + (p.y - p.h / 2) * f.scale, Math.max(2, p.w * f.scale), Math.max(1.5, p.h * f.scale));
    }
    ctx.strokeStyle = theme.colour.accent;
    ctx.lineWidth = 1.5;
    ctx.strokeRect(f.x + e.x1 * f.scale, f.y + e.y1 * f.scale, (e.x2 - e.x1) * f.scale, (e.y2 - e.y1) * f.scale);
  }
}
