// For those who hear the page: all nodes and edges as sentences, and news of
// problems, no more than one in ten seconds.

import { effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isProblem } from "../model/encode";
import { count, plural } from "../model/format";
import { nodeSentence, sentence } from "../model/sentence";
import { nameOf, shown } from "../model/shown";
import { select } from "../model/state";

const most = 400;
const news = signal("");
let last = new Set<string>();
let told = 0;

function tell(): void {
  const problems = new Map(shown.peek().edges.filter(isProblem).map((e) => [e.id, e]));
  const appeared = [...problems.keys()].filter((id) => !last.has(id));
  const mended = [...last].filter((id) => !problems.has(id)).length;
  if (appeared.length === 0 && mended === 0) return;
  if (Date.now() - told < 10_000) return;
  told = Date.now();
  last = new Set(problems.keys());
  const first = problems.get(appeared[0] ?? "");
  const parts: string[] = [];
  if (first) parts.push(appeared.length === 1 ? (first.sentence ?? sentence(first, nameOf)) : `${plural(appeared.length, "new problem")}, the first: ${first.sentence ?? sentence(first, nameOf)}`);
  if (mended > 0) parts.push(`${plural(mended, "problem")} less`);
  news.value = parts.join(". ");
}

/** The words follow the map every ten seconds: who listens to a list wants it to stay. */
const still = 10_000;
const words = signal(shown.peek());
let taken = 0;
effect(() => {
  const s = shown.value;
  const first = words.peek().nodes.length === 0;
  const t = Date.now();
  if (!first && t - taken < still) return;
  taken = t;
  words.value = s;
});

export function Reader() {
  useEffect(tell, [shown.value]);
  const s = words.value;
  return (
    <>
      <div class="hidden-list" aria-live="polite" id="news">
        {news.value}
      </div>
      <section class="hidden-list" aria-label="The map in words">
        <h2>The map in words</h2>
        <p>
          {plural(s.nodes.length, "node")}, {plural(s.edges.length, "edge")}.{s.edges.length > most ? ` The first ${most} are listed; the table has all.` : ""}
        </p>
        <h3>Nodes</h3>
        <ul id="nodes-in-words">
          {s.nodes.slice(0, most).map((n) => (
            <li key={n.id}>
              <button onClick={() => select(n.id)}>{n.sentence ?? nodeSentence(n)}</button>
            </li>
          ))}
        </ul>
        <h3>Edges</h3>
        <ul id="edges-in-words">
          {s.edges.slice(0, most).map((e) => (
            <li key={e.id}>
              <button onClick={() => select(e.id)}>{e.sentence ?? sentence(e, nameOf)}</button>
            </li>
          ))}
        </ul>
        <p>{count(s.edges.length)} edges end here.</p>
      </section>
    </>
  );
}
