// What is drawn how: widths, colours and dashes of edges. The scales are absolute,
// so that two times, or two hosts, can be compared by eye.

import { bytesOf, type GraphEdge, type GraphNode, type Health } from "../data/types";

/** Width of an edge in CSS pixels, from bytes a second both ways. */
export function edgeWidth(bytesPerSecond: number | undefined): number {
  const w = 1 + 1.4 * Math.log10(1 + (bytesPerSecond ?? 0) / 1000);
  return Math.min(8, Math.max(1, w));
}

export const colourings = ["health", "rtt", "failures", "tls", "protocol", "age"] as const;
export type Colouring = (typeof colourings)[number];

export const colouringNames: Record<Colouring, string> = {
  health: "health",
  rtt: "round trip",
  failures: "failures",
  tls: "TLS",
  protocol: "protocol",
  age: "age",
};

/** Names of the custom properties that colour things; the theme gives them values. */
export type Token = "ok" | "warn" | "bad" | "error" | "idle" | "tls" | "accent" | "cat1" | "cat2" | "cat3" | "cat4" | "cat5";

/** What each colour means under a colouring, in the order of the legend. */
export function legendOf(c: Colouring): { token: Token; text: string }[] {
  switch (c) {
    case "health":
      return [
        { token: "ok", text: "ok" },
        { token: "warn", text: "warning" },
        { token: "bad", text: "bad" },
        { token: "error", text: "error" },
        { token: "idle", text: "idle" },
      ];
    case "rtt":
      return [
        { token: "ok", text: "below 1 ms" },
        { token: "tls", text: "below 10 ms" },
        { token: "warn", text: "below 100 ms" },
        { token: "bad", text: "100 ms or more" },
        { token: "idle", text: "not known" },
      ];
    case "failures":
      return [
        { token: "ok", text: "none" },
        { token: "warn", text: "below 1 %" },
        { token: "bad", text: "below 5 %" },
        { token: "error", text: "5 % or more" },
      ];
    case "tls":
      return [
        { token: "tls", text: "TLS" },
        { token: "warn", text: "plain text" },
        { token: "idle", text: "not known" },
      ];
    case "protocol":
      return [
        { token: "cat1", text: "HTTP, gRPC" },
        { token: "cat2", text: "databases" },
        { token: "cat3", text: "caches, queues" },
        { token: "cat4", text: "DNS" },
        { token: "cat5", text: "other" },
        { token: "idle", text: "not known" },
      ];
    case "age":
      return [
        { token: "accent", text: "below 1 min" },
        { token: "warn", text: "below 10 min" },
        { token: "ok", text: "older" },
        { token: "idle", text: "not known" },
      ];
  }
}

export function edgeToken(e: GraphEdge, by: Colouring, now: number): Token {
  switch (by) {
    case "health":
      return healthToken(e.health);
    case "rtt": {
      const s = e.rtt?.p95 ?? e.rtt?.mean;
      return s === undefined ? "idle" : s < 0.001 ? "ok" : s < 0.01 ? "tls" : s < 0.1 ? "warn" : "bad";
    }
    case "failures": {
      const share = failureShare(e);
      return share === 0 ? "ok" : share < 0.01 ? "warn" : share < 0.05 ? "bad" : "error";
    }
    case "tls":
      return e.tls === undefined ? "idle" : e.tls ? "tls" : "warn";
    case "protocol":
      return protocolToken(e);
    case "age": {
      if (e.since === undefined) return "idle";
      const s = (now - e.since) / 1000;
      return s < 60 ? "accent" : s < 600 ? "warn" : "ok";
    }
  }
}

/** Failed connects among those that were tried, 0 to 1. */
export function failureShare(e: GraphEdge): number {
  const tried = (e.opened ?? 0) + (e.failed ?? 0);
  return tried > 0 ? (e.failed ?? 0) / tried : 0;
}

export function healthToken(h: Health | undefined): Token {
  return h ?? "ok";
}

function protocolToken(e: GraphEdge): Token {
  const name = (e.protocols?.find((p) => p.name)?.name ?? "").toLowerCase();
  if (name === "") return "idle";
  if (/http|grpc|fcgi|websocket/.test(name)) return "cat1";
  if (/postgres|mysql|mongo|mssql|oracle|cassandra|clickhouse/.test(name)) return "cat2";
  if (/redis|memcache|kafka|amqp|nats|mqtt/.test(name)) return "cat3";
  if (/dns/.test(name)) return "cat4";
  return "cat5";
}

/** How an edge's line is drawn, besides colour: never by colour alone. */
export function lineOf(e: GraphEdge): "solid" | "dashed" | "dotted" {
  const q = e.quality;
  if (e.health === "idle" && !e.active) return "dotted";
  if (q && [q.client, q.server].some((w) => w === "inferred" || w === "unknown")) return "dashed";
  return "solid";
}

/** Bytes flow one way only, as far as anybody counted. */
export function oneWay(e: GraphEdge): boolean {
  return e.transport === "udp" && (e.tx ?? 0) > 0 && (e.rx ?? 0) === 0;
}

export const labels = ["rate", "rtt", "connections", "failures", "port", "none"] as const;
export type Label = (typeof labels)[number];

export const labelNames: Record<Label, string> = {
  rate: "bytes/s",
  rtt: "round trip",
  connections: "connections/s",
  failures: "failures",
  port: "port",
  none: "none",
};

export function traffic(e: GraphEdge): number {
  return bytesOf(e) ?? 0;
}

const severity: Health[] = ["idle", "ok", "warn", "bad", "error"];

export function worse(a: Health | undefined, b: Health | undefined): Health | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return severity.indexOf(a) >= severity.indexOf(b) ? a : b;
}

export function isProblem(x: GraphEdge | GraphNode): boolean {
  return x.health === "warn" || x.health === "bad" || x.health === "error";
}
