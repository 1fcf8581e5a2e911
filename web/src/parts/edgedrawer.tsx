// An edge: its sentence, both directions, how it was over time, who is at its ends,
// and why it stands.

import { useEffect, useMemo } from "preact/hooks";
import { api } from "../data/api";
import type { EdgeDetail, Explanation, GraphEdge, Series } from "../data/types";
import { endsOf } from "../data/types";
import { failureShare, isProblem } from "../model/encode";
import { fetched } from "../model/fetched";
import * as f from "../model/format";
import { healthWord, protocolNames, sentence, title } from "../model/sentence";
import { earlier, lagging, levelShown, now } from "../data/feed";
import { differences } from "../model/compare";
import { before, view } from "../model/state";
import { edgesById, nameOf } from "../model/shown";
import { foldedPrefix } from "../model/fold";
import { Chart } from "./chart";
import { CopyMenu } from "./copymenu";
import { NodeLink, ProcessCards } from "./nodecard";
import { endTerm } from "./terms";
import { addTerm } from "./filterbox";

/** How far back the charts of an edge reach, in seconds. */
const reach = 300;

function time(): { at: number | undefined; window: number; level: string } {
  const v = view.value;
  // Of a recording that is over nobody can be asked about now: it is a time like others.
  return { at: v.at ?? (lagging.value ? now() : undefined), window: v.window, level: v.level };
}

function useFetched<T>(id: string, ask: (s: AbortSignal) => Promise<T>, every: number | null) {
  const x = useMemo(
    () =>
      fetched<T>(
        () => (levelShown() ? JSON.stringify([id, time()]) : null),
        (_q, s) => ask(s),
        () => (view.value.at === null ? every : null),
      ),
    [id],
  );
  useEffect(() => x.start(), [x]);
  return x;
}

export function EdgeDrawer({ id }: { id: string }) {
  const e = edgesById.value.get(id)!;
  const folded = id.startsWith(foldedPrefix);
  return (
    <>
      <h2>{title(e, nameOf)}</h2>
      <p class="sentence">{e.sentence ?? sentence(e, nameOf)}</p>
      <Health e={e} />
      <Change e={e} />
      <Figures e={e} />
      {folded ? (
        <p class="muted">This line stands for {f.plural(e.bundle ?? 1, "edge")} into or out of a folded box. Open the box to see each.</p>
      ) : (
        <>
          <Charts id={id} />
          <Known id={id} e={e} />
        </>
      )}
      <div class="actions">
        <CopyMenu />
        <button onClick={() => addTerm(edgeFilter(e))}>filter to this</button>
      </div>
      <p class="id">
        edge <code>{e.id}</code>
      </p>
    </>
  );
}

/** A filter that has this edge, and what is like it. */
export function edgeFilter(e: GraphEdge): string {
  const [a, b] = endsOf(e);
  const terms = [endTerm("from", nameOf(a)), endTerm("to", nameOf(b))].filter((t) => t !== "");
  if (e.server_port) terms.push("port:" + e.server_port);
  return terms.join(" ");
}

function Health({ e }: { e: GraphEdge }) {
  const reasons = e.reasons ?? [];
  return (
    <p class={"health " + (e.health ?? "")}>
      <span class="dot" />
      <b>{healthWord(e.health)}</b>
      {reasons.length > 0 && <span>{reasons.join(" · ")}</span>}
      {reasons.length === 0 && isProblem(e) && <span>see the figures below</span>}
    </p>
  );
}

function Change({ e }: { e: GraphEdge }) {
  if (before.value === null) return null;
  const old = earlier.value?.edges.find((x) => x.id === e.id);
  const text = !earlier.value ? "…" : !old ? "was not there before" : differences(old, e).join(" · ") || "as before";
  return <p class="change">Compared with {f.dateAndClock(before.value)}: {text}</p>;
}

