// The top of the page: where this is, the filter, the views, the clock.

import { goneSince, graph, lagging, skew, updates } from "../data/feed";
import { isProblem } from "../model/encode";
import { clock, dateAndClock, plural } from "../model/format";
import { at, go, panel, theme, themes, view, viewName } from "../model/state";
import { hostName } from "../model/cover";
import { shown } from "../model/shown";
import { views } from "../model/url";
import { FilterBox } from "./filterbox";
import { Icon } from "./icon";
import { ExportMenu } from "./exportmenu";

const themeIcons = { system: "auto", light: "sun", dark: "moon" };
const themeNames = { system: "as the system", light: "light", dark: "dark" };

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length]!;
}

function Live() {
  const g = graph.value;
  updates.value;
  const end = g ? Date.parse(g.window.end) : NaN;
  if (goneSince.value !== null) {
    return (
      <button class="live lost" onClick={() => go({ at: null })} title="The agent does not answer">
        <i />
        unreachable
      </button>
    );
  }
  if (at.value !== null) {
    return (
      <button class="live past" onClick={() => go({ at: null })} title="Back to now (p)">
        <i />
        {clock(at.value)}
        <b>go live</b>
      </button>
    );
  }
  return (
    <button class={lagging.value ? "live past" : "live"} onClick={pause} title={lagging.value ? "The latest that there is: a recording, or an agent that stands still" : "Live, with the time of the last update. Pause (p)"}>
      <i />
      {lagging.value ? "latest" : "live"}
      <span class="mono">{Number.isFinite(end) ? (lagging.value ? dateAndClock(end) : clock(end)) : "…"}</span>
    </button>
  );
}

/** Freezes what is on the screen, or goes on. */
export function pause(): void {
  if (view.value.at !== null) {
    go({ at: null });
    return;
  }
  const end = Date.parse(graph.value?.window.end ?? "");
  go({ at: Number.isFinite(end) && end > 0 ? end : Math.round(Date.now() + (skew.value ?? 0)) });
}

export function Header() {
  const g = graph.value;
  const problems = shown.value.edges.filter(isProblem).length;
  const on = view.value.problems;
  return (
    <header class="top">
      <div class="brand">
        <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
          <path d="M5.5 10L14.5 4.8M5.5 10l9 5.2" class="stroke" stroke-width="1.6" />
          <circle cx="5" cy="10" r="3.2" class="ok" />
          <circle cx="15" cy="4.5" r="2.6" class="tls" />
          <circle cx="15" cy="15.5" r="2.6" class="accent" />
        </svg>
        <h1>
          peerscope <span>{hostName(g, view.value.covered)}</span>
        </h1>
      </div>
      <FilterBox />
      <button
        class={on ? "problems on" : problems > 0 ? "problems some" : "problems"}
        aria-pressed={on}
        title="Only problems (e)"
        onClick={() => go({ problems: !on })}
      >
        <Icon name="warning" />
        <span>{problems === 0 ? "no problems" : plural(problems, "problem")}</span>
      </button>
      <div class="segments" role="group" aria-label="View">
        {views.map((v) => (
          <button key={v} aria-pressed={viewName.value === v} title={`${v} (${{ map: "m", table: "t", matrix: "x" }[v]})`} onClick={() => go({ view: v, force: false })}>
            <Icon name={v} />
            <span>{v[0]!.toUpperCase() + v.slice(1)}</span>
          </button>
        ))}
      </div>
      <div class="tools">
        <ExportMenu />
        <button class="quiet" title={`Colours: ${themeNames[theme.value]}`} aria-label={`Colours: ${themeNames[theme.value]}`} onClick={nextTheme}>
          <Icon name={themeIcons[theme.value]} />
        </button>
        <button class="quiet" title="Keys (?)" aria-label="Keys" onClick={() => (panel.value = panel.value === "help" ? "none" : "help")}>
          <Icon name="help" />
        </button>
      </div>
      <Live />
    </header>
  );
}
