// The strip of time: how much was going on, what happened, where nobody looked, and
// the window that is shown, which can be dragged.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { now } from "../data/feed";
import type { Timeline as Data, TimelineEvent } from "../data/types";
import { clock, dateAndClock, rate } from "../model/format";
import { at, before, go, select, view } from "../model/state";
import { events, extent, jumpEvent, noHistory, playing, range, ranges, speed, speeds, stepTime, timeline, toggleCompare, togglePlay } from "../model/time";
import { edgesById } from "../model/shown";
import { pause } from "./header";
import { Icon } from "./icon";

const width = signal(800);
const tall = 46;
const strip = 34;
const reading = signal<{ x: number; text: string } | null>(null);

type X = (t: number) => number;

function bars(d: Data, x: X): { all: string; failed: string; most: number } {
  const { times, columns, step_ms } = d.series;
  const sums = times.map((_, i) => {
    const [tx, rx] = [columns["tx"]?.[i], columns["rx"]?.[i]];
    return tx == null && rx == null ? null : (tx ?? 0) + (rx ?? 0);
  });
  const most = Math.max(1, ...sums.map((s) => s ?? 0));
  let all = "";
  let failed = "";
  times.forEach((t, i) => {
    const a = x(t);
    const b = Math.max(a + 1, x(t + step_ms) - (x(step_ms) - x(0) > 3 ? 1 : 0));
    const s = sums[i];
    if (s != null) {
      // The root lets small traffic be seen beside large.
      const h = s > 0 ? Math.max(1.5, Math.sqrt(s / most) * (strip - 6)) : 0.8;
      all += `M${a.toFixed(1)} ${strip}V${(strip - h).toFixed(1)}H${b.toFixed(1)}V${strip}z`;
    }
    if ((columns["failed"]?.[i] ?? 0) > 0) failed += `M${a.toFixed(1)} 0H${b.toFixed(1)}V3H${a.toFixed(1)}z`;
  });
  return { all, failed, most };
}

const kinds: Record<string, [string, string]> = {
  edge_new: ["new", "new edge"],
  edge_failing: ["failing", "connects fail"],
  edge_mended: ["mended", "connects succeed again"],
  process_start: ["start", "process started"],
  process_exit: ["exit", "process ended"],
  lost: ["lost", "something was lost"],
};

const weight = ["edge_failing", "lost", "process_exit", "edge_mended", "edge_new", "process_start"];

/** Events that would cover each other become one mark, of its gravest kind. */
function marks(list: TimelineEvent[], x: X): { x: number; kind: string; events: TimelineEvent[] }[] {
  const out: { x: number; kind: string; events: TimelineEvent[] }[] = [];
  for (const e of [...list].sort((a, b) => a.time - b.time)) {
    const px = x(e.time);
    if (px < 0 || px > width.value) continue;
    const last = out[out.length - 1];
    if (last && px - last.x < 7) {
      last.events.push(e);
      if (weight.indexOf(e.kind) < weight.indexOf(last.kind)) last.kind = e.kind;
    } else out.push({ x: px, kind: e.kind, events: [e] });
  }
  return out;
}

const shapes: Record<string, string> = {
  edge_new: "M0 -4L4 3H-4z",
  process_start: "M-3 -3.5L4 0L-3 3.5z",
  process_exit: "M-3 -3h6v6h-6z",
  edge_failing: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5",
  edge_mended: "M-3.5 0L-1 3L3.5 -3.5",
  lost: "M0 -4L4 0L0 4L-4 0z",
};

function eventText(list: TimelineEvent[]): string {
  const shown = list.slice(0, 6).map((e) => `${clock(e.time)}  ${e.text}`);
  return shown.join("\n") + (list.length > 6 ? `\nand ${list.length - 6} more` : "");
}

function ticks(from: number, to: number): number[] {
  const steps = [30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400].map((s) => s * 1000);
  const step = steps.find((s) => ((to - from) / s) * 90 < width.value) ?? 86400_000;
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const out: number[] = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) out.push(t);
  return out;
}

