// Plays with the page as a person would. Arguments: the address of the server, and
// that of the stage, which stops and starts it.

import { readFile } from "node:fs/promises";
import { accessible, browser, check, edgePoint, equal, holds, names, nodePoint, open, places, ready, sleep, until } from "./lib.mjs";

const [url, stage] = process.argv.slice(2);
const post = (path) => fetch(stage + path, { method: "POST" });
const b = await browser();
const page = await open(b, url);

/** Another view, with nothing open. */
async function view(fragment) {
  await page.keyboard.press("Escape");
  await page.evaluate((f) => (location.hash = f), fragment);
  await ready(page, 3);
  await page.waitForTimeout(400);
}

const always = ["10.0.3.7", "203.0.113.9", "catalog.py", "checkout.py", "nginx", "pay.example.com", "postgres", "redis-server", "statsd.py", "worker.py", "wrk"];

await check("shows the programs that talk", async () => {
  await ready(page, 10);
  const there = await names(page);
  for (const n of always) holds(there.includes(n), `${n} is not on the map, which has ${there}`);
  const edges = await page.$$eval("#edges-in-words li", (l) => l.map((x) => x.textContent));
  holds(edges.some((e) => /checkout\.py.*calls postgres/.test(e)), `no edge from checkout.py to postgres in words: ${edges.join(" / ")}`);
  return `${there.length} nodes, ${edges.length} edges`;
});

await check("moves no node over fifty updates", async () => {
  await view("window=1");
  const before = await places(page);
  const seen = new Set();
  let updates = 0;
  const begun = Date.now();
  let last = "";
  while (updates < 50 && Date.now() - begun < 40_000) {
    const now = await page.evaluate(() => document.querySelector(".cy")._cyreg.cy.edges().map((e) => e.id() + e.data("width") + e.data("colour")).join() + document.querySelector(".edge-labels").textContent);
    if (now !== last) updates++;
    last = now;
    const p = await places(page);
    for (const id of Object.keys(p)) {
      if (!(id in before)) {
        seen.add(id);
        before[id] = p[id];
      }
      equal(p[id], before[id], `place of ${id} after ${updates} updates`);
    }
    await sleep(120);
  }
  holds(updates >= 50, `only ${updates} updates`);
  holds(seen.size > 0, "nothing came in the meantime, so nothing was tested");
  return `${updates} updates, ${seen.size} nodes came`;
});

await check("opens an edge and says on what evidence it stands", async () => {
  await view("");
  const p = await edgePoint(page, "checkout.py", "postgres");
  holds(p, "no such edge on the map");
  await page.mouse.click(p.x, p.y);
  await until(page, () => document.querySelector(".drawer h2")?.textContent, null, "a drawer");
  equal(await page.textContent(".drawer h2"), "checkout.py → postgres:5432", "title");
  await until(page, () => /sequence/.test(document.querySelector(".evidence table")?.textContent ?? ""), null, "evidence");
  const evidence = await page.textContent(".evidence");
  holds(/handshake/.test(evidence), `no word on the role: ${evidence}`);
  await until(page, () => document.querySelectorAll(".chart canvas").length >= 2, null, "charts");
  holds(/pid 200/.test(await page.textContent(".ends")), "no card of the client's process");
  holds(/kB\/s/.test(await page.textContent(".figures")), "no rates");
});

await check("copies an edge as id, filter, curl, JSON and Mermaid", async () => {
  await page.evaluate(() => {
    window.copied = [];
    navigator.clipboard.writeText = async (t) => void window.copied.push(t);
  });
  for (const name of ["id", "filter", "curl", "JSON", "Mermaid"]) await page.click(`.copy button:text-is("${name}")`);
  const [id, filter, curl, json, mermaid] = await page.evaluate(() => window.copied);
  holds(/^e:/.test(id), id);
  equal(filter, "from:proc=checkout.py to:proc=postgres port:5432", "filter");
  holds(curl.startsWith(`curl -s '${url}/api/v1/edges/`), curl);
  equal(JSON.parse(json).server_port, 5432, "JSON");
  holds(mermaid.startsWith("flowchart LR\n") && mermaid.includes("-->"), mermaid);
  await page.keyboard.press("Escape");
});

