// The live stream of one question. A browser opens no more than six connections to a
// server without TLS, and a stream holds one: pages that ask the same share it. One of
// them, which holds a lock, reads the stream and tells the others.

import { address, api, ApiError, Unreachable, type Query } from "./api";
import { apply } from "./delta";
import type { Delta, Graph, Problem } from "./types";

export interface Listener {
  graph(g: Graph): void;
  /** The agent's clock, in Unix milliseconds. */
  ping(t: number): void;
  fail(e: unknown): void;
}

/** What pages tell each other: events as they came, how it failed, and that one has nothing yet. */
type Word = { kind: "snapshot" | "delta" | "ping"; data: string } | { kind: "fail"; problem?: Problem } | { kind: "wanted" };

/** Who hears nothing for this long, though the server says something every 15 seconds, asks for itself. */
const patience = 40_000;

/** Follows a question until it is stopped. */
export function follow(query: Query, key: string, on: Listener): () => void {
  // Without a secure context there are no locks, and each page has a stream of its own.
  if (!navigator.locks || typeof BroadcastChannel === "undefined") return stream(query, reader(on)).stop;
  const name = "peerscope stream " + key;
  const channel = new BroadcastChannel(name);
  const waiting = new AbortController();
  let own: { stop(): void } | null = null;
  let free = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  const mine = reader(on);
  const say = (w: Word) => channel.postMessage(w);

  const lead = () => {
    clearTimeout(timer);
    own ??= stream(query, (w) => {
      mine(w);
      say(w);
    });
  };
  const waitForWord = () => {
    clearTimeout(timer);
    timer = setTimeout(lead, patience);
  };
  channel.onmessage = (e: MessageEvent<Word>) => {
    const w = e.data;
    if (w.kind === "wanted") {
      const held = mine.held();
      if (own && held) say({ kind: "snapshot", data: JSON.stringify(held) });
      return;
    }
    if (own) return;
    waitForWord();
    mine(w);
  };
  say({ kind: "wanted" });
  waitForWord();
  navigator.locks
    .request(name, { signal: waiting.signal }, () => {
      lead();
      return new Promise<void>((done) => (free = done));
    })
    .catch(() => undefined); // it was stopped before it was its turn
  return () => {
    waiting.abort();
    clearTimeout(timer);
    own?.stop();
    free();
    channel.close();
  };
}

interface Reader {
  (w: Word): void;
  held(): Graph | null;
}

/** Makes graphs of events. */
function reader(on: Listener): Reader {
  let held: Graph | null = null;
  const read = (w: Word) => {
    switch (w.kind) {
      case "snapshot":
        on.graph((held = JSON.parse(w.data) as Graph));
        break;
      case "delta":
        // Who has no whole graph yet has asked for one.
        if (held) on.graph((held = apply(held, JSON.parse(w.data) as Delta)));
        break;
      case "ping":
        on.ping((JSON.parse(w.data) as { t: number }).t);
        break;
      case "fail":
        on.fail(w.problem ? new ApiError(w.problem) : new Unreachable("the agent does not answer"));
    }
  };
  return Object.assign(read, { held: () => held });
}

/** Reads the stream of the server, and tells what came of it until it is stopped. */
function stream(query: Query, tell: (w: Word) => void): { stop(): void } {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let wait = 1000;

  const again = (delay = wait) => {
    source?.close();
    if (stopped) return;
    // An EventSource does not say why it was refused: one plain question does.
    retry = setTimeout(() => {
      api.graph({ ...query, limit: 1 }).then(
        () => !stopped && open(),
        (e: unknown) => {
          if (stopped) return;
          tell(e instanceof ApiError ? { kind: "fail", problem: e.problem } : { kind: "fail" });
          wait = Math.min(wait * 1.5, 5000);
          // What is wrong with the question will not get better by asking again.
          if (!(e instanceof ApiError && e.problem.status === 400)) again();
        },
      );
    }, delay);
  };
  const open = () => {
    source = new EventSource(address("graph/stream", query));
    for (const kind of ["snapshot", "delta", "ping"] as const) {
      source.addEventListener(kind, (e: MessageEvent<string>) => {
        wait = 1000;
        tell({ kind, data: e.data });
      });
    }
    source.addEventListener("bye", () => again());
    source.onerror = () => again(0);
  };
  open();
  return {
    stop() {
      stopped = true;
      clearTimeout(retry);
      source?.close();
    },
  };
}
