// The matrix: clients down, servers across, a cell for each pair that talks. Dense
// where the map would be a hairball.

import { useMemo } from "preact/hooks";
import { signal } from "@preact/signals";
import { endsOf, type GraphEdge, type GraphNode } from "../data/types";
import { edgeToken, edgeWidth, traffic, worse, type Token } from "../model/encode";
import { now } from "../data/feed";
import * as f from "../model/format";
import { colour, hovered, select, view } from "../model/state";
import { nameOf, shown } from "../model/shown";
import { sentence } from "../model/sentence";

const most = 80;
const at = signal<[number, number]>([0, 0]);

interface Cell {
  edges: GraphEdge[];
  bytes: number;
  token: Token;
}

/** Rows and columns by traffic at first sight, then in a place that they keep. */
const kept = { rows: new Map<string, number>(), columns: new Map<string, number>(), level: "" };

function ordered(ids: Map<string, number>, places: Map<string, number>): string[] {
  const fresh = [...ids.keys()].filter((id) => !places.has(id)).sort((a, b) => ids.get(b)! - ids.get(a)! || (a < b ? -1 : 1));
  for (const id of fresh) places.set(id, places.size);
  return [...ids.keys()].sort((a, b) => places.get(a)! - places.get(b)!);
}

function layout(edges: GraphEdge[], by: typeof colour.value): { rows: string[]; columns: string[]; cells: Map<string, Cell> } {
  if (kept.level !== view.value.level) {
    kept.rows.clear();
    kept.columns.clear();
    kept.level = view.value.level;
  }
  const rows = new Map<string, number>();
  const columns = new Map<string, number>();
  const cells = new Map<string, Cell>();
  for (const e of edges) {
    const [a, b] = endsOf(e);
    const n = traffic(e);
    rows.set(a, (rows.get(a) ?? 0) + n);
    columns.set(b, (columns.get(b) ?? 0) + n);
    const k = a + "\n" + b;
    const c = cells.get(k);
    const token = edgeToken(e, by, now());
    if (!c) cells.set(k, { edges: [e], bytes: n, token });
    else {
      c.edges.push(e);
      c.bytes += n;
      if (by === "health") c.token = (worse(c.token as never, e.health) as Token | undefined) ?? c.token;
    }
  }
  return { rows: ordered(rows, kept.rows), columns: ordered(columns, kept.columns), cells };
}

function short(n: GraphNode | undefined, id: string): string {
  return n?.name ?? id;
}

export function MatrixView() {
  const s = shown.value;
  const by = colour.value;
  const m = useMemo(() => layout(s.edges, by), [s, by]);
  const rows = m.rows.slice(0, most);
  const columns = m.columns.slice(0, most);
  const move = (e: KeyboardEvent) => {
    const [r, c] = at.value;
    const next = ({ ArrowUp: [r - 1, c], ArrowDown: [r + 1, c], ArrowLeft: [r, c - 1], ArrowRight: [r, c + 1] } as Record<string, [number, number]>)[e.key];
    if (!next) return;
    at.value = [Math.max(0, Math.min(rows.length - 1, next[0])), Math.max(0, Math.min(columns.length - 1, next[1]))];
    const cell = document.getElementById(`cell-${at.value[0]}-${at.value[1]}`);
    cell?.focus();
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="matrix" tabIndex={0} role="region" aria-label="Matrix of clients and servers">
      {(m.rows.length > most || m.columns.length > most) && (
        <p class="note">
          The first {most} of {m.rows.length} clients and {m.columns.length} servers by traffic. The table has all.
        </p>
      )}
      <table onKeyDown={move}>
        <thead>
          <tr>
            <th class="corner">
              <span>client ↓</span>
              <span>server →</span>
            </th>
            {columns.map((id) => (
              <th key={id} scope="col" class={hovered.value === id ? "column near" : "column"}>
                <button class="text" onClick={() => select(id)} title={short(nameOf(id), id)}>
                  <span>{short(nameOf(id), id)}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((a, i) => (
            <tr key={a}>
              <th scope="row">
                <button class="text" onClick={() => select(a)} title={short(nameOf(a), a)}>
                  <b>{short(nameOf(a), a)}</b> <span>{nameOf(a)?.place ?? ""}</span>
                </button>
              </th>
              {columns.map((b, j) => {
                const c = m.cells.get(a + "\n" + b);
                const here = at.value[0] === i && at.value[1] === j;
                if (!c) {
                  return (
                    <td key={b}>
                      <span id={`cell-${i}-${j}`} tabIndex={here ? 0 : -1} class="none" onFocus={() => (at.value = [i, j])} />
                    </td>
                  );
                }
                const first = c.edges[0]!;
                const words = c.edges.length === 1 ? (first.sentence ?? sentence(first, nameOf)) : `${c.edges.length} edges, ${f.rate(c.bytes)}: ${c.edges.map((e) => e.label ?? e.server_port).join(", ")}`;
                return (
                  <td key={b}>
                    <button
                      id={`cell-${i}-${j}`}
                      tabIndex={here ? 0 : -1}
                      class={"cell " + c.token + (c.edges.some((e) => view.value.selected.includes(e.id)) ? " chosen" : "")}
                      style={{ "--size": `${Math.max(6 + edgeWidth(c.bytes) * 2, c.edges.length > 1 || c.edges.some((e) => e.failed) ? 16 : 0)}px` }}
                      title={words}
                      aria-label={words}
                      onFocus={() => (at.value = [i, j])}
                      onMouseEnter={() => (hovered.value = b)}
                      onMouseLeave={() => (hovered.value = null)}
                      onClick={() => select(c.edges.length === 1 ? first.id : a, false)}
                    >
                      {c.edges.some((e) => e.failed) ? "✕" : c.edges.length > 1 ? c.edges.length : ""}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
