// What width, colour, dashes and signs mean; open or folded to one line.

import { signal } from "@preact/signals";
import { colouringNames, colourings, edgeWidth, labelNames, labels, legendOf } from "../model/encode";
import { colour, go, label } from "../model/state";
import { before } from "../model/state";

export const legendOpen = signal(false);

function Line({ children, text }: { children: preact.ComponentChildren; text: string }) {
  return (
    <li>
      <svg width="34" height="12" viewBox="0 0 34 12" aria-hidden="true">
        {children}
      </svg>
      {text}
    </li>
  );
}

export function Legend() {
  const open = legendOpen.value;
  return (
    <div class={open ? "legend open" : "legend"}>
      <div class="legend-head">
        <label>
          <span>colour</span>
          <select value={colour.value} onChange={(e) => go({ colour: e.currentTarget.value as never })} title="Colour by (o)">
            {colourings.map((c) => (
              <option value={c} key={c}>
                {colouringNames[c]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>label</span>
          <select value={label.value} onChange={(e) => go({ label: e.currentTarget.value as never })} title="Label of edges (l)">
            {labels.map((c) => (
              <option value={c} key={c}>
                {labelNames[c]}
              </option>
            ))}
          </select>
        </label>
        <button class="text" aria-expanded={open} onClick={() => (legendOpen.value = !open)}>
          legend
        </button>
      </div>
      <ul class="swatches">
        {before.value !== null ? (
          <>
            <li><i class="swatch tls" />added</li>
            <li><i class="swatch warn" />changed</li>
            <li><i class="swatch idle" />gone</li>
          </>
        ) : (
          legendOf(colour.value).map((l) => (
            <li key={l.token + l.text}>
              <i class={"swatch " + l.token} />
              {l.text}
            </li>
          ))
        )}
      </ul>
      {open && (
        <ul class="lines">
          {[1e3, 1e6, 1e8].map((b, i) => (
            <Line key={b} text={["1 kB/s", "1 MB/s", "100 MB/s"][i]!}>
              <path d="M2 6h30" class="stroke" stroke-width={edgeWidth(b)} />
            </Line>
          ))}
          <Line text="inferred or unknown end">
            <path d="M2 6h30" class="stroke" stroke-width="2" stroke-dasharray="7 4" />
          </Line>
          <Line text="idle, nothing open">
            <path d="M3 6h29" class="stroke" stroke-width="2" stroke-dasharray="0.1 5.4" stroke-linecap="round" />
          </Line>
          <Line text="caller → called">
            <path d="M2 6h22" class="stroke" stroke-width="2" />
            <path d="M23 2l9 4-9 4z" class="fill" />
          </Line>
          <Line text="one way only">
            <path d="M2 6h26" class="stroke" stroke-width="2" />
            <path d="M26 3l4 3-4 3" class="stroke" stroke-width="2" />
          </Line>
          <Line text="connects fail">
            <path d="M2 6h30" class="stroke" stroke-width="2" />
            <path d="M13 2l8 8 M21 2l-8 8" class="stroke error" stroke-width="2" />
          </Line>
          <Line text="TLS">
            <path d="M12 5.5h10v6H12z M14 5.5V4a3 3 0 0 1 6 0v1.5" class="stroke tls" stroke-width="1.6" />
          </Line>
          <Line text="new for a minute">
            <rect x="8" y="2" width="18" height="8" rx="3" class="stroke accent" stroke-width="1.6" />
          </Line>
          <Line text="share of the traffic">
            <rect x="3" y="0.7" width="28" height="10.6" rx="3" class="stroke" stroke-width="1.2" />
            <path d="M7 8.5h13" class="stroke ok" stroke-width="2" />
          </Line>
          <Line text="processes in a node">
            <rect x="7" y="0.5" width="20" height="11" rx="5.5" class="faint" />
            <text x="17" y="9" class="digit">
              3
            </text>
          </Line>
          <Line text="a name that is inferred">
            <text x="17" y="9.5" class="digit">
              ~db
            </text>
          </Line>
        </ul>
      )}
    </div>
  );
}
