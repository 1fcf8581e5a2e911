// The table: the same edges as the map, one row each. Only rows in sight are in the
// page, so that twenty thousand of them scroll.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { endsOf, type GraphEdge } from "../data/types";
import * as f from "../model/format";
import { columns, frozen, freeze, recent, rows } from "../model/rows";
import { endName, nameOfPort, protocolNames, sentence } from "../model/sentence";
import { edgesForMap, nameOf, shown } from "../model/shown";
import { go, printing, select, view } from "../model/state";
import { updates } from "../data/feed";
import { Icon } from "./icon";
import { mostPrinted } from "./paper";

const rowHeight = 30;
const top = signal(0);
const height = signal(600);
export const rowCursor = signal<string | null>(null);

function sortBy(key: string): void {
  const old = view.value.sort;
  const text = key === "client" || key === "server" || key === "protocol";
  const first = text ? key : "-" + key;
  const other = text ? "-" + key : key;
  frozen.value = null;
  go({ sort: old === first ? other : first });
}

/** Moves the cursor of the table; true if the key was for it. */
export function moveRow(key: string): boolean {
  const list = rows.value;
  if (list.length === 0) return false;
  const i = list.findIndex((e) => e.id === (rowCursor.value ?? view.value.selected[0]));
  const page = Math.max(1, Math.floor(height.value / rowHeight) - 2);
  const next = { ArrowDown: i + 1, j: i + 1, ArrowUp: i - 1, k: i - 1, Home: 0, g: 0, End: list.length - 1, G: list.length - 1, PageDown: i + page, PageUp: i - page }[key];
  if (next === undefined) return false;
  const to = Math.max(0, Math.min(list.length - 1, next));
  rowCursor.value = list[to]!.id;
  const view_ = document.querySelector(".rows-view");
  if (view_) {
    if (to * rowHeight < view_.scrollTop) view_.scrollTop = to * rowHeight;
    else if ((to + 2) * rowHeight > view_.scrollTop + height.value - 34) view_.scrollTop = (to + 2) * rowHeight - height.value + 34;
  }
  return true;
}

function Spark({ id }: { id: string }) {
  const list = recent.get(id);
  if (!list || list.length < 2) return <span class="spark" />;
  const most = Math.max(...list, 1);
  const step = 60 / 59;
  const x0 = 60 - (list.length - 1) * step;
  const d = list.map((v, i) => `${i ? "L" : "M"}${(x0 + i * step).toFixed(1)} ${(15 - (13 * v) / most).toFixed(1)}`).join("");
  return (
    <svg class="spark" width="60" height="16" viewBox="0 0 60 16" aria-hidden="true">
      <path d={d} />
    </svg>
  );
}

function End({ e, at }: { e: GraphEdge; at: 0 | 1 }) {
  const id = endsOf(e)[at];
  const n = nameOf(id);
  const q = at === 0 ? (e.quality?.client ?? e.quality?.first) : (e.quality?.server ?? e.quality?.second);
  return (
    <>
      <b>{endName(nameOf, id, q)}</b>
      {n?.processes && n.processes > 1 ? <span class="times">×{n.processes}</span> : null}
      <span class="place">{n?.place ?? ""}</span>
    </>
  );
}

function Row({ e, index }: { e: GraphEdge; index: number }) {
  const chosen = view.value.selected.includes(e.id);
  const change = shown.value.changes.get(e.id);
  return (
    <tr
      id={"row-" + e.id}
      class={[chosen ? "chosen" : "", rowCursor.value === e.id ? "cursor" : "", change ?? ""].join(" ").trim()}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      onClick={(ev) => {
        rowCursor.value = e.id;
        select(e.id, ev.shiftKey);
      }}
    >
      <td>
        <span class={"dot " + (e.health ?? "idle")} title={(e.reasons ?? []).join("; ") || (e.health ?? "")}>
          <span class="hidden-list">{e.health ?? "not known"}</span>
        </span>
      </td>
      <td class="name">
        <End e={e} at={0} />
      </td>
      <td class="name">
        <span class="arrow" aria-hidden="true">
          {e.client ? "→" : "↔"}
        </span>
        <End e={e} at={1} />
      </td>
      <td class="port c-port" title={e.path ?? ""}>
        {nameOfPort(e)}
      </td>
      <td class="protocol c-protocol">
        {e.tls && <Icon name="lock" size={12} />}
        {protocolNames(e) || <span class="muted">{e.transport}</span>}
      </td>
      <td class="n c-bytes">{f.rate((e.tx ?? e.rx) === undefined ? undefined : (e.tx ?? 0) + (e.rx ?? 0))}</td>
      <td class="n c-tx">{f.rate(e.tx)}</td>
      <td class="n c-rx">{f.rate(e.rx)}</td>
      <td class="n c-rtt">{f.duration(e.rtt?.p95 ?? e.rtt?.mean)}</td>
      <td class="n c-active">{f.count(e.active)}</td>
      <td class="n c-opened">{e.opened ? f.perSecond(e.opened) : f.unknown}</td>
      <td class={e.failed ? "n failing c-failed" : "n c-failed"}>{e.failed ? "✕ " + f.perSecond(e.failed) : f.unknown}</td>
      <td class="c-spark">
        <Spark id={e.id} />
      </td>
    </tr>
  );
}

