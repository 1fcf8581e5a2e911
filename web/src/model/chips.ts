// A filter expression as the terms a person sees as chips. The server reads the
// language; here it is only cut at the spaces between terms that must all hold.

/** The terms, or the whole expression as one where it has an "or" at its top. */
export function split(expression: string): string[] {
  const terms: string[] = [];
  let start = -1;
  let depth = 0;
  let quote = "";
  for (let i = 0; i <= expression.length; i++) {
    const c = expression[i] ?? " ";
    if (quote) {
      if (c === "\\") i++;
      else if (c === quote) quote = "";
      continue;
    }
    if (c === '"') quote = c;
    // A slash begins a regular expression only where a value or a term begins.
    else if (c === "/" && (start < 0 || /[:=~(]/.test(expression[i - 1] ?? ""))) quote = c;
    else if (c === "(") depth++;
    else if (c === ")") depth--;
    if (/\s/.test(c) && depth <= 0 && !quote) {
      if (start >= 0) terms.push(expression.slice(start, i));
      start = -1;
    } else if (start < 0) {
      start = i;
    }
  }
  if (start >= 0 && start < expression.length) terms.push(expression.slice(start).trimEnd());
  if (terms.some((t) => /^(or|\|)$/i.test(t))) return [expression.trim()];
  return glue(terms.filter((t) => !/^and$/i.test(t)));
}

/** "not port:80" is one term. */
function glue(terms: string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < terms.length; i++) {
    let t = terms[i]!;
    while (/^(not|!|-)$/i.test(terms[i]!) && i + 1 < terms.length) t += " " + terms[++i];
    out.push(t);
  }
  return out;
}

export function join(terms: string[]): string {
  return terms.length > 1 ? terms.map((t) => (/\s(or|\|)\s/i.test(t) && !/^[!-]?\(.*\)$/.test(t) ? `(${t})` : t)).join(" ") : (terms[0] ?? "");
}

/** Quotes a value if the language would not read it as one word. */
export function quote(value: string): string {
  return /^[\w.@*+-]+$/.test(value) ? value : '"' + value.replaceAll("\\", "\\\\").replaceAll('"', '\\"') + '"';
}
