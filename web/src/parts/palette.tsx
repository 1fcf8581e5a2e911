// The palette: everything the page can do, found by typing; and the same list for the
// ways to copy what is chosen.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { commands, matching, type Command } from "../model/commands";
import { count } from "../model/format";
import { panel } from "../model/state";
import { copy, forms } from "./copymenu";
import { formats } from "./exportmenu";

const most = 60;
const typed = signal("");
const at = signal(0);

function close(): void {
  panel.value = "none";
}

function copies(prefix: string): Command[] {
  const { list } = forms();
  return list.map((f) => ({ text: prefix + f.name, run: () => void copy(f.make(), f.name) }));
}

function all(): Command[] {
  if (panel.value === "copy") return copies("");
  return commands([...copies(`copy ${forms().what} as `), ...formats.map((f) => ({ text: "export as " + f.name, run: f.save }))]);
}

export function Palette() {
  const kind = panel.value;
  if (kind !== "palette" && kind !== "copy") return null;
  return <Open key={kind} title={kind === "copy" ? `Copy ${forms().what} as` : "Commands"} />;
}

function Open({ title }: { title: string }) {
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  // Before the page is painted: who types on at once means this line.
  useLayoutEffect(() => {
    const was = document.activeElement as HTMLElement | null;
    typed.value = "";
    at.value = 0;
    input.current?.focus();
    return () => was?.focus?.();
  }, []);
  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [at.value, typed.value]);
  const found = matching(all(), typed.value, most);
  const chosen = Math.min(at.value, found.list.length - 1);
  const run = (c: Command | undefined) => {
    if (!c) return;
    close();
    c.run();
  };
  const onKeyDown = (e: KeyboardEvent) => {
    const n = found.list.length;
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: Math.min(n - 1, chosen + 8), PageUp: Math.max(0, chosen - 8) }[e.key];
    if (to !== undefined) at.value = n > 0 ? (to + n) % n : 0;
    else if (e.key === "Enter") run(found.list[chosen]);
    else if (e.key === "Escape") close();
    else if (e.key !== "Tab") return; // the focus stays: all else is reached by arrows
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <div class="overlay high" onClick={(e) => e.target === e.currentTarget && close()}>
      <div class="palette" role="dialog" aria-modal="true" aria-label={title} onKeyDown={onKeyDown}>
        <input
          ref={input}
          type="text"
          spellcheck={false}
          autocomplete="off"
          role="combobox"
          aria-label={title}
          aria-expanded="true"
          aria-controls="palette-list"
          aria-autocomplete="list"
          aria-activedescendant={chosen >= 0 ? "command-" + chosen : undefined}
          placeholder={title + " …"}
          onInput={(e) => {
            typed.value = e.currentTarget.value;
            at.value = 0;
          }}
        />
        <ul id="palette-list" role="listbox" aria-label={title} ref={list}>
          {found.list.map((c, i) => (
            <li id={"command-" + i} key={c.text + (c.note ?? "")} role="option" aria-selected={i === chosen} onPointerMove={() => (at.value = i)} onClick={() => run(c)}>
              <span class="text">{c.text}</span>
              {c.note && <span class="about">{c.note}</span>}
              {c.key && <kbd>{c.key}</kbd>}
            </li>
          ))}
        </ul>
        {found.list.length === 0 && <p class="muted">Nothing is called that.</p>}
        {found.left > 0 && <p class="muted">and {count(found.left)} more: type on</p>}
      </div>
    </div>
  );
}
