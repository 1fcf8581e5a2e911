// The colours of the style sheet, for what is drawn on a canvas or exported.

import type { Token } from "../model/encode";

export interface Theme {
  dark: boolean;
  colour: Record<Token, string>;
  ground: string;
  card: string;
  cardGone: string;
  line: string;
  text: string;
  muted: string;
  box: string;
  boxLine: string;
  font: string;
  mono: string;
}

const tokens: Token[] = ["ok", "warn", "bad", "error", "idle", "tls", "accent", "cat1", "cat2", "cat3", "cat4", "cat5"];

/** Reads the custom properties as they are now; to be called again when the theme changes. */
export function readTheme(dark: boolean): Theme {
  const style = getComputedStyle(document.documentElement);
  const value = (name: string) => style.getPropertyValue("--" + name).trim();
  return {
    dark,
    colour: Object.fromEntries(tokens.map((t) => [t, value(t)])) as Record<Token, string>,
    ground: value("map"),
    card: value("card"),
    cardGone: value("ground"),
    line: value("card-line"),
    text: value("text"),
    muted: value("muted"),
    box: value("box"),
    boxLine: value("box-line"),
    font: value("font"),
    mono: value("mono"),
  };
}