function Strip() {
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const e = svg.current!.parentElement!;
    const r = new ResizeObserver(() => (width.value = Math.max(100, e.clientWidth)));
    r.observe(e);
    return () => r.disconnect();
  }, []);
  const [from, to] = extent.value;
  const w = width.value;
  const x: X = (t) => ((t - from) / (to - from)) * w;
  const d = timeline.value;
  const b = d ? bars(d, x) : null;
  const end = at.value ?? to;
  const timeAt = (e: PointerEvent) => {
    const r = svg.current!.getBoundingClientRect();
    return Math.round(from + Math.max(0, Math.min(1, (e.clientX - r.left) / r.width)) * (to - from));
  };
  const scrub = (e: PointerEvent, how: "step" | "replace") => {
    const t = timeAt(e);
    playing.value = false;
    const live = t > now() - (to - from) * 0.004;
    if (e.altKey || (e.target as Element).closest(".before")) go({ before: t }, how);
    else go({ at: live ? null : t }, how);
  };
  const oldest = d?.bounds?.oldest;
  return (
    <div
      class="strip"
      role="slider"
      tabIndex={0}
      aria-label="Time"
      aria-valuemin={Math.round(from / 1000)}
      aria-valuemax={Math.round(to / 1000)}
      aria-valuenow={Math.round(end / 1000)}
      aria-valuetext={at.value === null ? "now, live" : dateAndClock(at.value)}
      onKeyDown={(e) => {
        const n = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageUp: 6, PageDown: -6 }[e.key];
        if (n !== undefined) stepTime(n);
        else if (e.key === "End") go({ at: null });
        else if (e.key === "Home" && oldest) go({ at: Math.round(Math.max(oldest, from)) });
        else return;
        e.preventDefault();
        e.stopPropagation();
      }}
    >
      <svg
        ref={svg}
        width={w}
        height={tall + 14}
        aria-hidden="true"
        onPointerDown={(e) => {
          if ((e.target as Element).closest(".mark")) return;
          svg.current!.setPointerCapture(e.pointerId);
          scrub(e, "step");
        }}
        onPointerMove={(e) => {
          const t = timeAt(e);
          const i = d ? Math.floor((t - (d.series.times[0] ?? 0)) / d.series.step_ms) : -1;
          const v = d ? (d.series.columns["tx"]?.[i] ?? 0) + (d.series.columns["rx"]?.[i] ?? 0) : 0;
          const gap = d?.series.gaps?.find((g) => t >= g.from && t < g.to);
          reading.value = { x: x(t), text: gap ? `no data ${clock(gap.from)} to ${clock(gap.to)}${gap.reason ? ": " + gap.reason : ""}` : `${clock(t)}  ${d && i >= 0 && i < d.series.times.length ? rate(v) : ""}` };
          if (e.buttons === 1 && svg.current!.hasPointerCapture(e.pointerId)) scrub(e, "replace");
        }}
        onPointerLeave={() => (reading.value = null)}
      >
        <defs>
          <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0V6" class="hatch" />
          </pattern>
        </defs>
        <rect class="ground" x="0" y="0" width={w} height={strip} />
        {oldest !== undefined && oldest > from && <rect class="never" x="0" y="0" width={Math.max(0, x(Math.min(oldest, to)))} height={strip} fill="url(#hatch)" />}
        {b && <path class="bars" d={b.all} />}
        {b && <path class="bars failed" d={b.failed} />}
        {d?.series.gaps?.map((g) => {
          const [p, q] = [Math.max(0, x(g.from)), Math.min(w, x(g.to))];
          return q > p ? <rect key={g.from} class="gap" x={p} y="0" width={q - p} height={strip} fill="url(#hatch)" /> : null;
        })}
        {oldest !== undefined && x(Math.min(oldest, to)) > 170 && (
          <text class="never-text" x={x(Math.min(oldest, to)) - 8} y={strip / 2 + 4}>
            {noHistory.value && x(Math.min(oldest, to)) > 320 ? "no history is kept: " : ""}nothing before {dateAndClock(oldest)}
          </text>
        )}
        {ticks(from, to).map((t) => (
          <g key={t} class="tick">
            <path d={`M${x(t).toFixed(1)} ${tall - 2}v3`} />
            <text x={Math.max(20, Math.min(w - 20, x(t)))} y={tall + 11} hidden={x(t) < 12 || x(t) > w - 12}>
              {to - from > 86400_000 ? new Date(t).toLocaleDateString("en-CA").slice(5) : clock(t).slice(0, t % 60_000 === 0 ? 5 : 8)}
            </text>
          </g>
        ))}
        <rect class="window" x={x(end - view.value.window * 1000)} y="0" width={Math.max(2, x(end) - x(end - view.value.window * 1000))} height={strip} />
        {before.value !== null && (
          <g class="before">
            <rect class="window a" x={x(before.value - view.value.window * 1000)} y="0" width={Math.max(2, x(before.value) - x(before.value - view.value.window * 1000))} height={strip} />
            <path class="handle a" d={`M${x(before.value)} 0V${strip}`} />
            <text x={x(before.value) + 3} y="10">
              A
            </text>
          </g>
        )}
        {at.value !== null && <path class="handle" d={`M${x(at.value)} -2V${strip + 2}`} />}
        {before.value !== null && at.value !== null && (
          <text class="b" x={x(at.value) + 3} y="10">
            B
          </text>
        )}
        {marks(events.value, x).map((m) => (
          <g
            key={m.events[0]!.time + m.kind + m.events.length}
            class={"mark " + (kinds[m.kind]?.[0] ?? "")}
            transform={`translate(${m.x.toFixed(1)} ${strip + 7})`}
            onClick={() => {
              const e = m.events[0]!;
              playing.value = false;
              go({ at: Math.min(Math.round(now()), e.time + 1000) });
              if (e.edge && edgesById.value.has(e.edge)) select(e.edge);
            }}
            onPointerMove={(ev) => {
              reading.value = { x: m.x, text: eventText(m.events) };
              ev.stopPropagation();
            }}
          >
            <rect x="-6" y="-7" width="12" height="14" />
            <path d={shapes[m.kind] ?? shapes["lost"]!} />
          </g>
        ))}
      </svg>
      {reading.value && (
        <div class="strip-tip" style={reading.value.x > w / 2 ? { right: `${w - reading.value.x + 8}px` } : { left: `${reading.value.x + 8}px` }}>
          {reading.value.text}
        </div>
      )}
    </div>
  );
}

