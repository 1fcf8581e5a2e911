// What the browser tests share: a browser, a page that is watched, and findings.

import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const flags = [
  "--no-sandbox", // Chromium has no sandbox for root
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: flags });
}

/** A page at that address; what it says on the console and asks elsewhere is written down. */
export async function open(b, url, options = {}) {
  const context = await b.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", reducedMotion: "reduce", acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.outside = [];
  page.refused = [];
  const here = new URL(url).origin;
  page.on("console", (m) => m.type() === "error" && page.complaints.push(m.text()));
  page.on("pageerror", (e) => page.complaints.push(e.stack ?? String(e)));
  page.on("response", (r) => r.status() >= 400 && page.refused.push(`${r.status()} ${r.url()}`));
  page.on("request", (r) => {
    const u = new URL(r.url());
    if (u.protocol !== "data:" && u.protocol !== "blob:" && u.origin !== here) page.outside.push(r.url());
  });
  if (options.before) await page.addInitScript(options.before);
  await page.goto(url);
  return page;
}

/** Runs one check and prints what came of it, as a line of JSON. ONLY=word runs those whose name has the word. */
export async function check(name, f) {
  if (process.env.ONLY && !name.includes(process.env.ONLY)) return;
  const began = Date.now();
  const finding = { name, error: "", note: "", ms: 0 };
  try {
    finding.note = (await f()) ?? "";
  } catch (e) {
    finding.error = String(e.message ?? e).slice(0, 2000);
  }
  finding.ms = Date.now() - began;
  finding.note += `${finding.note ? "; " : ""}${finding.ms} ms`;
  console.log(JSON.stringify(finding));
}

export function equal(got, want, what) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  if (g !== w) throw new Error(`${what}: got ${g}, want ${w}`);
}

export function holds(condition, what) {
  if (!condition) throw new Error(what);
}

/** Waits until f, in the page, gives something true, and gives that. */
export async function until(page, f, argument, what, timeout = 45_000) {
  try {
    const h = await page.waitForFunction(f, argument, { timeout, polling: 100 });
    return await h.jsonValue();
  } catch {
    throw new Error(`${what}: not within ${timeout} ms`);
  }
}

/** Where the nodes are that talk now: on the screen, or on the map whatever part of it is in sight. */
export async function places(page, where = "screen") {
  return page.evaluate((where) => {
    const cy = document.querySelector(".cy")._cyreg.cy;
    const nodes = cy.nodes().filter((n) => !n.hasClass("box") && !n.hasClass("gone"));
    const place = (n) => (where === "screen" ? n.renderedPosition() : n.position());
    return Object.fromEntries(nodes.map((n) => [n.id(), [place(n).x, place(n).y].map((v) => Math.round(v * 100) / 100)]).sort());
  }, where);
}

export async function names(page) {
  return page.evaluate(() => {
    const cy = document.querySelector(".cy")._cyreg.cy;
    return cy.nodes().filter((n) => !n.hasClass("box") && !n.hasClass("gone")).map((n) => n.data("name")).sort();
  });
}

/** A point of the screen where an edge between two nodes with these names is under the pointer, and no other. */
export async function edgePoint(page, from, to) {
  return page.evaluate(
    ([from, to]) => {
      const cy = document.querySelector(".cy")._cyreg.cy;
      const e = cy.edges().filter((x) => x.source().data("name") === from && x.target().data("name") === to)[0];
      if (!e) return null;
      const r = document.querySelector(".cy").getBoundingClientRect();
      const [pan, zoom] = [cy.pan(), cy.zoom()];
      const c = [e.sourceEndpoint(), ...e.controlPoints(), e.targetEndpoint()];
      const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
      const n = c.length - 2;
      for (let i = 0; i < n; i++) {
        const [p, q, s] = [i === 0 ? c[0] : middle(c[i], c[i + 1]), c[i + 1], i === n - 1 ? c[n + 1] : middle(c[i + 1], c[i + 2])];
        for (let u = 0.05; u < 1; u += 0.05) {
          const at = (k) => (1 - u) ** 2 * p[k] + 2 * u * (1 - u) * q[k] + u ** 2 * s[k];
          const [x, y] = [at("x"), at("y")];
          if (cy.renderer().findNearestElement(x, y, true, false)?.id() !== e.id()) continue;
          return { id: e.id(), x: r.left + x * zoom + pan.x, y: r.top + y * zoom + pan.y };
        }
      }
      return null;
    },
    [from, to],
  );
}

export async function nodePoint(page, name) {
  return page.evaluate((name) => {
    const cy = document.querySelector(".cy")._cyreg.cy;
    const n = cy.nodes().filter((x) => x.data("name") === name && !x.hasClass("box"))[0];
    if (!n) return null;
    const r = document.querySelector(".cy").getBoundingClientRect();
    return { id: n.id(), x: r.left + n.renderedPosition("x"), y: r.top + n.renderedPosition("y") };
  }, name);
}

/** The map is there and has this many nodes or more. */
export async function ready(page, least = 1) {
  await until(page, (least) => (document.querySelector(".cy")?._cyreg?.cy.nodes().length ?? 0) >= least, least, `a map with ${least} nodes`);
}

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** What axe finds that is serious or worse. */
export async function accessible(page, what) {
  // The policy forbids script elements, so the library is evaluated instead of added.
  if (!(await page.evaluate(() => "axe" in window))) {
    const { readFile } = await import("node:fs/promises");
    await page.evaluate((await readFile(axeSource, "utf8")) + "; undefined");
  }
  const found = await page.evaluate(async () => {
    const r = await window.axe.run(document, { resultTypes: ["violations"] });
    return r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => `${v.id}: ${v.help} (${v.nodes.length}): ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? n.failureSummary ?? "")).join(" | ")}`);
  });
  if (found.length > 0) throw new Error(`${what}: ${found.join("; ")}`);
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