await check("finds commands by name", async () => {
  await view("");
  await page.keyboard.press(":");
  await page.waitForSelector(".palette input:focus");
  await page.keyboard.type("level host");
  await until(page, () => document.querySelectorAll(".palette li").length === 1, null, "the one command with these words");
  await accessible(page, "palette");
  await page.keyboard.press("Enter");
  await until(page, () => /level=host/.test(location.hash) && !document.querySelector(".palette"), null, "the level of hosts, and no palette");
  await view("");
  await page.keyboard.press(":");
  await page.waitForSelector(".palette input:focus");
  await page.keyboard.type("postgres");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector(".drawer h2")?.textContent === "postgres", null, "the node that was named");
  await page.keyboard.press("Escape");
});

await check("copies what is chosen, or the view, as what is asked for", async () => {
  await view("");
  await page.evaluate(() => {
    window.copied = [];
    navigator.clipboard.writeText = async (t) => void window.copied.push(t);
  });
  await page.keyboard.press("Y");
  await page.waitForSelector(".palette input:focus");
  await page.keyboard.type("mermaid");
  await page.keyboard.press("Enter");
  await until(page, () => window.copied.length === 1, null, "a first copy");
  await page.keyboard.press("y");
  await until(page, () => /copied: link/.test(document.querySelector(".toast")?.textContent ?? ""), null, "a word on what was copied");
  const [mermaid, link] = await page.evaluate(() => window.copied);
  holds(mermaid.startsWith("flowchart LR\n") && mermaid.includes("postgres"), mermaid);
  equal(link, await page.evaluate(() => location.href), "link");
  const p = await nodePoint(page, "postgres");
  await page.mouse.click(p.x, p.y);
  await until(page, () => document.querySelector(".drawer h2")?.textContent === "postgres", null, "the node's drawer");
  await page.keyboard.press("Y");
  await page.waitForSelector(".palette input:focus");
  await page.keyboard.type("filter");
  await page.keyboard.press("Enter");
  await until(page, () => window.copied.length === 3, null, "a third copy");
  equal(await page.evaluate(() => window.copied[2]), "proc=postgres", "filter of the node");
  await page.keyboard.press("Escape");
});

await check("shows addresses in place of names", async () => {
  await view("");
  holds((await names(page)).includes("pay.example.com"), `no name of an address: ${await names(page)}`);
  await page.keyboard.press("d");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "198.51.100.4"), null, "the address");
  holds(/addresses=1/.test(await page.evaluate(() => location.hash)), "not in the address of the page");
  await page.keyboard.press("d");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "pay.example.com"), null, "the name again");
});

await check("covers addresses and hosts, and says so in the address only", async () => {
  await view("");
  await page.keyboard.press("r");
  await until(page, () => !document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "203.0.113.9"), null, "the address to be covered");
  const there = await page.evaluate(() => document.querySelector("#map").parentElement.textContent + document.querySelector(".cy")._cyreg.cy.nodes().map((n) => n.data("name")).join(" "));
  holds(!/203\.0|10\.0\.3\.7|web-1/.test(there), there);
  holds(/covered=1/.test(await page.evaluate(() => location.hash)), "not in the address");
  await page.keyboard.press("r");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "203.0.113.9"), null, "the address again");
});

await check("prints what is shown on light paper", async () => {
  await view("");
  await page.emulateMedia({ media: "print" });
  await until(page, () => document.querySelector(".paper svg"), null, "the map as a drawing");
  const paper = await page.evaluate(() => ({
    text: document.querySelector(".paper").textContent,
    theme: document.documentElement.dataset.theme,
    seen: [".rail", ".timeline", ".stage", ".map-buttons"].filter((s) => document.querySelector(s)?.checkVisibility()),
    wide: document.documentElement.scrollWidth - innerWidth,
  }));
  holds(/postgres/.test(paper.text) && /one node for each program/.test(paper.text), paper.text);
  equal([paper.theme, paper.seen, paper.wide > 0], ["light", [], false], "theme, what is of no use on paper, and whether it is too wide");
  await page.emulateMedia({ media: "screen", colorScheme: "dark" });
  await until(page, () => !document.querySelector(".paper") && document.documentElement.dataset.theme === "dark", null, "the page as before");
});

