// Calls of the HTTP API v1. All go to where the page came from.

import type { EdgeDetail, Explanation, Graph, NodeDetail, Paths, Problem, Series, Status, Suggestions, Timeline } from "./types";

export type Query = Record<string, string | number | boolean | undefined>;

/** What the server says is wrong, in the shape of RFC 9457. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail || problem.title);
  }
}

/** Nobody answers: the agent is gone, or the way to it. */
export class Unreachable extends Error {}

export function address(path: string, query: Query = {}): string {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) {
    if (v !== undefined && v !== "" && v !== false) q.set(k, String(v));
  }
  const s = q.toString();
  return "/api/v1/" + path + (s ? "?" + s : "");
}

async function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address(path, query), { signal: signal ?? null, headers: { Accept: "application/json" } });
  } catch (e) {
    if (signal?.aborted) throw e;
    throw new Unreachable("the agent does not answer");
  }
  if (answer.ok) return (await answer.json()) as T;
  let problem: Problem = { title: answer.statusText, status: answer.status, detail: "", code: "" };
  try {
    problem = { ...problem, ...((await answer.json()) as Problem) };
  } catch {
    // No body that can be read: the status line says what there is to say.
  }
  throw new ApiError(problem);
}

const id = encodeURIComponent;

export const api = {
  graph: (q: Query, s?: AbortSignal) => get<Graph>("graph", q, s),
  edge: (e: string, q: Query, s?: AbortSignal) => get<EdgeDetail>("edges/" + id(e), q, s),
  edgeSeries: (e: string, q: Query, s?: AbortSignal) => get<Series>(`edges/${id(e)}/series`, q, s),
  node: (n: string, q: Query, s?: AbortSignal) => get<NodeDetail>("nodes/" + id(n), q, s),
  path: (q: Query, s?: AbortSignal) => get<Paths>("path", q, s),
  explain: (q: Query, s?: AbortSignal) => get<Explanation>("explain", q, s),
  timeline: (q: Query, s?: AbortSignal) => get<Timeline>("timeline", q, s),
  suggest: (q: Query, s?: AbortSignal) => get<Suggestions>("suggest", q, s),
  status: (s?: AbortSignal) => get<Status>("status", {}, s),
};
