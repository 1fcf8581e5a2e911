// An answer for what is chosen: asked again when the question changes, and now and
// then while it is live. The old answer stays until the new one is there.

import { computed, effect, signal, type Signal } from "@preact/signals";

export interface Fetched<T> {
  value: Signal<T | null>;
  error: Signal<string | null>;
  /** Begins to ask, and gives what ends it. To be called by an effect of a component: one that is gone before it was shown has none. */
  start(): () => void;
}

/** question gives null where there is nothing to ask; its text says when it is another one. */
export function fetched<T>(question: () => string | null, ask: (q: string, s: AbortSignal) => Promise<T>, every: () => number | null): Fetched<T> {
  const value = signal<T | null>(null);
  const error = signal<string | null>(null);
  let last = "";
  // Computed, so that what changes about the view without changing these asks nothing.
  const asked = computed(question);
  const pace = computed(every);
  const start = () => effect(() => {
    const q = asked.value;
    const repeat = pace.value;
    if (q !== last) {
      value.value = null;
      error.value = null;
      last = q ?? "";
    }
    if (q === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const go = () => {
      ask(q, abort.signal)
        .then(
          (v) => {
            value.value = v;
            error.value = null;
          },
          (e: Error) => {
            if (!abort.signal.aborted) error.value = e.message;
          },
        )
        .finally(() => {
          if (repeat !== null && !abort.signal.aborted) timer = setTimeout(go, document.hidden ? repeat * 10 : repeat);
        });
    };
    go();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  });
  return { value, error, start };
}