await check("filters with completion, chips and counts", async () => {
  await view("");
  await page.keyboard.press("/");
  await page.keyboard.type("to:proc:postg");
  await until(page, () => [...document.querySelectorAll(".offers .offer")].some((o) => /postgres/.test(o.textContent)), null, "postgres among the suggestions");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelectorAll(".chip").length === 1, null, "a chip");
  await until(page, () => !document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "wrk" && !n.hasClass("gone")), null, "wrk to be filtered away");
  const there = await names(page);
  holds(there.includes("postgres") && there.includes("checkout.py") && !there.includes("redis-server"), `after the filter: ${there}`);
  holds(/^\d+\/\d+$/.test(await page.textContent(".matched")), "no counts");
  await page.goBack();
  await until(page, () => document.querySelectorAll(".chip").length === 0, null, "the chip to go with the browser's button");
});

await check("lets what is typed stand out", async () => {
  await view("");
  await page.mouse.move(5, 5); // what is under the pointer stands out, too
  await page.keyboard.press("/");
  await page.keyboard.type("postg");
  const strong = () => page.evaluate(() => document.querySelector(".cy")._cyreg.cy.nodes().filter((n) => !n.hasClass("far") && !n.hasClass("box") && !n.hasClass("gone")).map((n) => n.data("name")));
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes(".far").length > 3, null, "the others to be dimmed");
  equal(await strong(), ["postgres"], "what stands out");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Escape");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes(".far").length === 0, null, "all as before");
});

await check("shows where a filter is wrong", async () => {
  await view("");
  await page.keyboard.press("/");
  await page.keyboard.type("prot:5432");
  await until(page, () => /port|proto/.test(document.querySelector(".offers .problem")?.textContent ?? ""), null, "what is wrong, with the nearest key");
  holds(/\^/.test(await page.textContent(".offers .problem code")), "no position");
  await page.fill(".filter input", "");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
});

await check("says which part of a filter hides everything", async () => {
  await page.evaluate(() => (location.hash = "filter=" + encodeURIComponent("proc:nginx port:9")));
  await until(page, () => /0 of \d+ edges match/.test(document.querySelector(".empty")?.textContent ?? ""), null, "that nothing matches");
  await until(page, () => /then [1-9]/.test(document.querySelector(".empty")?.textContent ?? ""), null, "how many there would be without a part");
  await page.click('.empty button:has-text("port:9")');
  await until(page, () => !document.querySelector(".empty") && document.querySelectorAll(".chip").length === 1, null, "edges again");
});

await check("goes back in time, and a reload shows the same", async () => {
  await view("");
  await until(page, () => (document.querySelector(".strip .bars")?.getAttribute("d") ?? "").length > 100, null, "an activity strip");
  holds((await page.$$(".strip .gap")).length > 0, "the time when nobody looked is not hatched");
  const r = await (await page.$(".strip svg")).boundingBox();
  await page.mouse.click(r.x + r.width * 0.93, r.y + 10);
  await until(page, () => /at=\d+/.test(location.hash), null, "the time in the address");
  await page.waitForTimeout(600);
  const [hash, before, there] = [await page.evaluate(() => location.hash), await places(page, "map"), await names(page)];
  holds(there.includes("postgres"), `then there was: ${there}`);
  await page.reload();
  await ready(page, 10);
  await page.waitForTimeout(600);
  equal(await page.evaluate(() => location.hash), hash, "address");
  equal(await places(page, "map"), before, "places");
  await page.keyboard.press("p");
  await until(page, () => !/at=/.test(location.hash), null, "now again");
});

await check("plays, steps and jumps to events", async () => {
  await view("");
  await page.keyboard.press("[");
  await page.keyboard.press("[");
  const first = await page.evaluate(() => Number(/at=(\d+)/.exec(location.hash)[1]));
  await page.click('.time-buttons button[aria-label="Play"]');
  await until(page, (first) => Number(/at=(\d+)/.exec(location.hash)?.[1] ?? Infinity) > first, first, "time to go on");
  await page.click(".live");
  await page.keyboard.press("{");
  await until(page, () => /at=\d+/.test(location.hash), null, "the time of an event");
  await page.keyboard.press("p");
});

