// The edges as rows of a table, in an order that a person chose and can freeze.

import { computed, signal } from "@preact/signals";
import { bytesOf, endsOf, type GraphEdge } from "../data/types";
import { failureShare } from "./encode";
import { endName, protocolNames } from "./sentence";
import { nameOf, shown } from "./shown";
import { view } from "./state";

export interface Column {
  key: string;
  name: string;
  number: boolean;
  value: (e: GraphEdge) => number | string | undefined;
}

const order = ["idle", "ok", "warn", "bad", "error"];

export const columns: Column[] = [
  { key: "health", name: "", number: true, value: (e) => order.indexOf(e.health ?? "idle") },
  { key: "client", name: "Client", number: false, value: (e) => endName(nameOf, endsOf(e)[0]) },
  { key: "server", name: "Server", number: false, value: (e) => endName(nameOf, endsOf(e)[1]) },
  { key: "port", name: "Port", number: true, value: (e) => e.server_port ?? e.path },
  { key: "protocol", name: "Protocol", number: false, value: (e) => protocolNames(e) || undefined },
  { key: "bytes", name: "Both ways", number: true, value: bytesOf },
  { key: "tx", name: "↑ /s", number: true, value: (e) => e.tx },
  { key: "rx", name: "↓ /s", number: true, value: (e) => e.rx },
  { key: "rtt", name: "RTT", number: true, value: (e) => e.rtt?.p95 ?? e.rtt?.mean },
  { key: "active", name: "Open", number: true, value: (e) => e.active },
  { key: "opened", name: "New/s", number: true, value: (e) => e.opened },
  { key: "failed", name: "Failed", number: true, value: (e) => e.failed || (failureShare(e) > 0 ? 1 : undefined) },
];

export const frozen = signal<Map<string, number> | null>(null);

function sorted(edges: GraphEdge[], sort: string): GraphEdge[] {
  const down = sort.startsWith("-");
  const c = columns.find((x) => x.key === sort.replace(/^-/, "")) ?? columns[5]!;
  const sign = down ? -1 : 1;
  return [...edges].sort((a, b) => {
    const [x, y] = [c.value(a), c.value(b)];
    // What is not known comes last, whichever way.
    if (x === undefined || y === undefined) return x === y ? (a.id < b.id ? -1 : 1) : x === undefined ? 1 : -1;
    const d = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
    return d * sign || (a.id < b.id ? -1 : 1);
  });
}

export const rows = computed<GraphEdge[]>(() => {
  const list = sorted(shown.value.edges, view.value.sort);
  const f = frozen.value;
  if (!f) return list;
  const last = f.size;
  return list.sort((a, b) => (f.get(a.id) ?? last) - (f.get(b.id) ?? last));
});

export function freeze(): void {
  frozen.value = frozen.value ? null : new Map(rows.value.map((e, i) => [e.id, i]));
}

/** Bytes a second of the last updates, by edge: what a row's little curve shows. */
export const recent = new Map<string, number[]>();
const points = 60;

export function remember(edges: GraphEdge[]): void {
  const alive = new Set<string>();
  for (const e of edges) {
    alive.add(e.id);
    const list = recent.get(e.id) ?? [];
    list.push(bytesOf(e) ?? 0);
    if (list.length > points) list.shift();
    recent.set(e.id, list);
  }
  for (const [id, list] of recent) {
    if (alive.has(id)) continue;
    if (list.every((v) => v === 0)) recent.delete(id);
    else {
      list.push(0);
      if (list.length > points) list.shift();
    }
  }
}
