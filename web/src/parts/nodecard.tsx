// Processes as cards, and names of nodes that lead to them.

import type { EdgeDetail, GraphNode, MapNode } from "../data/types";
import { count, dateAndClock } from "../model/format";
import { hovered, select } from "../model/state";
import { nameOf } from "../model/shown";
import { glyphOf } from "../map/card";
import { Icon } from "./icon";

export function NodeLink({ id, node }: { id: string; node?: GraphNode | undefined }) {
  const n = nameOf(id) ?? node;
  return (
    <button class="node-link" onClick={() => select(id)} onMouseEnter={() => (hovered.value = id)} onMouseLeave={() => (hovered.value = null)}>
      <Icon name={n ? glyphOf(n) : "unknown"} />
      <b>{n?.name ?? id}</b>
      <span>{n?.place ?? n?.subtitle ?? ""}</span>
    </button>
  );
}

const most = 5;

/** The processes at one end of an edge. */
export function ProcessCards({ detail, end }: { detail: EdgeDetail | null; end: 0 | 1 }) {
  if (!detail) return null;
  const ids = new Set(detail.parts.map((p) => (end === 0 ? (p.client ?? p.ends?.[0]) : (p.server ?? p.ends?.[1]))));
  return <Processes nodes={detail.nodes.filter((n) => ids.has(n.id) && n.kind !== "address")} />;
}

export function Processes({ nodes }: { nodes: MapNode[] }) {
  return (
    <>
      {nodes.slice(0, most).map((n) => (
        <Card key={n.id} n={n} />
      ))}
      {nodes.length > most && <p class="muted">and {count(nodes.length - most)} more</p>}
    </>
  );
}

type Row = [string, string];

function rows(n: MapNode): Row[] {
  const a = n.attributes;
  const out: Row[] = [];
  const put = (name: string, ...keys: string[]) => {
    const values = keys.map((k) => a[k]).filter((v) => v !== undefined && v !== "");
    if (values.length > 0) out.push([name, values.map(String).join(" · ")]);
  };
  put("executable", "process.executable.path");
  put("runs", "peerscope.process.script");
  put("owner", "process.owner");
  put("unit", "peerscope.systemd.unit");
  put("container", "container.name", "container.image.name");
  put("pod", "k8s.namespace.name", "k8s.pod.name");
  put("deployment", "k8s.deployment.name");
  put("service", "service.name");
  const netns = a["peerscope.netns.name"] ?? a["peerscope.netns.inode"];
  if (netns !== undefined) out.push(["network ns", String(netns)]);
  if (typeof a["process.creation.time"] === "string") out.push(["started", dateAndClock(Date.parse(a["process.creation.time"]))]);
  put("address", "network.peer.address");
  return out;
}

export function Card({ n }: { n: MapNode }) {
  const pid = n.attributes["process.pid"];
  const line = n.attributes["process.command_line"];
  return (
    <details class="process">
      <summary>
        <b>{n.name}</b>
        {pid !== undefined && <span class="mono">pid {String(pid)}</span>}
        {n.attributes["peerscope.process.exited"] === true && <span class="tag">ended</span>}
        {typeof line === "string" && <code class="command">{line}</code>}
      </summary>
      <dl class="rows">
        {rows(n).map(([k, v]) => (
          <div key={k}>
            <dt>{k}</dt>
            <dd>{v}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