function Figures({ e }: { e: GraphEdge }) {
  const roles = !!e.client;
  const rows: [string, string, (string | undefined)?][] = [
    [roles ? "↑ to the server" : "↑ first to second", f.rate(e.tx), e.bytes?.tx !== undefined ? f.bytes(e.bytes.tx) + " in the window" : undefined],
    [roles ? "↓ back" : "↓ second to first", f.rate(e.rx), e.bytes?.rx !== undefined ? f.bytes(e.bytes.rx) + " in the window" : undefined],
    ["connections", f.count(e.active) + " open", `${f.perSecond(e.opened)} opened · ${f.perSecond(e.closed)} closed`],
  ];
  if (e.failed) {
    const names = Object.entries(e.errors ?? {}).sort((a, b) => b[1] - a[1]).map(([n, c]) => `${n} × ${f.count(c)}`);
    rows.push(["failed connects", `${f.perSecond(e.failed)} (${Math.round(failureShare(e) * 100)} %)`, names.join(" · ")]);
  }
  if (e.rtt) rows.push(["round trip", f.duration(e.rtt.mean), `${e.rtt.p95 !== undefined ? "p95 " + f.duration(e.rtt.p95) + " · " : ""}at most ${f.duration(e.rtt.max)}`]);
  if (e.connect) rows.push(["connect takes", f.duration(e.connect.mean), `at most ${f.duration(e.connect.max)}`]);
  if (e.retransmits) rows.push(["retransmits", f.perSecond(e.retransmits)]);
  const protocol = protocolNames(e);
  rows.push(["protocol", [e.transport, protocol].filter(Boolean).join(" · "), e.tls === undefined ? "TLS not known" : e.tls ? "TLS" : "plain text"]);
  if (e.path) rows.push(["path", e.path]);
  if (e.dialed?.length) rows.push(["dialled", e.dialed.join(", ")]);
  if (e.services?.length) rows.push(["service", e.services.join(", ")]);
  if (e.since) rows.push(["since", f.dateAndClock(e.since)]);
  if (e.inexact?.length) rows.push(["not exact", e.inexact.join(", ")]);
  return (
    <dl class="figures">
      {rows.map(([k, v, more]) => (
        <div key={k}>
          <dt>{k}</dt>
          <dd>
            <b>{v}</b>
            {more && <span>{more}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ id }: { id: string }) {
  const s = useFetched<Series>(
    id,
    (signal) => {
      const { at, level } = time();
      const to = Math.round(at ?? now());
      const from = to - reach * 1000;
      return api.edgeSeries(id, { level, from, to }, signal);
    },
    2000,
  );
  const series = s.value.value;
  if (s.error.value && !series) return <p class="muted">No figures over time: {s.error.value}</p>;
  if (!series) return <div class="chart-wait" aria-hidden="true" />;
  return (
    <div class="charts">
      <Chart title="bytes/s" series={series} format={f.rate} lines={[{ measure: "tx", name: "↑", token: "ok" }, { measure: "rx", name: "↓", token: "accent", dash: [5, 3] }]} />
      <Chart title="round trip" series={series} format={f.duration} lines={[{ measure: "rtt", name: "mean", token: "tls" }, { measure: "rtt_max", name: "max", token: "idle", dash: [3, 3] }]} />
      <Chart title="connects/s" series={series} format={f.perSecond} lines={[{ measure: "opened", name: "opened", token: "ok" }, { measure: "failed", name: "failed", token: "error", dash: [5, 3] }]} />
    </div>
  );
}

function Known({ id, e }: { id: string; e: GraphEdge }) {
  const detail = useFetched<EdgeDetail>(id, (s) => api.edge(id, time(), s), 10_000).value.value;
  return (
    <>
      <Ends e={e} d={detail} />
      <Evidence id={id} detail={detail} />
    </>
  );
}

function Ends({ e, d }: { e: GraphEdge; d: EdgeDetail | null }) {
  const [a, b] = endsOf(e);
  const q = e.quality;
  const side = (n: string, role: string, quality: string | undefined, candidates: string[] | undefined, holders: string[] | undefined, at: 0 | 1) => (
    <section class="end">
      <h3>
        {role}
        <span class={"quality " + (quality ?? "unknown")}>{quality ?? "unknown"}</span>
      </h3>
      <NodeLink id={n} />
      {candidates && <p class="muted">could be any of: {candidates.join(", ")}</p>}
      {holders && <p class="muted">also held by: {holders.join(", ")}</p>}
      <ProcessCards detail={d} end={at} />
    </section>
  );
  const [x, y] = e.client ? (["client", "server"] as const) : (["first", "second"] as const);
  return (
    <div class="ends">
      {side(a, e.client ? "Client" : "One end", q?.[x], e.candidates?.[x], e.holders?.[x], 0)}
      {side(b, e.client ? "Server" : "Other end", q?.[y], e.candidates?.[y], e.holders?.[y], 1)}
    </div>
  );
}

/** The words that the connections stand on, as the map itself counts them. */
function counted(d: EdgeDetail | null): Explanation["evidence"] {
  const sums = new Map<string, Explanation["evidence"][number]>();
  for (const about of ["peer", "role"] as const) {
    for (const p of d?.parts ?? []) {
      for (const [word, n] of Object.entries(p.evidence?.[about] ?? {})) {
        const sum = sums.get(about + word) ?? { about, word, connections: 0, text: "" };
        sum.connections += n;
        sums.set(about + word, sum);
      }
    }
  }
  return [...sums.values()];
}

function Evidence({ id, detail }: { id: string; detail: EdgeDetail | null }) {
  const x = useFetched<Explanation>(id, (s) => api.explain({ edge: id, ...time() }, s), 10_000);
  const d = x.value.value;
  // The whole story is told when a window closes: the words are there before.
  const evidence = d?.evidence ?? counted(detail);
  return (
    <section class="evidence">
      <h3>Why is this edge here?</h3>
      {evidence.length > 0 && (
          <table>
            <tbody>
              {evidence.map((ev) => (
                <tr key={ev.about + ev.word}>
                  <td>{ev.about}</td>
                  <td>
                    <code>{ev.word}</code>
                  </td>
                  <td class="n">{f.count(ev.connections)}</td>
                  <td>{ev.text}</td>
                </tr>
              ))}
            </tbody>
          </table>
      )}
      {x.error.value && !d && <p class="muted">No more is known: {x.error.value}</p>}
      {d && (
        <>
          {d.text && (
            <details>
              <summary>the whole story</summary>
              <pre tabIndex={0}>{d.text}</pre>
            </details>
          )}
          {d.limited && <p class="muted">{d.limited}</p>}
        </>
      )}
    </section>
  );
}
