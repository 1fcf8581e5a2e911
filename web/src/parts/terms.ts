// Terms of the filter language for a node.

import type { GraphNode } from "../data/types";
import { quote } from "../model/chips";

const keys: Record<string, string> = {
  process: "proc",
  program: "proc",
  container: "container",
  unit: "unit",
  pod: "pod",
  workload: "workload",
  host: "host",
  namespace: "ns",
  address: "ip",
};

/** "" where the language has no word for such a node. */
export function endTerm(end: "from" | "to" | "", n: GraphNode | undefined): string {
  if (!n) return "";
  let key = keys[n.kind];
  if (!key) return "";
  let value = n.name;
  const pid = n.attributes?.["process.pid"];
  if (n.kind === "process" && typeof pid === "number") [key, value] = ["pid", String(pid)];
  if (n.kind === "container" && n.attributes?.["container.name"] === undefined && n.attributes?.["peerscope.systemd.unit"]) {
    [key, value] = ["unit", String(n.attributes["peerscope.systemd.unit"])];
  }
  const address = n.attributes?.["network.peer.address"];
  if (n.kind === "address" && typeof address === "string") value = address;
  return `${end ? end + ":" : ""}${key}${key === "ip" || key === "pid" ? ":" : "="}${key === "ip" ? value : quote(value)}`;
}
