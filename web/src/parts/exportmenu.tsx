// What is shown, as a file.

import { useEffect, useRef } from "preact/hooks";
import { dot } from "../export/dot";
import { mermaid } from "../export/mermaid";
import { svg } from "../export/svg";
import { graph } from "../data/feed";
import { readTheme } from "../map/theme";
import { dark, panel, view } from "../model/state";
import { asShown, hostName } from "../model/cover";
import { shown } from "../model/shown";
import { currentScene } from "./map";
import { Icon } from "./icon";

function save(name: string, content: Blob): void {
  const a = document.createElement("a");
  a.href = URL.createObjectURL(content);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

function stem(): string {
  const g = graph.value;
  return `peerscope-${hostName(g, view.value.covered).replace(" ", "-") || "map"}-${(g?.window.end ?? "").replace(/[:.]/g, "").slice(0, 15)}`;
}

function caption(): string {
  const g = graph.value;
  const v = view.value;
  return `${hostName(g, v.covered)} · ${g?.window.start} to ${g?.window.end} · ${v.level}${v.filter ? " · " + v.filter : ""}`;
}

function picture() {
  return svg(shown.value, currentScene(), readTheme(dark.value), view.value.label, caption());
}

function png(): void {
  const p = picture();
  const image = new Image();
  image.onload = () => {
    const scale = Math.min(2, 8000 / Math.max(p.width, p.height));
    const c = document.createElement("canvas");
    c.width = p.width * scale;
    c.height = p.height * scale;
    c.getContext("2d")?.drawImage(image, 0, 0, c.width, c.height);
    c.toBlob((b) => b && save(stem() + ".png", b), "image/png");
  };
  image.src = "data:image/svg+xml;utf8," + encodeURIComponent(p.text);
}

const text = (s: string, type: string) => new Blob([s], { type });

export const formats: { name: string; save: () => void }[] = [
  { name: "SVG", save: () => save(stem() + ".svg", text(picture().text, "image/svg+xml")) },
  { name: "PNG", save: png },
  {
    name: "JSON",
    save: () => {
      save(stem() + ".json", text(JSON.stringify(asShown(graph.value, shown.value, view.value.covered), null, 2) + "\n", "application/json"));
    },
  },
  { name: "Mermaid", save: () => save(stem() + ".mmd", text(mermaid(shown.value.nodes, shown.value.edges, shown.value.groups), "text/plain")) },
  { name: "DOT", save: () => save(stem() + ".dot", text(dot(shown.value, readTheme(dark.value)), "text/vnd.graphviz")) },
];

export function ExportMenu() {
  const open = panel.value === "export";
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const away = (e: PointerEvent) => {
      if (panel.value === "export" && !box.current?.contains(e.target as Node)) panel.value = "none";
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, []);
  return (
    <div class="menu" ref={box}>
      <button class="quiet" title="Export what is shown" aria-label="Export what is shown" aria-expanded={open} onClick={() => (panel.value = open ? "none" : "export")}>
        <Icon name="download" />
      </button>
      {open && (
        <ul>
          {formats.map((f) => (
            <li key={f.name}>
              <button
                onClick={() => {
                  panel.value = "none";
                  f.save();
                }}
              >
                {f.name}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
