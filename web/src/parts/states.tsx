// What the page says when there is nothing to see, or not everything: what, why, and
// what to do.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { filterProblem, goneSince, graph, hasHistory, refusal, skew } from "../data/feed";
import { api } from "../data/api";
import { join, split } from "../model/chips";
import { clock, count, duration, plural } from "../model/format";
import { at, filter, go, view } from "../model/state";
import { shown } from "../model/shown";
import { removeTerm } from "./filterbox";

const tickTime = signal(Date.now());

export function Banner() {
  useEffect(() => {
    if (goneSince.value === null) return;
    const t = setInterval(() => (tickTime.value = Date.now()), 1000);
    return () => clearInterval(t);
  }, [goneSince.value]);
  if (goneSince.value !== null) {
    const end = graph.value ? Date.parse(graph.value.window.end) : NaN;
    const s = Math.max(0, Math.round((tickTime.value - goneSince.value) / 1000));
    return (
      <div class="banner" role="alert">
        <b>Agent unreachable for {s} s.</b> {Number.isFinite(end) && end > 0 ? `What you see is frozen at ${clock(end)}.` : "There is nothing to show yet."} Trying again. Is <code>peerscope serve</code> running?
      </div>
    );
  }
  if (refusal.value) {
    return (
      <div class="banner" role="alert">
        {refusal.value}{" "}
        {at.value !== null && (
          <button class="text" onClick={() => go({ at: null })}>
            back to now
          </button>
        )}
      </div>
    );
  }
  return null;
}