await check("compares two times", async () => {
  await view("");
  await page.keyboard.press("c");
  await until(page, () => /before=\d+/.test(location.hash) && document.querySelector(".drawer h2")?.textContent === "A ↔ B", null, "the comparison");
  await until(page, () => document.querySelectorAll(".drawer .edge-list, .drawer .muted").length > 0 && !/asking/.test(document.querySelector(".drawer").textContent), null, "what is different");
  const said = await page.textContent(".drawer");
  holds(/Added|Gone|Changed|same edges/.test(said), said);
  await page.keyboard.press("c");
});

await check("finds the ways between two nodes", async () => {
  await view("");
  const from = await nodePoint(page, "wrk");
  await page.mouse.click(from.x, from.y);
  await page.waitForTimeout(300);
  const to = await nodePoint(page, "checkout.py");
  await page.keyboard.down("Shift");
  await page.mouse.click(to.x, to.y);
  await page.keyboard.up("Shift");
  await until(page, () => /way/.test(document.querySelector(".drawer .sentence")?.textContent ?? ""), null, "ways");
  const ways = await page.$$eval(".way", (l) => l.map((w) => [...w.querySelectorAll(".node-link b")].map((x) => x.textContent)));
  equal(ways[0]?.[0], "wrk", "first node of the first way");
  equal(ways[0]?.at(-1), "checkout.py", "last node of the first way");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
});

await check("pins what is dragged, in the address, and tidies on request", async () => {
  await view("");
  const [before, p] = [await places(page), await nodePoint(page, "wrk")];
  await page.mouse.move(p.x, p.y);
  await page.mouse.down();
  await page.mouse.move(p.x + 30, p.y + 60, { steps: 4 });
  await page.mouse.up();
  await until(page, () => /pin=/.test(location.hash), null, "the pin in the address");
  await page.waitForTimeout(700);
  const after = await places(page);
  equal([Math.round(after[p.id][0] - before[p.id][0]), Math.round(after[p.id][1] - before[p.id][1])], [30, 60], "how far it was moved");
  for (const id of Object.keys(before)) if (id !== p.id && id in after) equal(after[id], before[id], `place of ${id}, which nobody moved`);
  await page.keyboard.press("0");
  await until(page, () => !/pin=/.test(location.hash), null, "the pin to be gone");
});

await check("keeps level, colour, label, boxes and focus in the address", async () => {
  await view("");
  for (const key of ["1", "o", "l"]) await page.keyboard.press(key);
  await page.click('input[name="group"] >> nth=3');
  const hash = await page.evaluate(() => location.hash);
  for (const part of ["level=process", "colour=rtt", "label=rtt", "group=none"]) holds(hash.includes(part), `${part} is not in ${hash}`);
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().filter((n) => n.data("name") === "nginx").length === 3, null, "three processes of nginx");
  for (let i = 0; i < 4; i++) await page.goBack();
  await until(page, () => location.hash === "", null, "the first view again");
  await ready(page, 10);
});

await check("walks by keys and opens with Enter", async () => {
  await view("");
  await page.focus("#map");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelector(".drawer h2"), null, "a drawer");
  await page.keyboard.press("F");
  await until(page, () => /hops=1/.test(location.hash), null, "the focus");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await until(page, () => location.hash === "", null, "all again");
  await page.keyboard.press("?");
  await until(page, () => document.querySelector(".help"), null, "the list of keys");
  await accessible(page, "list of keys");
  await page.keyboard.press("Escape");
});

await check("folds a box and opens it again", async () => {
  await view("");
  const p = await nodePoint(page, "wrk");
  await page.mouse.click(p.x, p.y);
  await page.keyboard.press("b");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.id().startsWith("folded:")), null, "a folded box");
  await page.keyboard.press("b");
  await until(page, () => document.querySelector(".cy")._cyreg.cy.nodes().some((n) => n.data("name") === "wrk"), null, "what was in it");
});

