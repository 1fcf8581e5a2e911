// The left side: what one node is, which boxes are drawn, what is hidden, presets.

import { graph, now, pace } from "../data/feed";
import { clock, count } from "../model/format";
import { filter, go, presets, savePresets, view } from "../model/state";
import { shown } from "../model/shown";
import { groups, levels } from "../model/url";
import { Icon } from "./icon";

const names: Record<string, string> = {
  process: "Process",
  program: "Program",
  container: "Container, unit",
  pod: "Pod",
  workload: "Workload",
  host: "Host",
  namespace: "Namespace",
  none: "None",
};

function Levels() {
  const g = graph.value;
  return (
    <fieldset>
      <legend>Level</legend>
      {levels.map((l, i) => (
        <label key={l} class="option" title={`Key ${i + 1}`}>
          <input type="radio" name="level" checked={view.value.level === l} onChange={() => go({ level: l, selected: [], hops: 0, folded: [] })} />
          <span>{names[l]}</span>
          <span class="count">{g?.levels?.[l] === undefined ? "" : count(g.levels[l])}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Boxes() {
  return (
    <fieldset>
      <legend>Boxes</legend>
      {groups.map((b) => (
        <label key={b} class="option">
          <input type="radio" name="group" checked={view.value.group === b} onChange={() => go({ group: b, folded: [] })} />
          <span>{names[b]}</span>
        </label>
      ))}
      {view.value.folded.length > 0 && (
        <button class="text" onClick={() => go({ folded: [] })}>
          open {view.value.folded.length} folded
        </button>
      )}
    </fieldset>
  );
}

/** The rules that hide noise: how many edges each hides now. */
function Noise() {
  const g = graph.value;
  const rules = g?.hidden ?? [];
  const v = view.value;
  const edges = rules.reduce((n, r) => n + r.edges, 0);
  return (
    <fieldset>
      <legend>Show</legend>
      <label class="option" title="Key e">
        <input type="checkbox" checked={v.problems} onChange={() => go({ problems: !v.problems })} />
        <span>Only problems</span>
      </label>
      <label class="option" title="Only edges that are new from now (n)">
        <input type="checkbox" checked={v.since !== null} onChange={() => go({ since: v.since === null ? Math.round(now()) : null })} />
        <span>{v.since === null ? "Only new" : "New since " + clock(v.since)}</span>
      </label>
      <label class="option" title="Key N">
        <input type="checkbox" checked={v.noise} onChange={() => go({ noise: !v.noise })} />
        <span>Noise</span>
        {!v.noise && edges > 0 && <span class="count">{count(edges)}</span>}
      </label>
      {!v.noise && rules.length > 0 && (
        <ul class="rules">
          {rules.map((r) => (
            <li key={r.rule}>
              {r.edges > 0 ? count(r.edges) + " × " : ""}
              {r.text}
            </li>
          ))}
        </ul>
      )}
    </fieldset>
  );
}

function Presets() {
  const list = presets.value;
  const savable = filter.value !== "" && !list.some((p) => p.filter === filter.value);
  if (list.length === 0 && !savable) return null;
  return (
    <fieldset>
      <legend>Saved filters</legend>
      <ul class="presets">
        {list.map((p) => (
          <li key={p.filter}>
            <button class="text" title={p.filter} onClick={() => go({ filter: p.filter })}>
              {p.name}
            </button>
            <button class="quiet small" aria-label={`Forget ${p.name}`} onClick={() => savePresets(list.filter((x) => x !== p))}>
              <Icon name="close" size={11} />
            </button>
          </li>
        ))}
      </ul>
      {savable && (
        <button class="text" onClick={() => savePresets([...list, { name: filter.value, filter: filter.value }])}>
          + save this filter
        </button>
      )}
    </fieldset>
  );
}

function Size() {
  const g = graph.value;
  const s = shown.value;
  if (!g) return null;
  const bundled = g.truncated?.nodes ?? 0;
  return (
    <p class="size">
      {count(s.nodes.length)} nodes, <span class="whole">{count(s.edges.length)} edges</span>
      {pace.value !== null && (
        <>
          <br />
          <span title="So many edges would be a stream of many megabytes a second. A filter or fewer nodes make it live again.">looked at every {Math.round(pace.value / 1000)} s</span>
        </>
      )}
      {bundled > 0 && (
        <>
          <br />
          {count(bundled)} more in bundles
          <br />
          <button class="text" onClick={() => go({ limit: view.value.limit * 4 })} title="Key A shows all">
            show more
          </button>
          {" · "}
          <button class="text" onClick={() => go({ limit: 0 })} title="Key A">
            all
          </button>
        </>
      )}
      {view.value.limit !== 60 && bundled === 0 && (
        <>
          <br />
          <button class="text" onClick={() => go({ limit: 60 })}>
            back to the first 60
          </button>
        </>
      )}
    </p>
  );
}

export function Rail() {
  return (
    <nav class="rail" aria-label="What is shown">
      <Levels />
      <Boxes />
      <Noise />
      <Presets />
      <Size />
    </nav>
  );
}
