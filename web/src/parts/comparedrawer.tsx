// What is different between two times: added, gone, changed.

import { earlier, graph } from "../data/feed";
import type { GraphEdge } from "../data/types";
import { differences } from "../model/compare";
import { title } from "../model/sentence";
import { dateAndClock } from "../model/format";
import { at, before, go, hovered, select } from "../model/state";
import { nameOf, shown, type Change } from "../model/shown";

const words: [Change, string, string][] = [
  ["added", "Added", "tls"],
  ["gone", "Gone", "idle"],
  ["changed", "Changed", "warn"],
];

export function CompareDrawer() {
  const s = shown.value;
  const of = (c: Change) => s.edges.filter((e) => s.changes.get(e.id) === c);
  const old = new Map((earlier.value?.edges ?? []).map((e) => [e.id, e]));
  const what = (e: GraphEdge) => {
    const x = old.get(e.id);
    return x && s.changes.get(e.id) === "changed" ? differences(x, e).join(" · ") : "";
  };
  const none = words.every(([c]) => of(c).length === 0);
  return (
    <>
      <h2>A ↔ B</h2>
      <p class="sentence">
        A is {before.value !== null ? dateAndClock(before.value) : ""}, B is {at.value !== null ? dateAndClock(at.value) : "now"}.
      </p>
      {!earlier.value && graph.value && <p class="muted">asking for A …</p>}
      {earlier.value && none && <p class="muted">The same edges at both times, none of them very different.</p>}
      {words.map(([c, name, token]) => {
        const list = of(c);
        if (list.length === 0) return null;
        return (
          <section class="edge-list" key={c}>
            <h3>
              <i class={"swatch " + token} /> {name} <span class="count">{list.length}</span>
            </h3>
            <ul>
              {list.slice(0, 100).map((e) => (
                <li key={e.id}>
                  <button class="edge-row tall" onClick={() => select(e.id)} onMouseEnter={() => (hovered.value = e.id)} onMouseLeave={() => (hovered.value = null)}>
                    <b>{title(e, nameOf)}</b>
                    <span>{what(e)}</span>
                  </button>
                </li>
              ))}
            </ul>
          </section>
        );
      })}
      <div class="actions">
        <button onClick={() => go({ before: null })}>end the comparison</button>
      </div>
    </>
  );
}