export function TimelineBar() {
  const live = at.value === null;
  return (
    <section class="timeline" aria-label="Time">
      <div class="time-buttons">
        <button title="Back ( [ )" aria-label="One step back" onClick={() => stepTime(-1)}>
          <Icon name="back" />
        </button>
        <button title={playing.value ? "Stop playing" : live ? "Pause (p)" : "Play"} aria-label={playing.value ? "Stop playing" : live ? "Pause" : "Play"} onClick={() => (live ? pause() : togglePlay())}>
          <Icon name={playing.value || live ? "pause" : "play"} />
        </button>
        <button title="Forward ( ] )" aria-label="One step forward" disabled={live} onClick={() => stepTime(1)}>
          <Icon name="forward" />
        </button>
        <button class="speed" title="Speed of playing" aria-label={`×${speed.value}: speed of playing`} onClick={() => (speed.value = speeds[(speeds.indexOf(speed.value as never) + 1) % speeds.length]!)}>
          ×{speed.value}
        </button>
        <button title="Compare two times (c)" aria-label="A|B: compare two times" aria-pressed={before.value !== null} onClick={toggleCompare}>
          <b>A|B</b>
        </button>
      </div>
      <Strip />
      <div class="time-range">
        <select aria-label="Range of the strip" value={range.value} onChange={(e) => (range.value = Number(e.currentTarget.value))}>
          {ranges.map(([s, n]) => (
            <option key={s} value={s}>
              {n}
            </option>
          ))}
        </select>
        <select aria-label="Length of the window" title="How much of the time the map adds up" value={view.value.window} onChange={(e) => go({ window: Number(e.currentTarget.value) })}>
          {[...new Set([10, 60, 300, 3600, view.value.window])]
            .sort((a, b) => a - b)
            .map((s) => (
              <option key={s} value={s}>
                {s < 60 ? s + " s" : s < 3600 ? s / 60 + " min" : s / 3600 + " h"} window
              </option>
            ))}
        </select>
      </div>
      <ul class="hidden-list" aria-label="Events">
        {events.value.slice(-20).map((e, i) => (
          <li key={i}>
            <button onClick={() => go({ at: Math.min(Math.round(now()), e.time + 1000) })}>
              {clock(e.time)} {e.text}
            </button>
          </li>
        ))}
      </ul>
      <span class="hidden-list">
        <button onClick={() => jumpEvent(-1)}>Previous event</button>
        <button onClick={() => jumpEvent(1)}>Next event</button>
      </span>
    </section>
  );
}