await check("exports what is shown", async () => {
  await view("");
  const wanted = { SVG: /^<svg /, PNG: /^\x89PNG/, JSON: /^\{/, Mermaid: /^flowchart LR/, DOT: /^digraph/ };
  for (const [format, pattern] of Object.entries(wanted)) {
    await page.click('.menu button[aria-label^="Export"]');
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: 10_000 }), page.click(`.menu li button:text-is("${format}")`)]);
    const text = await readFile(await download.path(), format === "PNG" ? "latin1" : "utf8");
    holds(pattern.test(text), `${format} begins ${text.slice(0, 60)}`);
    if (format !== "PNG") holds(text.includes("postgres"), `${format} does not have postgres`);
  }
});

await check("has nothing serious for axe, dark and light, in every view", async () => {
  await view("");
  for (const [scheme, key, what] of [["dark", "m", "map"], ["light", "m", "map"], ["dark", "x", "matrix"], ["light", "t", "table"]]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.keyboard.press(key);
    await page.waitForTimeout(300);
    await accessible(page, `${what}, ${scheme}`);
  }
  await page.click(".rows-view tbody tr:not([aria-hidden]) >> nth=0");
  await until(page, () => document.querySelector(".evidence table"), null, "evidence");
  await accessible(page, "drawer, light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.keyboard.press("Escape");
  await page.keyboard.press("m");
});

await check("sorts the table and freezes its order", async () => {
  await view("");
  await page.keyboard.press("t");
  await page.click('th button:text-is("Client")');
  const clients = await page.$$eval(".rows-view tbody tr:not([aria-hidden]) td:nth-child(2) b", (l) => l.map((x) => x.textContent));
  equal(clients, [...clients].sort((x, y) => x.localeCompare(y, "en", { numeric: true })), "clients");
  await page.keyboard.press("z");
  holds(/frozen/.test(await page.textContent("th.c-spark")), "the order is not frozen");
  await page.keyboard.press("z");
  await page.keyboard.press("m");
});

await check("fits at 200 percent and on a small screen", async () => {
  for (const [width, height] of [[720, 450], [900, 600]]) {
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(200);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    holds(over <= 0, `${width}x${height}: ${over} px too wide`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
});

await check("says nothing on the console and asks nobody else", async () => {
  equal(page.outside, [], "requests elsewhere");
  equal(page.refused, [], "requests that were refused");
  equal(page.complaints, [], "console");
});

await check("says that the agent is gone, and comes back", async () => {
  await post("/stop");
  await until(page, () => /unreachable for \d+ s.*frozen at/.test(document.querySelector(".banner")?.textContent ?? ""), null, "the banner");
  holds((await names(page)).includes("postgres"), "the map is gone, too");
  await post("/start?more=0");
  await until(page, () => !document.querySelector(".banner"), null, "the banner to go", 20_000);
});

await check("speaks of a clock that differs", async () => {
  const other = await open(b, url, { before: "const real = Date.now; Date.now = () => real() - 90_000;" });
  await until(other, () => /clock/.test(document.querySelector(".chips-bar")?.textContent ?? ""), null, "a word on the clock");
  await other.context().close();
});

await check("eight windows share one stream, and go on when the first is closed", async () => {
  // A browser opens six connections to a server: with a stream each, the seventh window would wait for ever.
  const context = await b.newContext({ viewport: { width: 900, height: 600 } });
  const pages = [];
  for (let i = 0; i < 8; i++) {
    const p = await context.newPage();
    pages.push(p);
    await p.goto(url, { timeout: 20_000 });
    await ready(p, 8);
  }
  await pages.shift().close();
  for (const p of pages) {
    const last = await p.textContent(".live .mono");
    await until(p, (last) => document.querySelector(".live .mono").textContent > last, last, `a later time than ${last}`, 20_000);
  }
  await context.close();
});

const numbers = [];
await check("draws first soon and pans smoothly", async () => {
  const p = await open(b, url, { reducedMotion: "no-preference" });
  await ready(p, 10);
  numbers.push(await speed(p, "small map"));
  await p.context().close();
  return numbers.join("; ");
});

await check("shows a table for too many edges, and the map on request", async () => {
  await post("/start?more=400");
  const p = await open(b, url + "/#limit=0");
  await until(p, () => /too many for a map/.test(document.querySelector(".note")?.textContent ?? ""), null, "the table instead of the map", 40_000);
  await p.keyboard.press("g");
  await ready(p, 300);
  const note = await speed(p, "400 nodes, 800 edges");
  equal(p.complaints, [], "console");
  await p.context().close();
  const q = await open(b, url);
  await ready(q, 20);
  const shown = await q.textContent(".size");
  holds(/more in bundles/.test(shown), shown);
  const bundle = await q.evaluate(() => document.querySelector(".cy")._cyreg.cy.nodes().filter((n) => /^\+\d+ more/.test(n.data("name")))[0].data("name"));
  const at = await nodePoint(q, bundle);
  await q.mouse.dblclick(at.x, at.y);
  await until(q, () => /limit=240/.test(location.hash), null, `more nodes when ${bundle} is opened`);
  await q.context().close();
  return note;
});

if (process.env.LARGE) {
  await check("draws five thousand nodes on request", async () => {
    await post("/start?more=5000");
    const p = await open(b, url);
    await ready(p, 20);
    holds(/more in bundles/.test(await p.textContent(".size")), "not the first sixty");
    await p.context().close();
    const q = await open(b, url + "/#limit=0");
    const begun = Date.now();
    await until(q, () => /too many for a map/.test(document.querySelector(".note")?.textContent ?? ""), null, "the table", 120_000);
    const table = Date.now() - begun;
    await q.keyboard.press("g");
    const asked = Date.now();
    await ready(q, 5000);
    const map = Date.now() - asked;
    holds(/looked at every/.test(await q.textContent(".size")), "not said that it is no stream");
    const note = await speed(q, "5,000 nodes, 20,000 edges");
    equal(q.complaints, [], "console");
    await q.context().close();
    return `table after ${table} ms, map ${map} ms after g; ${note}`;
  });
}

if (process.env.SCREENS) {
  await check("takes pictures", async () => {
    await post("/start?more=0");
    for (const [name, scheme, fragment, edge, size] of [
      ["web-map", "dark", "", ["checkout.py", "postgres"], [1680, 940]],
      ["web-light", "light", "", null, [1440, 900]],
      ["web-table", "dark", "view=table", null, [1440, 900]],
      ["web-small", "light", "", null, [900, 600]],
    ]) {
      const p = await open(b, url, { colorScheme: scheme, viewport: { width: size[0], height: size[1] } });
      await ready(p, 10);
      await p.evaluate((f) => (location.hash = f), fragment);
      await p.waitForTimeout(4000); // for the charts and the little curves
      if (edge) {
        const at = await edgePoint(p, ...edge);
        await p.mouse.click(at.x, at.y);
        await until(p, () => document.querySelector(".evidence table"), null, "evidence");
        await p.mouse.move(5, 5);
        await p.waitForTimeout(1500);
      }
      await p.screenshot({ path: `${process.env.SCREENS}/${name}.png` });
      await p.context().close();
    }
  });
}

/** First paint, frames a second while panning, and the heap. */
async function speed(p, what) {
  await p.waitForTimeout(1500);
  const paint = await p.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
  await p.evaluate(() => {
    window.frames_ = [];
    let last = performance.now();
    const next = () => {
      const now = performance.now();
      window.frames_.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const [x, y] = [1180, 110];
  await p.mouse.move(x, y);
  await p.mouse.down();
  await p.evaluate(() => (window.frames_.length = 0));
  for (let i = 0; i < 30; i++) {
    await p.mouse.move(x - 4 * i, y + 2 * i);
    await sleep(16);
  }
  const frames = await p.evaluate(() => [...window.frames_]);
  await p.mouse.up();
  const heap = await p.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  const rate = (1000 * frames.length) / frames.reduce((a, c) => a + c, 0);
  // A machine that others use too is slow; a page that reads everything first, or draws
  // everything anew for each frame, is slower.
  holds(paint > 0 && paint < 3000 && rate > 10, `${what}: first paint after ${paint} ms, ${rate} frames a second`);
  const median = frames.toSorted((x, y) => x - y)[frames.length >> 1];
  return `${what}: first paint ${Math.round(paint)} ms, ${rate.toFixed(0)} frames/s while panning, half of them within ${Math.round(median)} ms, heap ${(heap / 1e6).toFixed(0)} MB (software rendering)`;
}

await b.close();
