// The filter: terms as chips, a line to add one, and what may come next with how
// many edges have it now.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api } from "../data/api";
import { filterProblem, graph } from "../data/feed";
import type { Suggestions } from "../data/types";
import { join, split } from "../model/chips";
import { filter, go, sought } from "../model/state";
import { Icon } from "./icon";

/** What is typed and not added yet. */
const draft = sought;
const offers = signal<Suggestions | null>(null);
const chosen = signal(-1);
const open = signal(false);
export const filterInput: { current: HTMLInputElement | null } = { current: null };

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** Positions of the API are bytes, those of the page are characters. */
function bytesBefore(text: string, n: number): number {
  return utf8.encode(text.slice(0, n)).length;
}

function cut(text: string, from: number, to: number): [string, string] {
  const b = utf8.encode(text);
  return [fromUtf8.decode(b.slice(0, from)), fromUtf8.decode(b.slice(to))];
}

export function addTerm(term: string): void {
  const terms = split(filter.value);
  if (!terms.includes(term)) go({ filter: join([...terms, term]) });
}

export function removeTerm(i: number): void {
  go({ filter: join(split(filter.value).filter((_, j) => j !== i)) });
}

let pending: AbortController | null = null;

function ask(text: string, position: number): void {
  pending?.abort();
  pending = new AbortController();
  api.suggest({ q: text || undefined, position: text ? bytesBefore(text, position) : undefined, limit: 9 }, pending.signal).then(
    (s) => {
      offers.value = s;
      chosen.value = -1;
    },
    () => undefined, // aborted, or the agent is gone, which is said elsewhere
  );
}

function accept(input: HTMLInputElement, text: string): void {
  const s = offers.value;
  if (!s) return;
  const [head, tail] = cut(draft.value, s.start, s.end);
  draft.value = head + text + tail;
  const caret = (head + text).length;
  requestAnimationFrame(() => {
    input.setSelectionRange(caret, caret);
    ask(draft.value, caret);
  });
}

function commit(): void {
  const text = draft.value.trim();
  if (!text) return;
  if (offers.value?.problem && offers.value.problem.position !== undefined && offers.value.problem.code === "bad_filter") return;
  go({ filter: join([...split(filter.value), ...split(text)]) });
  draft.value = "";
  open.value = false;
}

function onKeyDown(e: KeyboardEvent & { currentTarget: HTMLInputElement }): void {
  const list = open.value ? (offers.value?.suggestions ?? []) : [];
  const input = e.currentTarget;
  switch (e.key) {
    case "ArrowDown":
    case "ArrowUp":
      if (list.length === 0) return;
      chosen.value = (chosen.value + (e.key === "ArrowDown" ? 1 : -1) + list.length + 1) % (list.length + 1);
      if (chosen.value === list.length) chosen.value = -1;
      break;
    case "Tab":
      if (list.length === 0 || e.shiftKey || draft.value === "") return;
      accept(input, list[Math.max(0, chosen.value)]!.text);
      break;
    case "Enter":
      if (chosen.value >= 0 && list[chosen.value]) accept(input, list[chosen.value]!.text);
      else commit();
      break;
    case "Escape":
      if (open.value && list.length > 0) open.value = false;
      else if (draft.value) draft.value = "";
      else input.blur();
      break;
    case "Backspace":
      if (draft.value !== "") return;
      {
        const terms = split(filter.value);
        if (terms.length === 0) return;
        draft.value = terms[terms.length - 1]!;
        go({ filter: join(terms.slice(0, -1)) });
      }
      break;
    default:
      return;
  }
  e.preventDefault();
  e.stopPropagation();
}

export function FilterBox() {
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    filterInput.current = input.current;
    const away = (e: PointerEvent) => {
      if (!box.current?.contains(e.target as Node)) open.value = false;
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, []);
  const terms = split(filter.value);
  const list = open.value ? (offers.value?.suggestions ?? []) : [];
  const found = draft.value ? offers.value?.problem : filterProblem.value;
  // What only lacks what comes next is not wrong yet, while there is something to come.
  const unfinished = draft.value !== "" && list.length > 0 && (found?.column ?? 0) > draft.value.length;
  const problem = unfinished ? undefined : found;
  const g = graph.value;
  return (
    <div class={problem ? "filter wrong" : "filter"} ref={box} role="search">
      <Icon name="search" />
      <div class="chips">
        {terms.map((t, i) => (
          <span class="chip" key={i + t}>
            <button
              class="chip-text"
              title="Edit"
              onClick={() => {
                draft.value = t;
                removeTerm(i);
                input.current?.focus();
              }}
            >
              {t}
            </button>
            <button class="chip-close" title={`Remove ${t}`} aria-label={`Remove ${t}`} onClick={() => removeTerm(i)}>
              <Icon name="close" size={11} />
            </button>
          </span>
        ))}
        <input
          ref={input}
          type="text"
          spellcheck={false}
          autocomplete="off"
          aria-label="Filter"
          role="combobox"
          aria-expanded={list.length > 0}
          aria-controls="filter-offers"
          aria-autocomplete="list"
          aria-activedescendant={chosen.value >= 0 ? "offer-" + chosen.value : undefined}
          aria-invalid={!!problem}
          placeholder={terms.length ? "" : "filter: nginx to:port:5432 rtt>10ms"}
          value={draft.value}
          onFocus={() => {
            open.value = true;
            ask(draft.value, draft.value.length);
          }}
          onInput={(e) => {
            draft.value = e.currentTarget.value;
            open.value = true;
            ask(draft.value, e.currentTarget.selectionStart ?? draft.value.length);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => (open.value = false)}
        />
      </div>
      {terms.length > 0 && g?.matched && g.total && (
        <span class="matched" title="Edges that match, of all in the window">
          {g.matched.edges}/{g.total.edges}
        </span>
      )}
      {terms.length === 0 && !draft.value && <kbd>/</kbd>}
      {(list.length > 0 || (problem && open.value)) && (
        <div class="offers">
          {problem && (
            <p class="problem" role="alert">
              {problem.detail}
              {problem.column !== undefined && draft.value && (
                <code>
                  {draft.value}
                  {"\n"}
                  {" ".repeat(Math.max(0, problem.column - 1))}^
                </code>
              )}
            </p>
          )}
          <ul id="filter-offers" role="listbox" aria-label="What may come next">
            {list.map((s, i) => (
              <li
                id={"offer-" + i}
                key={s.kind + s.text}
                role="option"
                aria-selected={chosen.value === i}
                onPointerDown={(e) => {
                  e.preventDefault();
                  if (input.current) accept(input.current, s.text);
                }}
              >
                <span class={"offer " + s.kind}>{s.text}</span>
                {s.edges !== undefined && <span class="count">{s.edges}</span>}
              </li>
            ))}
          </ul>
          <p class="hint">
            <kbd>Tab</kbd> completes, <kbd>Enter</kbd> adds, <kbd>!</kbd> negates
          </p>
        </div>
      )}
      {problem && !open.value && (
        <p class="filter-error" role="alert">
          {problem.detail}
        </p>
      )}
    </div>
  );
}
