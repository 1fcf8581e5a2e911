// The strip of time below every view: its range, its data, and walking in it.

import { computed, effect, signal } from "@preact/signals";
import { api } from "../data/api";
import { goneSince, hasHistory, now } from "../data/feed";
import type { Timeline, TimelineEvent } from "../data/types";
import { at, before, go, view } from "./state";

export const ranges: [number, string][] = [
  [300, "5 min"],
  [900, "15 min"],
  [3600, "1 h"],
  [21600, "6 h"],
  [86400, "24 h"],
  [604800, "7 d"],
];

export const range = signal(900);
export const timeline = signal<Timeline | null>(null);
export const playing = signal(false);
export const speeds = [1, 10, 60] as const;
export const speed = signal<number>(10);

/** Counts up as time goes on, so that what ends with now is asked for anew. */
const beat = signal(0);

/** Where the strip begins and ends, Unix milliseconds. */
export const extent = computed<[number, number]>(() => {
  beat.value;
  const end = now();
  const length = range.value * 1000;
  const point = Math.min(at.value ?? end, before.value ?? end);
  if (point >= end - length) return [end - length, end];
  const to = Math.min(end, point + length / 4);
  return [to - length, to];
});

export const events = computed<TimelineEvent[]>(() => timeline.value?.events ?? []);

export function followTime(): void {
  const still = 2000;
  effect(() => {
    // Asked anew when what the strip spans changes, and after a while where it ends with now.
    void [range.value, at.value, before.value];
    if (goneSince.value !== null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = () => {
      beat.value++;
      const [from, to] = extent.peek();
      api
        .timeline({ from: Math.round(from), to: Math.round(to), m: "tx,rx,failed", limit: 300 }, abort.signal)
        .then(
          (t) => {
            const first = timeline.peek() === null;
            timeline.value = t;
            // Of what began a few minutes ago, a quarter of an hour is mostly empty.
            if (first && t.bounds && t.bounds.newest - t.bounds.oldest < 240_000 && range.peek() === 900) range.value = 300;
          },
          () => undefined, // the strip keeps what it had
        )
        .finally(() => {
          if (!abort.signal.aborted) timer = setTimeout(ask, document.hidden ? 10 * still : still);
        });
    };
    // While somebody scrubs, the time may change many times a second.
    timer = setTimeout(ask, timeline.peek() ? 150 : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  effect(() => {
    if (!playing.value) return;
    const period = 1000;
    const timer = setInterval(() => {
      const t = at.peek();
      if (t === null || goneSince.peek() !== null) {
        playing.value = false;
        return;
      }
      const next = t + speed.peek() * period;
      if (next >= now() - period) {
        playing.value = false;
        go({ at: null }, "replace");
      } else go({ at: next }, "replace");
    }, period);
    return () => clearInterval(timer);
  });
}

/** The shortest step that shows something else: history has windows of ten seconds. */
const step = 10_000;

export function stepTime(n: number): void {
  playing.value = false;
  const t = at.value ?? now();
  const next = (Math.round(t / step) + n) * step;
  go({ at: next >= now() ? null : next });
}

export function jumpEvent(n: 1 | -1): void {
  playing.value = false;
  const t = at.value ?? now();
  const list = events.value.map((e) => e.time).sort((a, b) => a - b);
  const next = n > 0 ? list.find((x) => x > t + 500) : list.findLast((x) => x < t - 500);
  if (next !== undefined) go({ at: Math.min(next + 1000, Math.round(now())) });
  else if (n > 0) go({ at: null });
}

export function togglePlay(): void {
  if (playing.value) {
    playing.value = false;
    return;
  }
  if (at.value === null) stepTime(-6);
  playing.value = true;
}

/** Begins a comparison of now, or of the time that is shown, with a time before it; or ends it. */
export function toggleCompare(): void {
  if (before.value !== null) {
    go({ before: null });
    return;
  }
  const t = at.value ?? now();
  const back = Math.max(view.value.window * 1000, (range.value * 1000) / 4);
  const oldest = timeline.value?.bounds?.oldest ?? 0;
  go({ before: Math.round(Math.max(oldest + step, t - back)), selected: [] });
}

export const noHistory = computed(() => hasHistory.value === false);
