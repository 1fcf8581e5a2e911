// A chart over time. What is not known is a hole in the line, and times when nobody
// observed are hatched.

import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import uPlot from "uplot";
import { readTheme } from "../map/theme";
import type { Token } from "../model/encode";
import { clock } from "../model/format";
import { dark } from "../model/state";
import type { Series } from "../data/types";

export interface Line {
  measure: string;
  name: string;
  token: Token;
  dash?: number[];
}

export interface ChartProps {
  title: string;
  series: Series;
  lines: Line[];
  format: (n: number | undefined) => string;
  /** Where the window that is shown ends. */
  mark?: number | null;
}

const asTable = signal(false);

function hatch(u: uPlot, s: Series, colour: string): void {
  const { ctx, bbox } = u;
  for (const g of s.gaps ?? []) {
    const a = Math.max(bbox.left, u.valToPos(g.from / 1000, "x", true));
    const b = Math.min(bbox.left + bbox.width, u.valToPos(g.to / 1000, "x", true));
    if (b <= a) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(a, bbox.top, b - a, bbox.height);
    ctx.clip();
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1;
    ctx.beginPath();
    for (let x = a - bbox.height; x < b; x += 7) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
}

export function Chart({ title, series, lines, format, mark }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef({ series, mark });
  latest.current = { series, mark };
  const there = lines.filter((l) => series.columns[l.measure]?.some((v) => v !== null));
  const data = [series.times.map((t) => t / 1000), ...there.map((l) => series.columns[l.measure]!)] as uPlot.AlignedData;
  const shape = there.map((l) => l.measure).join() + dark.value;

  useEffect(() => {
    const element = host.current;
    if (!element || there.length === 0) return;
    const t = readTheme(dark.value);
    const u = new uPlot(
      {
        width: element.clientWidth || 320,
        height: 84,
        padding: [6, 4, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
        scales: { y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          { stroke: t.muted, font: `10px ${t.font}`, size: 18, gap: 2, ticks: { show: false }, grid: { show: false }, space: 60, values: (_u, v) => v.map((x) => clock(x * 1000).slice(0, 5)) },
          { stroke: t.muted, font: `10px ${t.font}`, size: 52, gap: 2, ticks: { show: false }, grid: { stroke: t.line, width: 0.5 }, space: 28, values: (_u, v) => v.map((x) => format(x)) },
        ],
        series: [{}, ...there.map((l) => ({ label: l.name, stroke: t.colour[l.token], width: 1.5, ...(l.dash ? { dash: l.dash } : {}), points: { show: false }, spanGaps: false }))],
        hooks: {
          drawClear: [(u) => hatch(u, latest.current.series, t.line)],
          draw: [
            (u) => {
              const m = latest.current.mark;
              if (!m) return;
              const x = u.valToPos(m / 1000, "x", true);
              u.ctx.fillStyle = t.colour.accent;
              u.ctx.fillRect(x, u.bbox.top, 1.5, u.bbox.height);
            },
          ],
          setCursor: [
            (u) => {
              const i = u.cursor.idx;
              const out = element.parentElement?.querySelector<HTMLElement>(".reading");
              if (!out) return;
              out.textContent =
                i === null || i === undefined || (u.cursor.left ?? -1) < 0 ? "" : clock(u.data[0][i]! * 1000) + "  " + there.map((l, k) => `${l.name} ${format(u.data[k + 1]?.[i] ?? undefined)}`).join("  ");
            },
          ],
        },
      },
      data,
      element,
    );
    plot.current = u;
    const resize = new ResizeObserver(() => u.setSize({ width: element.clientWidth, height: 84 }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      u.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [series, mark]);

  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <span class="keys">
          {there.map((l) => (
            <span key={l.measure}>
              <i class={"swatch " + l.token} />
              {l.name}
            </span>
          ))}
        </span>
        <span class="reading mono" />
        <button class="text" aria-pressed={asTable.value} onClick={() => (asTable.value = !asTable.value)}>
          {asTable.value ? "chart" : "data"}
        </button>
      </figcaption>
      {there.length === 0 ? (
        <p class="muted">not known in this time</p>
      ) : (
        <div class="plot" hidden={asTable.value} ref={host} role="img" aria-label={`${title}: ${summary(series, there, format)}`} />
      )}
      {asTable.value && there.length > 0 && <Values series={series} lines={there} format={format} />}
    </figure>
  );
}

function summary(s: Series, lines: Line[], format: ChartProps["format"]): string {
  return lines
    .map((l) => {
      const known = s.columns[l.measure]!.filter((v): v is number => v !== null);
      return `${l.name} last ${format(known[known.length - 1])}, at most ${format(Math.max(...known))}`;
    })
    .join("; ");
}

function Values({ series, lines, format }: { series: Series; lines: Line[]; format: ChartProps["format"] }) {
  const from = Math.max(0, series.times.length - 30);
  return (
    <div class="values" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th>time</th>
            {lines.map((l) => (
              <th key={l.measure}>{l.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.times.slice(from).map((t, i) => (
            <tr key={t}>
              <td>{clock(t)}</td>
              {lines.map((l) => (
                <td key={l.measure}>{format(series.columns[l.measure]![from + i] ?? undefined)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
