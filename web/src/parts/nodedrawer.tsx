// A node: what it is, what it listens on, who calls it and whom it calls.

import { useEffect, useMemo } from "preact/hooks";
import { api } from "../data/api";
import { lagging, levelShown, now } from "../data/feed";
import { endsOf, type GraphEdge, type GraphNode, type NodeDetail } from "../data/types";
import { isProblem, traffic } from "../model/encode";
import { fetched } from "../model/fetched";
import { foldedPrefix } from "../model/fold";
import * as f from "../model/format";
import { go, hovered, select, view } from "../model/state";
import { healthWord, labelText, nodeSentence, target } from "../model/sentence";
import { nodesById, shown, nameOf } from "../model/shown";
import { CopyMenu } from "./copymenu";
import { addTerm } from "./filterbox";
import { NodeLink, Processes } from "./nodecard";
import { endTerm } from "./terms";

export function NodeDrawer({ id }: { id: string }) {
  const n = nodesById.value.get(id)!;
  const term = endTerm("", n);
  const hops = view.value.hops;
  return (
    <>
      <h2>{n.name}</h2>
      <p class="sentence">{n.sentence ?? nodeSentence(n)}</p>
      <p class={"health " + (n.health ?? "")}>
        <span class="dot" />
        <b>{healthWord(n.health)}</b>
        {n.reasons?.length ? <span>{n.reasons.join(" · ")}</span> : null}
      </p>
      <Facts n={n} />
      {n.kind === "bundle" ? <Members n={n} /> : null}
      <Calls n={n} />
      {n.kind !== "bundle" && !id.startsWith(foldedPrefix) && <Parts id={id} />}
      <div class="actions">
        <button aria-pressed={hops > 0} title="F, then + and -" onClick={() => go({ hops: hops > 0 ? 0 : 1 })}>
          {hops > 0 ? "show all" : "only its neighbours"}
        </button>
        {hops > 0 && (
          <button onClick={() => go({ hops: hops + 1 })} title="+">
            one hop more ({hops})
          </button>
        )}
        {term && <button onClick={() => addTerm(term)}>filter to this</button>}
        {n.id.startsWith(foldedPrefix) && (
          <button onClick={() => go({ folded: view.value.folded.filter((x) => foldedPrefix + x !== n.id), selected: [] })}>open the box</button>
        )}
        {n.group && !n.id.startsWith(foldedPrefix) && <button onClick={() => go({ folded: [...view.value.folded, n.group!], selected: [] })}>fold its box</button>}
        {view.value.pins[n.id] && <button onClick={() => unpin(n.id)}>unpin</button>}
        <CopyMenu />
      </div>
      <p class="muted">Shift-click another node for the ways between them.</p>
      <p class="id">
        node <code>{n.id}</code>
      </p>
    </>
  );
}

function unpin(id: string): void {
  const { [id]: _, ...pins } = view.value.pins;
  go({ pins });
}

function Facts({ n }: { n: GraphNode }) {
  const rows: [string, string][] = [];
  if (n.place) rows.push(["where", n.place]);
  if (n.role) rows.push(["role", n.role + (n.role_reason ? ` (${n.role_reason})` : "")]);
  if (n.processes) rows.push(["processes", f.count(n.processes) + (n.pids?.length ? `: pid ${n.pids.slice(0, 8).join(", ")}${n.processes > 8 ? ", …" : ""}` : "")]);
  if (n.bytes_per_second !== undefined) rows.push(["traffic", f.rate(n.bytes_per_second)]);
  if (n.listens?.length) {
    const all = n.listens.map((l) => (l.path ? l.path : `${l.address && !/^(0\.0\.0\.0|::)$/.test(l.address) ? l.address : "*"}:${l.port} ${l.transport}`));
    rows.push(["listens on", [...new Set(all)].join(", ")]);
  }
  return (
    <dl class="rows">
      {rows.map(([k, v]) => (
        <div key={k}>
          <dt>{k}</dt>
          <dd>{v}</dd>
        </div>
      ))}
    </dl>
  );
}

function Members({ n }: { n: GraphNode }) {
  return (
    <div class="actions">
      <button class="primary" onClick={() => go({ limit: view.value.limit * 4, selected: [] })}>
        show {view.value.limit * 4} nodes instead of {view.value.limit}
      </button>
      <span class="muted">{f.count(n.members?.length ?? 0)} nodes have no room of their own here.</span>
    </div>
  );
}

function Calls({ n }: { n: GraphNode }) {
  const mine = shown.value.edges.filter((e) => endsOf(e).includes(n.id)).sort((a, b) => Number(isProblem(b)) - Number(isProblem(a)) || traffic(b) - traffic(a));
  const called = mine.filter((e) => e.client && endsOf(e)[1] === n.id);
  const calls = mine.filter((e) => e.client && endsOf(e)[0] === n.id);
  const other = mine.filter((e) => !e.client);
  return (
    <>
      <EdgeList title="Called by" edges={called} other={0} />
      <EdgeList title="Calls" edges={calls} other={1} />
      <EdgeList title="Talks with, role not known" edges={other} other={other[0] && endsOf(other[0])[0] === n.id ? 1 : 0} />
    </>
  );
}

export function EdgeList({ title, edges, other }: { title: string; edges: GraphEdge[]; other: 0 | 1 }) {
  if (edges.length === 0) return null;
  return (
    <section class="edge-list">
      <h3>
        {title} <span class="count">{edges.length}</span>
      </h3>
      <ul>
        {edges.slice(0, 40).map((e) => (
          <li key={e.id}>
            <button class="edge-row" onClick={() => select(e.id)} onMouseEnter={() => (hovered.value = e.id)} onMouseLeave={() => (hovered.value = null)}>
              <i class={"swatch " + (e.health ?? "idle")} />
              <b>{nameOf(endsOf(e)[other])?.name ?? endsOf(e)[other]}</b>
              <span class="mono">{target(e)}</span>
              <span class="figure">{e.failed ? "✕ " + f.perSecond(e.failed) : labelText(e, "rate") || (e.active ? e.active + " open" : "")}</span>
            </button>
          </li>
        ))}
      </ul>
      {edges.length > 40 && <p class="muted">and {edges.length - 40} more: see the table</p>}
    </section>
  );
}

function Parts({ id }: { id: string }) {
  const x = useMemo(
    () =>
      fetched<NodeDetail>(
        () => (levelShown() ? JSON.stringify([id, view.value.at, view.value.window, view.value.level]) : null),
        (_q, s) => api.node(id, { level: view.peek().level, at: view.peek().at ?? (lagging.peek() ? now() : undefined), window: view.peek().window }, s),
        () => (view.value.at === null ? 10_000 : null),
      ),
    [id],
  );
  useEffect(() => x.start(), [x]);
  const d = x.value.value;
  if (!d || d.parts.length === 0) return null;
  return (
    <section>
      <h3>Processes</h3>
      <Processes nodes={d.parts} />
    </section>
  );
}

export { NodeLink };