/** Small marks of what is not perfect about what is seen. */
export function Chips() {
  const g = graph.value;
  const c = g?.capture;
  const lost = Object.entries(c?.lost ?? {}).filter(([, n]) => n > 0);
  const degraded = c?.degraded ?? [];
  const s = skew.value;
  const open = chipOpen.value;
  const chips: { key: string; text: string; more: preact.ComponentChild }[] = [];
  if (lost.length > 0) {
    chips.push({
      key: "lost",
      text: "lost " + count(lost.reduce((n, [, x]) => n + x, 0)),
      more: (
        <>
          <p>In this window, connections or events that are not on the map, by reason:</p>
          <ul>
            {lost.map(([k, n]) => (
              <li key={k}>
                <code>{k}</code> {count(n)}
              </li>
            ))}
          </ul>
        </>
      ),
    });
  }
  if (c?.completeness !== undefined && c.completeness < 0.995) {
    chips.push({ key: "complete", text: Math.floor(c.completeness * 100) + " % seen", more: <p>The map holds {(c.completeness * 100).toFixed(2)} % of what the kernel itself counted.</p> });
  }
  if (degraded.length > 0) {
    chips.push({
      key: "limited",
      text: plural(degraded.length, "limit"),
      more: (
        <ul>
          {degraded.map((d) => (
            <li key={d.code + d.reason}>
              {d.reason}
              {d.fix && (
                <>
                  <br />
                  <span class="muted">→ {d.fix}</span>
                </>
              )}
            </li>
          ))}
        </ul>
      ),
    });
  }
  if (s !== null && Math.abs(s) > 5000) {
    chips.push({ key: "skew", text: "clock " + (s > 0 ? "+" : "−") + duration(Math.abs(s) / 1000), more: <p>The host's clock is {duration(Math.abs(s) / 1000)} {s > 0 ? "ahead of" : "behind"} this browser's. Times are the host's, shown in your time zone.</p> });
  }
  if (chips.length === 0) return null;
  return (
    <div class="chips-bar">
      {chips.map((x) => (
        <div class="status-chip" key={x.key}>
          <button aria-expanded={open === x.key} class={x.key} onClick={() => (chipOpen.value = open === x.key ? "" : x.key)}>
            {x.text}
          </button>
          {open === x.key && <div class="chip-more">{x.more}</div>}
        </div>
      ))}
    </div>
  );
}

export const chipOpen = signal("");
const without = signal<Record<string, number>>({});

/** For each term: how many edges there would be without it. */
function useRemedies(active: boolean): void {
  const text = filter.value;
  useEffect(() => {
    without.value = {};
    if (!active) return;
    const terms = split(text);
    const abort = new AbortController();
    const { level, noise, problems, window } = view.peek();
    terms.slice(0, 6).forEach((t, i) => {
      const rest = join(terms.filter((_, j) => j !== i));
      api.graph({ level, noise, problems, window, at: at.peek() ?? undefined, filter: rest, limit: 1 }, abort.signal).then(
        (g) => (without.value = { ...without.value, [t]: g.matched?.edges ?? g.edges.length }),
        () => undefined,
      );
    });
    return () => abort.abort();
  }, [text, active]);
}

export function Empty() {
  const g = graph.value;
  const s = shown.value;
  const v = view.value;
  const none = g !== null && s.edges.length === 0 && s.nodes.length === 0;
  const hides = none && filter.value !== "" && !filterProblem.value;
  useRemedies(hides);
  if (goneSince.value !== null && !g) return null;
  if (!g) {
    return (
      <div class="empty">
        <p class="large">Waiting for the first look …</p>
      </div>
    );
  }
  if (!none) return null;
  const hidden = (g.hidden ?? []).reduce((n, r) => n + r.edges, 0);
  if (hides) {
    const terms = split(filter.value);
    return (
      <div class="empty">
        <p class="large">0 of {plural(g.total?.edges ?? 0, "edge")} match.</p>
        <p>Remove a part of the filter:</p>
        <div class="actions">
          {terms.map((t, i) => (
            <button key={t + i} onClick={() => removeTerm(i)}>
              <code>{t}</code>
              {without.value[t] !== undefined && <span class="count">then {count(without.value[t])}</span>}
            </button>
          ))}
          {terms.length > 1 && (
            <button onClick={() => go({ filter: "" })}>
              all of it <span class="count">then {count(g.total?.edges)}</span>
            </button>
          )}
        </div>
      </div>
    );
  }
  if (v.problems) {
    return (
      <div class="empty">
        <p class="large">No problems.</p>
        <p>{plural(g.total?.edges ?? 0, "edge")} in this window, none with a warning.</p>
        <div class="actions">
          <button onClick={() => go({ problems: false })}>show all edges</button>
        </div>
      </div>
    );
  }
  if (v.since !== null) {
    return (
      <div class="empty">
        <p class="large">Nothing new since {clock(v.since)}.</p>
        <div class="actions">
          <button onClick={() => go({ since: null })}>show all edges</button>
        </div>
      </div>
    );
  }
  if (at.value !== null) {
    return (
      <div class="empty">
        <p class="large">Nothing was seen at {clock(at.value)}.</p>
        <p>{hasHistory.value === false ? "No history is kept here: only the last minutes are in memory." : "Nobody talked then, or nobody looked: gaps in the strip below are hatched."}</p>
        <div class="actions">
          <button onClick={() => go({ at: null })}>back to now</button>
        </div>
      </div>
    );
  }
  return (
    <div class="empty">
      <p class="large">No connections in the last {v.window} s.</p>
      <p>Peerscope is looking; nobody talks where it looks.</p>
      <ul>
        {hidden > 0 && (
          <li>
            {plural(hidden, "edge")} {hidden === 1 ? "is" : "are"} hidden as noise:{" "}
            <button class="text" onClick={() => go({ noise: true })}>
              show them
            </button>
          </li>
        )}
        <li>
          make some: <code>curl -s localhost</code>
        </li>
        <li>
          look further back:{" "}
          <button class="text" onClick={() => go({ window: Math.max(3600, v.window) })}>
            a window of an hour
          </button>
        </li>
        <li>
          what this host allows: <code>peerscope doctor</code>
        </li>
      </ul>
    </div>
  );
}