export function TableView() {
  const scroller = useRef<HTMLDivElement>(null);
  updates.value; // the little curves grow with every update
  useEffect(() => {
    const e = scroller.current!;
    const r = new ResizeObserver(() => (height.value = e.clientHeight));
    r.observe(e);
    height.value = e.clientHeight;
    top.value = e.scrollTop;
    return () => r.disconnect();
  }, []);
  const list = rows.value;
  const whole = printing.value;
  const first = whole ? 0 : Math.max(0, Math.floor(top.value / rowHeight) - 8);
  const last = Math.min(list.length, whole ? mostPrinted : Math.ceil((top.value + height.value) / rowHeight) + 8);
  const forced = view.value.view === "map";
  const sort = view.value.sort;
  return (
    <div class="table">
      {forced && (
        <p class="note" role="status">
          {f.count(list.length)} edges are too many for a map people can read (more than {edgesForMap}): this is the table.{" "}
          <button class="text" onClick={() => go({ force: true })}>
            draw the map all the same <kbd>g</kbd>
          </button>
        </p>
      )}
      <div
        class="rows-view"
        ref={scroller}
        tabIndex={0}
        aria-label="Edges"
        role="region"
        onScroll={(e) => (top.value = e.currentTarget.scrollTop)}
        onKeyDown={(e) => {
          if (e.ctrlKey || e.metaKey || e.altKey) return;
          if (moveRow(e.key) || (e.key === "Enter" && rowCursor.value && (select(rowCursor.value), true))) {
            e.preventDefault();
            e.stopPropagation();
          }
        }}
      >
        <table aria-rowcount={list.length + 1}>
          <thead>
            <tr aria-rowindex={1}>
              {columns.map((c) => {
                const on = sort.replace(/^-/, "") === c.key;
                return (
                  <th key={c.key} scope="col" class={(c.number && c.key !== "health" && c.key !== "port" ? "n c-" : "c-") + c.key} aria-sort={on ? (sort.startsWith("-") ? "descending" : "ascending") : "none"}>
                    <button onClick={() => sortBy(c.key)} aria-label={c.key === "health" ? "Health" : undefined}>
                      {c.key === "health" ? "●" : c.name}
                      <i>{on ? (sort.startsWith("-") ? "↓" : "↑") : ""}</i>
                    </button>
                  </th>
                );
              })}
              <th scope="col" class="c-spark">
                <button aria-pressed={!!frozen.value} title="Freeze the order (z)" onClick={freeze}>
                  {frozen.value ? "frozen" : "recent"}
                </button>
              </th>
            </tr>
          </thead>
          <tbody>
            {first > 0 && (
              <tr aria-hidden="true">
                <td colSpan={13} style={{ height: `${first * rowHeight}px`, padding: 0 }} />
              </tr>
            )}
            {list.slice(first, last).map((e, i) => (
              <Row key={e.id} e={e} index={first + i} />
            ))}
            {last < list.length && !whole && (
              <tr aria-hidden="true">
                <td colSpan={13} style={{ height: `${(list.length - last) * rowHeight}px`, padding: 0 }} />
              </tr>
            )}
          </tbody>
        </table>
      </div>
      <p class="hidden-list" aria-live="polite">
        {rowCursor.value ? describe(rowCursor.value) : ""}
      </p>
    </div>
  );
}

function describe(id: string): string {
  const e = rows.value.find((x) => x.id === id);
  return e ? (e.sentence ?? sentence(e, nameOf)) : "";
}
