// Where the graph that is shown comes from: the live stream, or one answer for a
// time in the past. A tab follows one stream; a hidden one leaves it and asks now and then.
// A large graph is asked for now and then, too: of twenty thousand edges most change
// every second, and each second would be as large as the whole.

import { batch, computed, effect, signal } from "@preact/signals";
import { view } from "../model/state";
import { api, ApiError, Unreachable, type Query } from "./api";
import { follow } from "./stream";
import type { Graph, Problem } from "./types";

export const graph = signal<Graph | null>(null);
/** The graph of View.before, of a comparison. */
export const earlier = signal<Graph | null>(null);
/** Since when nobody answers, by the clock of this browser; null: somebody does. */
export const goneSince = signal<number | null>(null);
export const filterProblem = signal<Problem | null>(null);
export const refusal = signal<string | null>(null);
/** How far the agent's clock is ahead of this browser's, in milliseconds. */
export const skew = signal<number | null>(null);
export const hasHistory = signal<boolean | null>(null);
export const updates = signal(0);
/** Which question the graph on the screen answers: where it changes, nodes may move. */
export const shownKey = signal("");

const hidden = signal(document.hidden);
document.addEventListener("visibilitychange", () => (hidden.value = document.hidden));

/** A graph with more edges than this is looked at now and then, not streamed. */
const mostStreamed = 3000;
/** Between two looks at a large graph: this many times as long as one takes, within bounds in milliseconds. */
const pause = { times: 4, least: 5_000, most: 30_000 };

/** How long until a large graph is asked for again, in milliseconds; null: it is streamed. */
export const pace = signal<number | null>(null);

/** The members of the view that the server is asked for. */
const asked = computed(() => {
  const v = view.value;
  return JSON.stringify({
    level: v.level,
    group: v.group,
    filter: v.filter,
    problems: v.problems,
    noise: v.noise,
    window: v.window,
    limit: v.view === "table" ? 0 : v.limit,
  });
});
const askedAt = computed(() => view.value.at);
const askedBefore = computed(() => view.value.before);

/** The graph on the screen is of the level that is asked for, and not of the one before. */
export function levelShown(): boolean {
  return graph.value?.level === view.value.level;
}

export function question(): Query {
  return JSON.parse(asked.value) as Query;
}

/** Where the latest window ended that was shown as now. */
const latest = signal<number | null>(null);
/** More than this behind its own clock, an agent plays a recording, or stands still. */
const behind = 90_000;

/** What is shown as now is older than the agent's clock says. */
export const lagging = computed(() => {
  updates.value;
  return latest.value !== null && Date.now() + (skew.value ?? 0) - latest.value > behind;
});

/** The present of what is looked at: the agent's clock as far as it is known, or the end of a recording. */
export function now(): number {
  return lagging.value ? latest.value! : Date.now() + (skew.value ?? 0);
}

function show(g: Graph, key: string): void {
  batch(() => {
    shownKey.value = key;
    graph.value = g;
    const end = Date.parse(g.window.end);
    if (view.peek().at === null && g.nodes.length > 0 && Number.isFinite(end)) latest.value = end;
    updates.value++;
    goneSince.value = null;
    filterProblem.value = null;
    refusal.value = null;
  });
}

function fail(e: unknown): void {
  if (e instanceof Unreachable) goneSince.value ??= Date.now();
  if (!(e instanceof ApiError)) return;
  if (e.problem.code === "no_history") hasHistory.value = false;
  if (e.problem.code === "bad_filter") filterProblem.value = e.problem;
  else refusal.value = e.message;
}

const once = () => null;

/**
 * Asks once for a time in the past; a hidden tab asks for now, every ten seconds.
 * every says from the graph and how long it took when to ask again; null: never.
 */
function look(query: Query, key: string, every: (g: Graph, took: number) => number | null): () => void {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = () => {
    const begun = performance.now();
    api.graph(query, abort.signal).then(
      (g) => {
        show(g, key);
        if (abort.signal.aborted) return;
        const wait = every(g, performance.now() - begun);
        if (wait !== null) timer = setTimeout(ask, wait);
      },
      (e: unknown) => {
        if (abort.signal.aborted) return;
        fail(e);
        // What is wrong with the question will not get better by asking again.
        if (e instanceof Unreachable || (every !== once && e instanceof ApiError && e.problem.status >= 500)) timer = setTimeout(ask, 3000);
      },
    );
  };
  ask();
  return () => {
    abort.abort();
    clearTimeout(timer);
  };
}

/** Streams what is small, or was not seen yet and is limited; asks for the rest now and then. */
function live(query: Query, key: string): () => void {
  let stop = () => {};
  const begin = () => {
    pace.value = null;
    stop = follow(query, key, {
      graph: (g) => show(g, key),
      ping: (t) => {
        skew.value = t - Date.now();
        goneSince.value = null;
      },
      fail,
    });
  };
  const limited = query["limit"] !== 0 && Number(query["limit"]) <= 500;
  if (limited) begin();
  else {
    stop = look(query, key, (g, took) => {
      if (g.edges.length <= mostStreamed) {
        begin();
        return null;
      }
      return (pace.value = Math.round(Math.min(pause.most, Math.max(pause.least, took * pause.times))));
    });
  }
  return () => {
    pace.value = null;
    stop();
  };
}

export function start(): void {
  effect(() => {
    const key = asked.value;
    const query = question();
    const time = askedAt.value;
    if (time !== null) return look({ ...query, at: time }, key, once);
    if (hidden.value) return look(query, key, () => 10_000);
    return live(query, key);
  });
  effect(() => {
    const time = askedBefore.value;
    if (time === null) {
      earlier.value = null;
      return;
    }
    const abort = new AbortController();
    api.graph({ ...question(), at: time }, abort.signal).then((g) => (earlier.value = g), fail);
    return () => abort.abort();
  });
  const clock = () => {
    const asked = Date.now();
    api.status().then(
      (s) => {
        const half = (Date.now() - asked) / 2;
        skew.value = s.now - asked - half;
        hasHistory.value = s.history !== undefined;
      },
      () => undefined, // the stream says that nobody answers
    );
  };
  clock();
  setInterval(clock, 60_000);
}
