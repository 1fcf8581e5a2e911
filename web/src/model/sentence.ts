// Sentences about nodes and edges: for the drawer, for titles and for those who
// hear the map instead of seeing it.

import { bytesOf, endsOf, type GraphEdge, type GraphNode } from "../data/types";
import * as f from "./format";

export type Names = (id: string) => GraphNode | undefined;

/** The name of an end; ~ says that it is inferred. */
export function endName(names: Names, id: string, quality?: string): string {
  const n = names(id);
  const name = n?.name ?? id;
  return (quality === "inferred" ? "~" : "") + name;
}

function ends(e: GraphEdge, names: Names): [string, string] {
  const [a, b] = endsOf(e);
  return [endName(names, a, e.quality?.client), endName(names, b, e.quality?.server)];
}

export function target(e: GraphEdge): string {
  if (e.server_port) return ":" + e.server_port;
  if (e.path) return " " + shortPath(e.path);
  return "";
}

export function shortPath(path: string): string {
  return path.length <= 22 ? path : "…" + path.slice(-21);
}

/** nginx → checkout:8080 */
export function title(e: GraphEdge, names: Names): string {
  const [a, b] = ends(e, names);
  if (!e.client && e.ends) return `${a} ↔ ${b}`;
  return `${a} → ${b}${target(e)}`;
}

export function sentence(e: GraphEdge, names: Names): string {
  const [a, b] = ends(e, names);
  const where = e.server_port ? ` on ${e.transport} port ${e.server_port}` : e.path ? ` at ${e.path}` : ` by ${e.transport}`;
  const who = !e.client && e.ends ? `${a} and ${b} talk${where}; who called is not known` : `${a} calls ${b}${where}`;
  const n = bytesOf(e);
  const parts = [who];
  if (n !== undefined && n > 0) parts.push(f.rate(n));
  if (e.failed) parts.push(`${f.perSecond(e.failed)} connects fail`);
  if (e.rtt?.mean !== undefined) parts.push(`round trip ${f.duration(e.rtt.mean)}`);
  parts.push(healthWord(e.health));
  return parts.join(", ");
}

export function healthWord(h: string | undefined): string {
  switch (h) {
    case "ok":
      return "healthy";
    case "warn":
      return "warning";
    case undefined:
      return "health not known";
    default:
      return h;
  }
}

export function nodeSentence(n: GraphNode): string {
  const parts = [`${n.name}${n.place ? " on " + n.place : ""}`];
  if (n.processes && n.processes > 1) parts.push(f.plural(n.processes, "process", "processes"));
  if (n.bytes_per_second) parts.push(f.rate(n.bytes_per_second));
  if (n.unknown) parts.push("not known which program");
  if (n.exited) parts.push("has ended");
  parts.push(healthWord(n.health));
  return parts.join(", ");
}

/** The words of an edge's label on the map; empty: nothing to say. */
export function labelText(e: GraphEdge, label: string): string {
  switch (label) {
    case "rate": {
      const n = bytesOf(e);
      return n !== undefined && n >= 1 ? f.rate(n) : "";
    }
    case "rtt":
      return e.rtt?.p95 !== undefined ? "p95 " + f.duration(e.rtt.p95) : e.rtt?.mean !== undefined ? f.duration(e.rtt.mean) : "";
    case "connections":
      return e.opened ? f.perSecond(e.opened) : e.active ? f.count(e.active) + " open" : "";
    case "failures":
      return e.failed ? f.perSecond(e.failed) + " fail" : "";
    case "port":
      return e.label ?? (e.server_port ? ":" + e.server_port : e.path ? shortPath(e.path) : "");
    default:
      return "";
  }
}

export function protocolNames(e: GraphEdge): string {
  return [...new Set((e.protocols ?? []).map((p) => p.name).filter((n): n is string => !!n))].join(" ");
}

/** A server's port, or the end of its path; empty where an edge stands for several. */
export function nameOfPort(e: GraphEdge): string {
  return e.server_port ? String(e.server_port) : e.path ? shortPath(e.path) : e.end_ports ? e.end_ports.join("↔") : "";
}
