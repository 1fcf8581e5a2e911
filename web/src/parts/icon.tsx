// Small drawings, each one path in a square of 16. They inherit the text's colour.

import { glyphs } from "../map/card";

const icons: Record<string, string> = {
  ...glyphs,
  plus: "M8 3v10 M3 8h10",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6 M10 2.5h3.5V6 M13.5 10v3.5H10 M6 13.5H2.5V10",
  tidy: "M3 3.5h4v3H3z M3 9.5h4v3H3z M9.5 6.5h4v3h-4z M7 5l2.5 2.6 M7 11l2.5-2.6",
  close: "M3.5 3.5l9 9 M12.5 3.5l-9 9",
  search: "M7 2.5a4.5 4.5 0 1 0 .01 0z M10.3 10.3l3.4 3.4",
  sun: "M8 5.2a2.8 2.8 0 1 0 .01 0z M8 1.5v1.6 M8 12.9v1.6 M1.5 8h1.6 M12.9 8h1.6 M3.4 3.4l1.1 1.1 M11.5 11.5l1.1 1.1 M12.6 3.4l-1.1 1.1 M4.5 11.5l-1.1 1.1",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3a5.6 5.6 0 1 0 6.6 6.6z",
  auto: "M8 2.5a5.5 5.5 0 1 0 .01 0z M8 2.5v11 M8 5l3.6-1 M8 8h5.4 M8 11l3.6 1",
  help: "M5.6 6a2.4 2.4 0 1 1 3.5 2.2c-.8.4-1.1.8-1.1 1.6 M8 12.4h.1",
  download: "M8 2.5v7.5 M4.8 7L8 10.2 11.2 7 M2.8 13.2h10.4",
  play: "M5 3.2l7.5 4.8L5 12.8z",
  pause: "M5.2 3v10 M10.8 3v10",
  back: "M10 3L5 8l5 5",
  forward: "M6 3l5 5-5 5",
  compare: "M2.5 3.5h4.5v9H2.5z M9 3.5h4.5v9H9z",
  warning: "M8 2.3l6.2 11.2H1.8z M8 6.5v3.4 M8 11.7h.1",
  lock: "M4 7.2h8v6H4z M5.6 7V5.2a2.4 2.4 0 0 1 4.8 0V7",
  copy: "M5.5 5.5h8v8h-8z M10.5 5.3V2.5h-8v8h2.8",
  map: "M2.5 4.5h3.4v3H2.5z M10.1 2.8h3.4v3h-3.4z M10.1 10.2h3.4v3h-3.4z M5.9 6h2.1 M8 4.3v7.4 M8 4.3h2.1 M8 11.7h2.1",
  table: "M2.5 3h11v10h-11z M2.5 6.3h11 M2.5 9.6h11 M6.5 6.3V13",
  matrix: "M2.5 2.5h3v3h-3z M6.5 6.5h3v3h-3z M10.5 10.5h3v3h-3z M10.5 2.5h3v3h-3z",
  problem: "M8 2.3l6.2 11.2H1.8z M8 6.5v3.4 M8 11.7h.1",
  focus: "M8 5.5a2.5 2.5 0 1 0 .01 0z M8 1.5v2 M8 12.5v2 M1.5 8h2 M12.5 8h2",
};

export function Icon({ name, size = 16 }: { name: string; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={icons[name] ?? ""} />
    </svg>
  );
}
