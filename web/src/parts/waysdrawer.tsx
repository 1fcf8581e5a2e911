// The ways from one chosen node to another, along calls.

import { oneWayOf, paths, pathsFailed } from "../model/ways";
import { select } from "../model/state";
import { plural } from "../model/format";
import { nameOf } from "../model/shown";
import { target } from "../model/sentence";
import { NodeLink } from "./nodecard";

export function WaysDrawer({ from, to }: { from: string; to: string }) {
  const p = paths.value;
  const [a, b] = [nameOf(from)?.name ?? from, nameOf(to)?.name ?? to];
  return (
    <>
      <h2>
        {a} ⇢ {b}
      </h2>
      {pathsFailed.value && <p class="muted">{pathsFailed.value}</p>}
      {!p && !pathsFailed.value && <p class="muted">looking …</p>}
      {p && (
        <p class="sentence">
          {p.paths.length === 0
            ? `Nobody gets from ${a} to ${b} along calls that were seen in this window, nor the other way round.`
            : `${plural(p.paths.length, "way")}${p.more ? ", and more that are not listed" : ""}, the shortest first.${p.reversed ? ` They lead from ${b} to ${a}: nobody calls the other way.` : ""}`}
        </p>
      )}
      {p?.paths.map((w, i) => (
        <section class={oneWayOf.value === i ? "way on" : "way"} key={w.edges.join()}>
          <button class="text" aria-pressed={oneWayOf.value === i} onClick={() => (oneWayOf.value = oneWayOf.value === i ? null : i)}>
            {plural(w.edges.length, "call")}
          </button>
          <ol>
            {w.nodes.map((n, k) => (
              <li key={n + k}>
                <NodeLink id={n} node={p.nodes.find((x) => x.id === n)} />
                {w.edges[k] && (
                  <button class="text step" onClick={() => select(w.edges[k]!)}>
                    ↓ calls {(() => {
                      const e = p.edges.find((x) => x.id === w.edges[k]);
                      return e ? target(e) : "";
                    })()}
                  </button>
                )}
              </li>
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}
