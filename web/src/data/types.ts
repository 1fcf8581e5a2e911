// The answers of the HTTP API v1 that the page reads. What is not known is absent.

export type Level = "process" | "program" | "container" | "pod" | "workload" | "host" | "namespace";
export type Group = "host" | "namespace" | "container" | "none";
export type Health = "ok" | "warn" | "bad" | "error" | "idle";
export type Quality = "exact" | "joined" | "inferred" | "unknown";

export interface Listen {
  transport: string;
  address?: string;
  port?: number;
  path?: string;
}

export interface GraphNode {
  id: string;
  kind: "process" | "program" | "container" | "pod" | "workload" | "host" | "address" | "kernel" | "bundle" | string;
  name: string;
  subtitle?: string;
  place?: string;
  group?: string;
  role_reason?: string;
  role?: "client" | "server" | "both" | "external" | "datastore";
  processes?: number;
  pids?: number[];
  listens?: Listen[];
  bytes_per_second?: number;
  health?: Health;
  reasons?: string[];
  unknown?: boolean;
  exited?: boolean;
  attributes?: Record<string, unknown>;
  members?: string[];
  sentence?: string;
  /** The upper left corner, in CSS pixels at zoom 1. */
  x?: number;
  y?: number;
  w?: number;
  h?: number;
  rank?: number;
}

export interface Stat {
  mean?: number;
  p95?: number;
  max?: number;
}

export interface Protocol {
  name?: string;
  tls?: boolean;
  connections?: number;
}

export interface GraphEdge {
  id: string;
  client?: string;
  server?: string;
  ends?: string[];
  transport: string;
  server_port?: number;
  path?: string;
  dialed?: string[];
  services?: string[];
  label?: string;
  bundle?: number;
  tx?: number;
  rx?: number;
  active?: number;
  opened?: number;
  closed?: number;
  failed?: number;
  retransmits?: number;
  bytes?: { tx?: number; rx?: number };
  rtt?: Stat;
  connect?: Stat;
  errors?: Record<string, number>;
  health?: Health;
  reasons?: string[];
  protocols?: Protocol[];
  tls?: boolean;
  quality?: { client?: Quality; server?: Quality; first?: Quality; second?: Quality };
  candidates?: Record<string, string[]>;
  holders?: Record<string, string[]>;
  sentence?: string;
  end_ports?: number[];
  inexact?: string[];
  since?: number;
  /** Where its line enters a lane between the rows of nodes, and where it leaves it. */
  route?: [number, number][];
}

export interface GraphGroup {
  id: string;
  name: string;
  kind?: string;
  nodes: string[];
  x?: number;
  y?: number;
  w?: number;
  h?: number;
}

export interface Degraded {
  code: string;
  reason: string;
  fix?: string;
}

export interface Capture {
  source?: string;
  rung?: string;
  degraded?: Degraded[];
  lost?: Record<string, number>;
  completeness?: number;
  unattributed?: { connections: number; bytes: number };
}

export interface Counts {
  nodes: number;
  edges: number;
}

export interface Graph {
  schema: string;
  host?: { "host.name"?: string; "os.version"?: string };
  window: { start: string; end: string };
  capture?: Capture;
  level: Level;
  levels?: Partial<Record<Level, number>>;
  total?: Counts;
  matched?: Counts;
  truncated?: Partial<Counts>;
  hidden?: { rule: string; text: string; edges: number }[];
  nodes: GraphNode[];
  edges: GraphEdge[];
  groups?: GraphGroup[];
}

export interface Span {
  from: number;
  to: number;
  reason?: string;
}

export interface Series {
  step_ms: number;
  times: number[];
  columns: Record<string, (number | null)[]>;
  gaps?: Span[];
}

export interface Bounds {
  oldest: number;
  newest: number;
}

export interface Timeline {
  from: number;
  to: number;
  bounds?: Bounds;
  series: Series;
  events: TimelineEvent[];
  events_left_out?: number;
}

export interface TimelineEvent {
  time: number;
  kind: string;
  edge?: string;
  node?: string;
  text: string;
}

export interface Delta {
  t: number;
  window: Graph["window"];
  capture?: Capture;
  levels?: Graph["levels"];
  total?: Counts;
  matched?: Counts;
  truncated?: Partial<Counts> | null;
  hidden?: Graph["hidden"];
  upsert: { nodes: GraphNode[]; edges: GraphEdge[]; groups?: GraphGroup[] };
  remove: { nodes: string[]; edges: string[]; groups?: string[] };
}

/** A node or edge as `peerscope map -o json` has it. */
export interface MapNode {
  id: string;
  kind: string;
  name: string;
  attributes: Record<string, unknown>;
}

export interface EdgeDetail {
  level: Level;
  edge: GraphEdge;
  ends: GraphNode[];
  parts: { id: string; client?: string; server?: string; ends?: string[]; evidence?: { peer?: Record<string, number>; role?: Record<string, number> } }[];
  parts_left_out?: number;
  nodes: MapNode[];
}

export interface NodeDetail {
  level: Level;
  node: GraphNode;
  parts: MapNode[];
  parts_left_out?: number;
  edges: GraphEdge[];
  neighbours: GraphNode[];
}

export interface Paths {
  from: string;
  to: string;
  reversed?: boolean;
  paths: { nodes: string[]; edges: string[] }[];
  more?: boolean;
  nodes: GraphNode[];
  edges: GraphEdge[];
}

export interface Explanation {
  edge: GraphEdge;
  evidence: { about: "peer" | "role"; word: string; connections: number; text: string }[];
  text?: string;
  explanations?: unknown[];
  limited?: string;
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
  code: string;
  parameter?: string;
  position?: number;
  column?: number;
  nearest?: string;
}

export interface Suggestions {
  start: number;
  end: number;
  suggestions: { text: string; kind: "key" | "value" | "name"; edges?: number }[];
  problem?: Problem;
}

export interface Status {
  version: string;
  now: number;
  started: number;
  ready: boolean;
  host?: Graph["host"];
  capture?: Capture;
  live: { bounds?: Bounds; tick?: number };
  history?: Bounds;
  formats: string[];
}

/** The two node ids of an edge: client and server, or both ends where nobody knows who called. */
export function endsOf(e: GraphEdge): [string, string] {
  return [e.client ?? e.ends?.[0] ?? "", e.server ?? e.ends?.[1] ?? ""];
}

/** Bytes a second in both directions; undefined where nobody could count. */
export function bytesOf(e: GraphEdge): number | undefined {
  if (e.tx === undefined && e.rx === undefined) return undefined;
  return (e.tx ?? 0) + (e.rx ?? 0);
}
