// What the page shows, as one value that the address of the page holds too.

import { computed, effect, signal } from "@preact/signals";
import { decode, defaults, encode, type View } from "./url";

export const view = signal<View>(decode(location.hash));

/** Reads one member, so that only who uses it is drawn again when it changes. */
function member<K extends keyof View>(k: K) {
  return computed(() => view.value[k]);
}

export const selected = member("selected");
export const level = member("level");
export const filter = member("filter");
export const at = member("at");
export const before = member("before");
export const viewName = member("view");
export const colour = member("colour");
export const label = member("label");

let pushed = encode(view.value);

/**
 * Changes the view. A step that a person would want to take back with the browser's
 * button gets an entry of its own; playing, dragging and the like replace the entry.
 */
export function go(change: Partial<View>, how: "step" | "replace" = "step"): void {
  const next = { ...view.value, ...change };
  const code = encode(next);
  view.value = next;
  if (code === pushed) return;
  const url = location.pathname + location.search + (code ? "#" + code : "");
  if (how === "step") history.pushState(null, "", url);
  else history.replaceState(null, "", url);
  pushed = code;
}

export function follow(): void {
  const read = () => {
    pushed = location.hash.replace(/^#/, "");
    view.value = decode(location.hash);
  };
  addEventListener("popstate", read);
  addEventListener("hashchange", read);
}

export function select(id: string | null, more = false): void {
  const old = view.value.selected;
  if (id === null) {
    if (old.length > 0 || view.value.hops > 0) go({ selected: [], hops: 0 });
    return;
  }
  const next = more ? (old.includes(id) ? old.filter((x) => x !== id) : [...old.slice(-1), id]) : [id];
  go({ selected: next, hops: view.value.hops > 0 && !more ? view.value.hops : 0 });
}

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

function stored<T extends string>(key: string, allowed: readonly T[], standard: T): T {
  try {
    const v = localStorage.getItem("peerscope." + key) as T | null;
    return v !== null && allowed.includes(v) ? v : standard;
  } catch {
    return standard; // storage may be switched off
  }
}

export const theme = signal<Theme>(stored("theme", themes, "system"));
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(prefersDark.matches);
prefersDark.addEventListener("change", (e) => (systemDark.value = e.matches));
/** The page is on its way to paper, which is light. */
export const printing = signal(false);
export const dark = computed(() => !printing.value && (theme.value === "system" ? systemDark.value : theme.value === "dark"));

const stillness = matchMedia("(prefers-reduced-motion: reduce)");
export const calm = signal(stillness.matches);
stillness.addEventListener("change", (e) => (calm.value = e.matches));

effect(() => void document.documentElement.classList.toggle("covered", view.value.covered));

effect(() => {
  document.documentElement.dataset["theme"] = dark.value ? "dark" : "light";
  try {
    localStorage.setItem("peerscope.theme", theme.value);
  } catch {
    // Then it is not remembered.
  }
});

export interface Preset {
  name: string;
  filter: string;
}

function readPresets(): Preset[] {
  try {
    const v: unknown = JSON.parse(localStorage.getItem("peerscope.presets") ?? "[]");
    return Array.isArray(v) ? v.filter((p): p is Preset => typeof p?.name === "string" && typeof p?.filter === "string") : [];
  } catch {
    return [];
  }
}

export const presets = signal<Preset[]>(readPresets());

export function savePresets(list: Preset[]): void {
  presets.value = list;
  try {
    localStorage.setItem("peerscope.presets", JSON.stringify(list));
  } catch {
    // Then they last as long as the page.
  }
}

export const panel = signal<"none" | "help" | "export" | "legend" | "palette" | "copy">("none");
export const hovered = signal<string | null>(null);
/** The word that is being typed into the filter: what has it in its name stands out meanwhile. */
export const sought = signal("");

export { defaults };
