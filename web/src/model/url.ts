// The view of the page as the fragment of its address, and back. A fragment is never
// sent to a server. What is as by default is left out, so that addresses stay short.

import type { Group, Level } from "../data/types";
import { colourings, labels, type Colouring, type Label } from "./encode";

export const levels: Level[] = ["process", "program", "container", "pod", "workload", "host", "namespace"];
export const groups: Group[] = ["host", "namespace", "container", "none"];
export const views = ["map", "table", "matrix"] as const;
export type ViewName = (typeof views)[number];

export interface View {
  view: ViewName;
  /** Shows the map even where there are too many edges for it. */
  force: boolean;
  level: Level;
  group: Group;
  filter: string;
  problems: boolean;
  noise: boolean;
  /** Only edges since this time, Unix milliseconds. */
  since: number | null;
  limit: number;
  /** Seconds. */
  window: number;
  /** Where the window ends, Unix milliseconds; null is now. */
  at: number | null;
  /** The other time of a comparison: what was before. */
  before: number | null;
  /** Ids of nodes and edges. */
  selected: string[];
  colour: Colouring;
  label: Label;
  /** Shows only what is within this many calls of the selected; 0 shows all. */
  hops: number;
  /** Group boxes drawn as one node. */
  folded: string[];
  /** Middles of nodes that a person moved. */
  pins: Record<string, [number, number]>;
  sort: string;
  /** Addresses in place of names. */
  addresses: boolean;
  /** Hosts, addresses and command lines are covered, for others' eyes. */
  covered: boolean;
}

export const defaults: View = {
  view: "map",
  force: false,
  level: "program",
  group: "host",
  filter: "",
  problems: false,
  noise: false,
  since: null,
  limit: 60,
  window: 60,
  at: null,
  before: null,
  selected: [],
  colour: "health",
  label: "rate",
  hops: 0,
  folded: [],
  pins: {},
  sort: "-bytes",
  addresses: false,
  covered: false,
};

export function encode(v: View): string {
  const q = new URLSearchParams();
  const put = (k: string, value: string | number, standard: string | number) => {
    if (value !== standard) q.set(k, String(value));
  };
  put("view", v.view, defaults.view);
  put("level", v.level, defaults.level);
  put("group", v.group, defaults.group);
  put("filter", v.filter, "");
  put("problems", v.problems ? 1 : 0, 0);
  put("noise", v.noise ? 1 : 0, 0);
  put("force", v.force ? 1 : 0, 0);
  put("since", v.since ?? "", "");
  put("limit", v.limit, defaults.limit);
  put("window", v.window, defaults.window);
  put("at", v.at ?? "", "");
  put("before", v.before ?? "", "");
  for (const s of v.selected) q.append("sel", s);
  put("colour", v.colour, defaults.colour);
  put("label", v.label, defaults.label);
  put("hops", v.hops, 0);
  for (const f of v.folded) q.append("fold", f);
  for (const [id, [x, y]] of Object.entries(v.pins)) q.append("pin", `${Math.round(x)},${Math.round(y)},${id}`);
  put("sort", v.sort, defaults.sort);
  put("addresses", v.addresses ? 1 : 0, 0);
  put("covered", v.covered ? 1 : 0, 0);
  return q.toString();
}

export function decode(fragment: string): View {
  const q = new URLSearchParams(fragment.replace(/^#/, ""));
  const one = <T extends string>(k: string, allowed: readonly T[], standard: T): T => {
    const value = q.get(k) as T | null;
    return value !== null && allowed.includes(value) ? value : standard;
  };
  const number = (k: string, least: number, most: number): number | null => {
    const text = q.get(k);
    const n = Number(text);
    return text === null || text === "" || !Number.isFinite(n) ? null : Math.min(most, Math.max(least, n));
  };
  const pins: View["pins"] = {};
  for (const pin of q.getAll("pin")) {
    const m = /^(-?\d+),(-?\d+),(.+)$/s.exec(pin);
    if (m) pins[m[3]!] = [Number(m[1]), Number(m[2])];
  }
  return {
    view: one("view", views, defaults.view),
    force: q.get("force") === "1",
    level: one("level", levels, defaults.level),
    group: one("group", groups, defaults.group),
    filter: q.get("filter") ?? "",
    problems: q.get("problems") === "1",
    noise: q.get("noise") === "1",
    since: number("since", 0, 1e15),
    limit: number("limit", 0, 20000) ?? defaults.limit,
    window: number("window", 1, 31 * 86400) ?? defaults.window,
    at: number("at", 0, 1e15),
    before: number("before", 0, 1e15),
    selected: q.getAll("sel"),
    colour: one("colour", colourings, defaults.colour),
    label: one("label", labels, defaults.label),
    hops: number("hops", 0, 9) ?? 0,
    folded: q.getAll("fold"),
    pins,
    sort: q.get("sort") ?? defaults.sort,
    addresses: q.get("addresses") === "1",
    covered: q.get("covered") === "1",
  };
}
