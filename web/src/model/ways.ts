// The ways between two nodes that were chosen together.

import { computed, effect, signal } from "@preact/signals";
import { api } from "../data/api";
import { question } from "../data/feed";
import type { Paths } from "../data/types";
import { nodesById } from "./shown";
import { view } from "./state";

export const paths = signal<Paths | null>(null);
export const pathsFailed = signal<string | null>(null);
/** Which of the ways is looked at; null is all. */
export const oneWayOf = signal<number | null>(null);

const pair = computed(() => {
  const s = view.value.selected;
  return s.length === 2 && s.every((id) => nodesById.value.has(id)) ? s.join("\n") : "";
});

/** The nodes and edges of the ways, null where no two nodes are chosen. */
export const ways = computed<Set<string> | null>(() => {
  const p = paths.value;
  if (!p || pair.value === "") return null;
  const some = oneWayOf.value === null ? p.paths : p.paths.slice(oneWayOf.value, oneWayOf.value + 1);
  return new Set([...pair.value.split("\n"), ...some.flatMap((w) => [...w.nodes, ...w.edges])]);
});

export function followWays(): void {
  effect(() => {
    const [from, to] = pair.value.split("\n");
    paths.value = null;
    pathsFailed.value = null;
    oneWayOf.value = null;
    if (!from || !to) return;
    const abort = new AbortController();
    const { level, at, window } = view.peek();
    api.path({ from, to, level, filter: question()["filter"], at: at ?? undefined, window }, abort.signal).then(
      (p) => (paths.value = p),
      (e: Error) => {
        if (!abort.signal.aborted) pathsFailed.value = e.message;
      },
    );
    return () => abort.abort();
  });
}
