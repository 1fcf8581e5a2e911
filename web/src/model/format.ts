// Numbers as people read them. What is not known is a dash, never a zero.

export const unknown = "–";

const steps = ["", "k", "M", "G", "T", "P"];

/** Three digits at most and a decimal prefix: 812, 9.8k, 1.2M. */
export function short(n: number): string {
  let i = 0;
  let v = Math.abs(n);
  while (v >= 999.5 && i < steps.length - 1) {
    v /= 1000;
    i++;
  }
  const text = v >= 99.95 || (i === 0 && Number.isInteger(v)) ? v.toFixed(0) : v >= 9.95 ? v.toFixed(0) : v.toFixed(1);
  return (n < 0 ? "-" : "") + text + steps[i];
}

function withUnit(n: number, unit: string): string {
  const s = short(n);
  const prefix = /[kMGTP]$/.exec(s)?.[0] ?? "";
  return s.slice(0, s.length - prefix.length) + "\u202f" + prefix + unit;
}

export function bytes(n: number | undefined): string {
  return n === undefined ? unknown : withUnit(n, "B");
}

export function rate(n: number | undefined): string {
  return n === undefined ? unknown : withUnit(n, "B/s");
}

export function perSecond(n: number | undefined): string {
  return n === undefined ? unknown : short(n) + "/s";
}

export function count(n: number | undefined): string {
  return n === undefined ? unknown : n.toLocaleString("en").replaceAll(",", "\u202f");
}

/** A duration given in seconds, from microseconds to days. */
export function duration(s: number | undefined): string {
  if (s === undefined) return unknown;
  if (s < 0.0009995) return round(s * 1e6) + "\u202fµs";
  if (s < 0.9995) return round(s * 1e3) + "\u202fms";
  if (s < 119.5) return round(s) + "\u202fs";
  if (s < 7200) return Math.round(s / 60) + "\u202fmin";
  if (s < 172800) return Math.round(s / 3600) + "\u202fh";
  return Math.round(s / 86400) + "\u202fd";
}

function round(n: number): string {
  return n >= 9.95 ? n.toFixed(0) : n.toFixed(1).replace(/\.0$/, "");
}

/** The host's wall clock is not known here: times are those of the reader. */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}

export function dateAndClock(ms: number): string {
  const d = new Date(ms);
  const day = d.toLocaleDateString("en-CA");
  return day === new Date().toLocaleDateString("en-CA") ? clock(ms) : day + " " + clock(ms);
}

export function plural(n: number, one: string, many = one + "s"): string {
  return count(n) + " " + (n === 1 ? one : many);
}
